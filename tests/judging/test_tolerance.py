"""The allowance covers the arithmetic of any right program, and little more."""

import numpy as np
import pytest
import torch

from deltarule import engine
from deltarule.judging.tolerance import EPSILON, SAFETY, epsilon_of, network_allowance


def float32_gradients(network, x, y):
    """Outputs and gradients in float32, by torch's autograd: an independent program."""
    parameters = [
        torch.tensor(p, dtype=torch.float32, requires_grad=True) for p in engine.parameters(network)
    ]
    z = torch.tensor(x, dtype=torch.float32)
    for number in range(0, len(parameters), 2):
        z = z @ parameters[number] + parameters[number + 1]
        last = number == len(parameters) - 2
        z = torch.sigmoid(z) if last else torch.tanh(z)
    loss = torch.mean((torch.tensor(y, dtype=torch.float32) - z) ** 2)
    loss.backward()
    return z.detach().numpy(), float(loss.detach()), [p.grad.numpy() for p in parameters]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("depth", [0, 1, 4])
def test_float32_rounding_stays_inside_the_analysed_bound(seed, depth):
    rng = np.random.default_rng(seed)
    sizes = [int(s) for s in rng.integers(1, 9, depth + 1)] + [1]
    network = engine.random_network(rng, sizes, engine.TANH, engine.SIGMOID, engine.MSE, 2.0)
    x, y = rng.normal(0, 2, (6, sizes[0])), rng.uniform(0, 1, (6, 1))
    allowance = network_allowance(network, x, y)
    outputs, loss, gradients = float32_gradients(network, x, y)
    expected = engine.backward(network, engine.forward(network, x), y).by_parameter()
    eps = EPSILON["float32"] / SAFETY  # the bound itself, without the safety factor
    assert np.all(np.abs(outputs - engine.forward(network, x).y_hat) <= allowance.y_hat * eps)
    assert abs(loss - engine.loss(network, x, y)) <= allowance.loss * eps
    pairs = [a for pair in zip(allowance.weight, allowance.bias, strict=True) for a in pair]
    for got, want, allowed in zip(gradients, expected, pairs, strict=True):
        assert np.all(np.abs(got - want) <= allowed * eps)


@pytest.mark.parametrize("seed", range(20))
def test_the_allowance_is_well_below_the_gradients_themselves(seed):
    rng = np.random.default_rng(seed)
    network = engine.random_network(rng, (4, 6, 5, 1), engine.TANH, engine.SIGMOID, engine.MSE, 1.5)
    x, y = rng.normal(0, 1, (5, 4)), rng.uniform(0, 1, (5, 1))
    gradients = engine.backward(network, engine.forward(network, x), y)
    allowance = network_allowance(network, x, y)
    for gradient, allowed in zip(gradients.weight, allowance.weight, strict=True):
        relative = np.median(allowed * EPSILON["float32"] / np.abs(gradient))
        assert relative < 2e-2


def test_a_coarser_type_is_not_given_a_coarser_tolerance():
    assert epsilon_of("float64") < epsilon_of("float32")
    assert epsilon_of("float16") == epsilon_of("float32")
    assert epsilon_of("float64", "float32") == epsilon_of("float32")
