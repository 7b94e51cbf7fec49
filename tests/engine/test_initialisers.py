"""Initialisers: shapes, bounds, and standard deviations over many draws."""

import numpy as np
import pytest
import torch

from deltarule.engine import initialisers
from deltarule.engine.initialisers import (
    glorot_bound,
    glorot_normal,
    glorot_std,
    glorot_uniform,
    he_bound,
    he_normal,
    he_std,
    he_uniform,
)

FAN_IN, FAN_OUT = 300, 200
# The std of n draws has a relative error of at most 1 / sqrt(2 n) (normal; uniform: less); five of
# these. A variance taken for a std, or the other fan, is off by far more.
STD_TOLERANCE = 5 / np.sqrt(2 * FAN_IN * FAN_OUT)

EVERY = [
    (glorot_uniform, glorot_std(FAN_IN, FAN_OUT), glorot_bound(FAN_IN, FAN_OUT)),
    (glorot_normal, glorot_std(FAN_IN, FAN_OUT), None),
    (he_uniform, he_std(FAN_IN), he_bound(FAN_IN)),
    (he_normal, he_std(FAN_IN), None),
]
BOUNDED = [(initialiser, bound) for initialiser, _, bound in EVERY if bound is not None]


@pytest.fixture
def rng():
    return np.random.default_rng(2010)


@pytest.mark.parametrize(("initialiser", "std", "_bound"), EVERY)
def test_draws_have_shape_mean_and_std(rng, initialiser, std, _bound):
    weight = initialiser(rng, FAN_IN, FAN_OUT)
    assert weight.shape == (FAN_IN, FAN_OUT)
    assert weight.dtype == np.float64
    assert abs(weight.std() / std - 1) < STD_TOLERANCE
    assert abs(weight.mean()) < 5 * std / np.sqrt(weight.size)


@pytest.mark.parametrize(("initialiser", "bound"), BOUNDED)
def test_uniform_draws_reach_their_bound_and_keep_it(rng, initialiser, bound):
    weight = initialiser(rng, FAN_IN, FAN_OUT)
    assert np.abs(weight).max() <= bound
    assert weight.max() > 0.999 * bound
    assert weight.min() < -0.999 * bound


def test_glorot_normal_is_not_bounded(rng):
    assert np.abs(glorot_normal(rng, FAN_IN, FAN_OUT)).max() > glorot_bound(FAN_IN, FAN_OUT)


def test_theory_in_numbers():
    np.testing.assert_allclose(glorot_bound(2, 1), np.sqrt(2.0))
    np.testing.assert_allclose(glorot_std(5, 3), 0.5)
    np.testing.assert_allclose(he_std(8), 0.5)
    np.testing.assert_allclose(he_bound(6), 1.0)


def test_bounds_are_those_that_torch_uses():
    torch.manual_seed(0)
    weight = torch.empty(FAN_OUT, FAN_IN, dtype=torch.float64)  # torch keeps (out, in)
    torch.nn.init.xavier_uniform_(weight)
    np.testing.assert_allclose(weight.abs().max(), glorot_bound(FAN_IN, FAN_OUT), rtol=1e-3)
    torch.nn.init.kaiming_uniform_(weight, nonlinearity="relu")
    np.testing.assert_allclose(weight.abs().max(), he_bound(FAN_IN), rtol=1e-3)


@pytest.mark.parametrize("initialiser", [initialiser for initialiser, *_ in EVERY])
def test_same_seed_same_weights(initialiser):
    draws = [initialiser(np.random.default_rng(5), 3, 4) for _ in range(2)]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("fans", [(0, 3), (3, 0), (-1, 3)])
@pytest.mark.parametrize("initialiser", [initialiser for initialiser, *_ in EVERY])
def test_fans_below_one_are_refused(rng, initialiser, fans):
    with pytest.raises(ValueError, match="at least 1"):
        initialiser(rng, *fans)


def test_he_keeps_the_power_of_a_deep_relu_network(rng):
    z = rng.normal(size=(50, 200))
    for _ in range(10):
        z = np.maximum(z @ initialisers.he_normal(rng, 200, 200), 0.0)
    assert 0.3 < np.mean(z**2) < 3.0
