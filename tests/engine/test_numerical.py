"""Differences: their accuracy, and what they do at a kink."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.engine import (
    IDENTITY,
    MSE,
    RELU,
    Layer,
    Network,
    backward,
    forward,
    loss,
    random_network,
)
from deltarule.engine.numerical import (
    HALVINGS,
    STEP,
    KinkError,
    gradient,
    network_gradients,
    relu_pattern,
)

from .oracles import EPS, cases, largest_difference, repeatable, truncation

ACCURACY = 10 * EPS ** (2 / 3)


def positive(x):
    return tuple(x.ravel() > 0)


def relu_sum(x):
    return float(np.maximum(x, 0).sum())


def test_step_balances_truncation_and_round_off():
    def error(step):
        return abs(gradient(lambda x: float(np.exp(x[0])), np.array([0.5]), step)[0] - np.exp(0.5))

    assert error(STEP) < ACCURACY
    assert error(100 * STEP) > 100 * error(STEP)
    assert error(STEP / 1e4) > 100 * error(STEP)


@given(st.floats(-1e6, 1e6))
@repeatable
def test_step_grows_with_the_argument(x):
    (slope,) = gradient(lambda a: float(a[0] ** 2), np.array([x]))
    # The round-off is eps x^2 / h: of the size of x only because h grows with x.
    assert abs(slope - 2 * x) <= ACCURACY * max(1.0, abs(x))


def test_gradient_has_the_shape_of_its_argument():
    x = np.arange(6.0).reshape(1, 2, 3)
    np.testing.assert_allclose(gradient(lambda a: float((a**2).sum()), x), 2 * x, atol=1e-8)
    assert gradient(lambda a: float(a**3), np.array(2.0)).shape == ()


def test_argument_is_not_changed_even_if_the_function_changes_its_own():
    def spoils(a):
        value = float((a**2).sum())
        a[:] = 99.0
        return value

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(gradient(spoils, x), [2.0, 4.0], atol=1e-8)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_difference_across_a_kink_is_wrong_without_the_piece():
    """Why the piece is asked for: half of each slope comes out."""
    assert gradient(relu_sum, np.array([0.0]))[0] == pytest.approx(0.5)


@pytest.mark.parametrize("distance", [1e-1, 1e-6, 1e-9, 1e-15, 0.0])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_kink_nearby_is_never_crossed(distance, sign):
    x = np.array([sign * distance])
    expected = 1.0 if x[0] > 0 else 0.0
    assert gradient(relu_sum, x, piece=positive)[0] == pytest.approx(expected, abs=ACCURACY)


def test_one_sided_difference_is_as_accurate_as_the_central_one():
    def f(x):
        return float(np.exp(x[0])) if x[0] > 0.3 else 100.0

    at = np.array([0.3 + 1e-9])
    (slope,) = gradient(f, at, piece=lambda x: bool(x[0] > 0.3))
    assert abs(slope - np.exp(at[0])) < ACCURACY


def test_step_shrinks_between_two_kinks():
    half_width = STEP / 20

    def f(x):
        return float(np.clip(x[0], -half_width, half_width) * 3)

    def inside(x):
        return bool(abs(x[0]) < half_width)

    assert gradient(f, np.array([0.0]), piece=inside)[0] == pytest.approx(3.0, abs=1e-8)


def test_one_sided_difference_needs_both_its_points_on_the_piece():
    """Left of x a kink within one step, right of it one between the first step and the second."""
    left, right = -0.5 * STEP, 1.5 * STEP

    def f(x):
        return float(np.clip(x[0], left, right) * 3)

    def inside(x):
        return bool(left < x[0] < right)

    assert gradient(f, np.array([0.0]), piece=inside)[0] == pytest.approx(3.0, abs=1e-8)


def test_corner_open_to_both_sides_is_an_error():
    with pytest.raises(KinkError, match=rf"element \(0,\) = 0\.0 .* {HALVINGS} halvings"):
        gradient(lambda x: abs(x[0]), np.array([0.0]), piece=lambda x: float(np.sign(x[0])))


def test_pattern_tells_which_relus_are_on():
    layer = Layer(np.eye(2), np.zeros(2), RELU)
    network = Network((layer, replace(layer, activation=IDENTITY)), MSE)

    def pattern(*x):
        return relu_pattern(network, forward(network, np.array([x])))

    assert pattern(1.0, -1.0) == pattern(0.1, -9.0) == pattern(0.1, 0.0)
    assert pattern(1.0, -1.0) != pattern(1.0, 1.0)


@given(cases(hidden=("relu",)), st.integers(0, 10**6))
@repeatable
def test_network_with_pre_activations_at_a_kink_agrees_with_backward(case, pick):
    """One first-layer unit is moved to within a step of its kink."""
    first, *others = case.network.layers
    z_in = forward(case.network, case.x).z_in[0]
    sample, unit = divmod(pick % z_in.size, z_in.shape[1])
    bias = first.bias.copy()
    bias[unit] += 1e-9 - z_in[sample, unit]
    network = replace(case.network, layers=(replace(first, bias=bias), *others))
    got = network_gradients(network, case.x, case.y)
    expected = backward(network, forward(network, case.x), case.y)
    value = loss(network, case.x, case.y)
    # h may have been halved, which doubles the round-off each time.
    assert largest_difference(got, expected) <= 2**HALVINGS * truncation(value, expected)


def test_zero_input_with_zero_bias_uses_the_off_side():
    rng = np.random.default_rng(0)
    network = random_network(rng, (2, 4, 1), RELU, IDENTITY, MSE)
    first = replace(network.layers[0], bias=np.zeros(4))
    network = replace(network, layers=(first, network.layers[1]))
    x, y = np.zeros((1, 2)), np.ones((1, 1))
    expected = backward(network, forward(network, x), y)
    got = network_gradients(network, x, y)
    assert largest_difference(got, expected) <= truncation(loss(network, x, y), expected)
    np.testing.assert_array_equal(expected.bias[0], np.zeros(4))
