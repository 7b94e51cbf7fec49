"""Activations: values, derivatives, and extreme arguments (warnings are errors here)."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deltarule.engine import IDENTITY, RELU, SIGMOID, SOFTMAX, TANH, activations, numerical

from .oracles import EPS, TORCH_ACTIVATIONS, repeatable

EXTREME = np.array([[-8e307, -1e4, -745.5, -100.0, -0.0, 0.0, 100.0, 745.5, 1e4, 8e307]])

batches = arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    elements=st.floats(-30, 30, allow_subnormal=False),
)


@pytest.mark.parametrize("activation", activations.ACTIVATIONS, ids=lambda a: a.name)
class TestEveryActivation:
    @given(z_in=batches)
    @repeatable
    def test_value_agrees_with_torch(self, activation, z_in):
        expected = TORCH_ACTIVATIONS[activation.name](torch.from_numpy(z_in)).numpy()
        np.testing.assert_allclose(activation.value(z_in), expected, rtol=20 * EPS, atol=EPS)

    @given(z_in=batches)
    @repeatable
    def test_pullback_agrees_with_autograd(self, activation, z_in):
        upstream = np.cos(np.arange(z_in.size)).reshape(z_in.shape)
        z = torch.from_numpy(z_in).clone().requires_grad_()
        z_out = TORCH_ACTIVATIONS[activation.name](z)
        (expected,) = torch.autograd.grad(z_out, z, torch.from_numpy(upstream))
        got = activation.pullback(z_in, upstream)
        np.testing.assert_allclose(got, expected.numpy(), rtol=0, atol=20 * EPS)

    def test_derivative_agrees_with_differences(self, activation):
        z_in = np.array([[-2.0, 0.3, 1.5]])
        jacobian = np.stack(
            [
                numerical.gradient(lambda z, j=j: activation.value(z)[0, j], z_in)[0]
                for j in range(3)
            ]
        )
        derivative = activation.derivative(z_in)[0]
        expected = derivative if derivative.ndim == 2 else np.diag(derivative)
        np.testing.assert_allclose(jacobian, expected, rtol=0, atol=10 * EPS ** (2 / 3))

    def test_extreme_arguments_stay_finite(self, activation):
        assert np.isfinite(activation.value(EXTREME)).all()
        assert np.isfinite(activation.derivative(EXTREME)).all()
        assert np.isfinite(activation.pullback(EXTREME, np.ones_like(EXTREME))).all()

    def test_nan_stays_nan(self, activation):
        z_in = np.array([[np.nan]])
        assert np.isnan(activation.value(z_in)).all()
        assert np.isnan(activation.pullback(z_in, np.ones((1, 1)))).all() or (
            activation is IDENTITY  # its derivative is 1 wherever it is asked
        )

    def test_argument_is_neither_changed_nor_shared(self, activation):
        z_in = np.array([[-1.0, 2.0]])
        z_out = activation.value(z_in)
        z_out[:] = 9.0
        np.testing.assert_array_equal(z_in, [[-1.0, 2.0]])

    def test_pullback_refuses_unequal_shapes(self, activation):
        with pytest.raises(ValueError, match=r"\(5, 1\).*\(5,\)"):
            activation.pullback(np.ones((5, 1)), np.ones(5))

    def test_is_found_by_name(self, activation):
        assert activations.by_name(activation.name) is activation


def test_sigmoid_is_exact_at_its_ends():
    np.testing.assert_array_equal(SIGMOID.value(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])


def test_sigmoid_keeps_its_digits_far_out():
    np.testing.assert_allclose(SIGMOID.value(np.array([-700.0])), np.exp(-700.0), rtol=4 * EPS)


def test_relu_has_derivative_zero_at_zero():
    np.testing.assert_array_equal(RELU.derivative(np.array([-1.0, 0.0, 1.0])), [0.0, 0.0, 1.0])


def test_tanh_is_odd():
    z = np.linspace(-5, 5, 21)
    np.testing.assert_array_equal(TANH.value(z), -TANH.value(-z))


def test_softmax_rows_sum_to_one_and_ignore_a_shift():
    z_in = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(SOFTMAX.value(z_in).sum(axis=1), 1.0, rtol=4 * EPS)
    np.testing.assert_array_equal(SOFTMAX.value(z_in + 1024.0), SOFTMAX.value(z_in))


@given(batches)
@repeatable
def test_softmax_pullback_is_the_product_with_its_jacobian(z_in):
    upstream = np.sin(np.arange(z_in.size)).reshape(z_in.shape)
    product = np.einsum("nij,ni->nj", SOFTMAX.derivative(z_in), upstream)
    np.testing.assert_allclose(SOFTMAX.pullback(z_in, upstream), product, rtol=0, atol=20 * EPS)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'swish'.*sigmoid, tanh, relu, identity, softmax"):
        activations.by_name("swish")
