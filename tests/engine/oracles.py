"""What the engine is compared with: torch.autograd and central differences, on random cases.

Neither oracle sees the engine's backward pass: torch gets the parameters and PyTorch's own
activations and losses; `engine.numerical` gets the engine's forward pass only.
"""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from deltarule.engine import (
    CROSS_ENTROPY,
    CROSS_ENTROPY_WITH_LOGITS,
    MSE,
    Array,
    Gradients,
    Network,
    activations,
    losses,
    random_network,
)

EPS = float(np.finfo(np.float64).eps)

ROUNDINGS_PER_ACTIVATION = 8
"""An activation, its derivative and a product are right to a few units in the last place each."""

TRUNCATION = 100.0
"""Third derivatives of a loss by one parameter, relative to the loss and its gradients. In 3500
random cases the largest error was 17 eps^(2/3); a wrong step makes one of 1e6 eps^(2/3)."""

OUTPUTS = (
    *((activation.name, MSE.name) for activation in activations.ACTIVATIONS),
    ("sigmoid", "bce"),
    ("identity", "bce_with_logits"),
    ("softmax", "cross_entropy"),
    ("identity", "cross_entropy_with_logits"),
)
"""Output activations and the losses that make sense after them."""

repeatable = settings(derandomize=True, deadline=None, database=None)

TORCH_ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda z: z,
    "softmax": lambda z: torch.softmax(z, dim=1),
}

F = torch.nn.functional
TORCH_LOSSES = {
    "mse": lambda y, y_hat: F.mse_loss(y_hat, y),
    "bce": lambda y, y_hat: F.binary_cross_entropy(y_hat, y),
    "bce_with_logits": lambda y, z: F.binary_cross_entropy_with_logits(z, y),
    "cross_entropy": lambda y, y_hat: F.nll_loss(torch.log(y_hat), y.argmax(dim=1)),
    "cross_entropy_with_logits": lambda y, z: F.cross_entropy(z, y.argmax(dim=1)),
}


@dataclass(frozen=True, eq=False)
class Case:
    """A network with a batch for it."""

    network: Network
    x: Array
    y: Array


def random_case(
    seed: int, sizes: tuple[int, ...], samples: int, hidden: str, output: str, loss: str
) -> Case:
    """A network with normal parameters, a normal batch, and targets that suit the loss."""
    rng = np.random.default_rng(seed)
    network = random_network(
        rng,
        sizes,
        activations.by_name(hidden),
        activations.by_name(output),
        losses.by_name(loss),
    )
    x = rng.normal(size=(samples, sizes[0]))
    shape = (samples, sizes[-1])
    if network.loss in (CROSS_ENTROPY, CROSS_ENTROPY_WITH_LOGITS):
        y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=samples)]
    elif network.loss == MSE:
        y = rng.normal(size=shape)
    else:
        y = rng.integers(2, size=shape).astype(np.float64)
    return Case(network, x, y)


@st.composite
def cases(draw: st.DrawFn, hidden: tuple[str, ...] = tuple(TORCH_ACTIVATIONS)) -> Case:
    """0-4 hidden layers, widths 1-6, batches of 1-7, every sensible combination."""
    width = st.integers(1, 6)
    sizes = draw(st.lists(width, min_size=2, max_size=6))
    return random_case(
        draw(st.integers(0, 2**32 - 1)),
        tuple(sizes),
        draw(st.integers(1, 7)),
        draw(st.sampled_from(hidden)),
        *draw(st.sampled_from(OUTPUTS)),
    )


def torch_gradients(case: Case) -> tuple[float, Gradients]:
    """Loss and gradients by torch.autograd, in float64."""
    weight, bias, z_in = [], [], []
    z = torch.from_numpy(case.x)
    for layer in case.network.layers:
        weight.append(torch.from_numpy(layer.weight).clone().requires_grad_())
        bias.append(torch.from_numpy(layer.bias).clone().requires_grad_())
        z_in.append(z @ weight[-1] + bias[-1])
        z = TORCH_ACTIVATIONS[layer.activation.name](z_in[-1])
    value = TORCH_LOSSES[case.network.loss.name](torch.from_numpy(case.y), z)
    slopes = [slope.numpy() for slope in torch.autograd.grad(value, [*weight, *bias, *z_in])]
    depth = len(weight)
    return value.item(), Gradients(
        tuple(slopes[:depth]), tuple(slopes[depth : 2 * depth]), tuple(slopes[2 * depth :])
    )


def largest_difference(got: Gradients, expected: Gradients) -> float:
    """Largest difference of any two elements; infinite where shapes differ."""
    pairs = [
        pair
        for field in ("weight", "bias", "delta")
        for pair in zip(getattr(got, field), getattr(expected, field), strict=True)
    ]
    if any(a.shape != b.shape for a, b in pairs):
        return np.inf
    return max(float(np.max(np.abs(a - b))) for a, b in pairs)


def size_of(gradients: Gradients) -> float:
    """Largest absolute value of any element."""
    arrays = (*gradients.weight, *gradients.bias, *gradients.delta)
    return max(float(np.max(np.abs(array))) for array in arrays)


def round_off(case: Case, gradients: Gradients) -> float:
    """How far two right float64 backward passes may differ.

    A sum of k products is right to k eps of its terms; it is taken twice per layer, with k a width
    or the batch size.
    """
    longest_sum = max(*case.network.sizes, len(case.x))
    per_layer = 2 * (longest_sum + ROUNDINGS_PER_ACTIVATION)
    return len(case.network.layers) * per_layer * EPS * max(1.0, size_of(gradients))


def truncation(value: float, gradients: Gradients) -> float:
    """How far right central differences may be off; see `engine.numerical` for eps^(2/3)."""
    return float(TRUNCATION * EPS ** (2 / 3) * max(1.0, abs(value), size_of(gradients)))
