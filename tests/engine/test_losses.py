"""Losses: values and gradients against PyTorch, certainty, and shapes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deltarule.engine import (
    BCE,
    BCE_WITH_LOGITS,
    CROSS_ENTROPY,
    CROSS_ENTROPY_WITH_LOGITS,
    MSE,
    SIGMOID,
    SOFTMAX,
    losses,
    numerical,
)

from .oracles import EPS, TORCH_LOSSES, repeatable

seeds = st.integers(0, 2**32 - 1)


def targets_and_predictions(loss, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, size=2))
    logits = rng.normal(size=shape) * 3
    if loss in (CROSS_ENTROPY, CROSS_ENTROPY_WITH_LOGITS):
        y = np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
        return y, SOFTMAX.value(logits) if loss is CROSS_ENTROPY else logits
    y = rng.random(shape)  # soft targets are allowed
    return y, SIGMOID.value(logits) if loss is BCE else logits


@pytest.mark.parametrize("loss", losses.LOSSES, ids=lambda loss: loss.name)
class TestEveryLoss:
    @given(seed=seeds)
    @repeatable
    def test_value_and_gradient_agree_with_torch(self, loss, seed):
        y, y_hat = targets_and_predictions(loss, seed)
        predictions = torch.from_numpy(y_hat).clone().requires_grad_()
        value = TORCH_LOSSES[loss.name](torch.from_numpy(y), predictions)
        (expected,) = torch.autograd.grad(value, predictions)
        size = 1.0 + float(expected.abs().max())
        assert abs(loss.value(y, y_hat) - value.item()) <= 20 * EPS * (1.0 + value.item())
        np.testing.assert_allclose(
            loss.gradient(y, y_hat), expected.numpy(), rtol=0, atol=20 * EPS * size
        )

    def test_gradient_agrees_with_differences(self, loss):
        rng = np.random.default_rng(3)
        y, y_hat = rng.random((4, 3)), rng.uniform(0.2, 0.8, (4, 3))
        expected = numerical.gradient(lambda p: loss.value(y, p), y_hat)
        third_derivative = 2 / 0.2**3  # of -log p, the steepest of all
        np.testing.assert_allclose(
            loss.gradient(y, y_hat), expected, rtol=0, atol=third_derivative * EPS ** (2 / 3)
        )

    @pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 2), (3, 1), ()])
    def test_unequal_shapes_are_refused_with_both_named(self, loss, shape):
        y_hat = np.full((4, 1), 0.5)
        for function in (loss.value, loss.gradient):
            with pytest.raises(ValueError, match=r"y has shape .* y_hat has shape") as caught:
                function(np.ones(shape), y_hat)
            assert str(shape) in str(caught.value)
            assert "(4, 1)" in str(caught.value)

    def test_empty_batch_is_refused(self, loss):
        with pytest.raises(ValueError, match="empty"):
            loss.value(np.ones((0, 2)), np.ones((0, 2)))

    def test_is_found_by_name(self, loss):
        assert losses.by_name(loss.name) is loss


def test_mse_averages_over_all_elements():
    y, y_hat = np.zeros((2, 3)), np.full((2, 3), 2.0)
    assert MSE.value(y, y_hat) == 4.0
    np.testing.assert_array_equal(MSE.gradient(y, y_hat), np.full((2, 3), 4.0 / 6))


def test_cross_entropy_averages_over_samples_only():
    y, y_hat = np.eye(3), np.full((3, 3), 1 / 3)
    np.testing.assert_allclose(CROSS_ENTROPY.value(y, y_hat), np.log(3), rtol=4 * EPS)


@pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("y_hat", [0.0, 1e-60, 1e-20, 0.5, 1 - EPS, 1.0])
def test_bce_of_certain_predictions_is_torchs(y, y_hat):
    got = BCE.value(np.array([[y]]), np.array([[y_hat]]))
    expected = torch.nn.functional.binary_cross_entropy(
        torch.tensor([[y_hat]], dtype=torch.float64), torch.tensor([[y]], dtype=torch.float64)
    ).item()
    np.testing.assert_allclose(got, expected, rtol=4 * EPS, atol=4 * EPS)


def test_certain_and_wrong_costs_100_certain_and_right_nothing():
    certain = np.array([[0.0, 1.0, 0.0, 1.0]])
    np.testing.assert_allclose(BCE.value(1 - certain, certain), 100.0, rtol=EPS)
    assert BCE.value(certain, certain) == 0.0
    np.testing.assert_allclose(
        CROSS_ENTROPY.value(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])), 100.0, rtol=EPS
    )


def test_bce_gradient_at_0_and_1_is_finite_and_points_the_right_way():
    gradient = BCE.gradient(np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[0.0, 1.0, 0.0, 1.0]]))
    assert np.isfinite(gradient).all()
    # Where the prediction is right, the derivatives of -log(1 - p) at 0 and of -log p at 1.
    np.testing.assert_array_equal(gradient[0, [0, 3]], [0.25, -0.25])
    assert gradient[0, 1] > 1e40
    assert gradient[0, 2] < -1e40


def test_bce_after_sigmoid_keeps_its_gradient_where_torch_loses_it():
    z_in, y = np.array([[-35.0]]), np.array([[1.0]])
    delta = SIGMOID.pullback(z_in, BCE.gradient(y, SIGMOID.value(z_in)))
    np.testing.assert_allclose(delta, [[-1.0]], rtol=10 * EPS)
    logit = torch.tensor([[-35.0]], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.binary_cross_entropy(
        torch.sigmoid(logit), torch.ones(1, 1, dtype=torch.float64)
    ).backward()
    assert -0.01 < logit.grad.item() < 0


@pytest.mark.parametrize("loss", [BCE, CROSS_ENTROPY], ids=lambda loss: loss.name)
@pytest.mark.parametrize("outside", [-0.1, 1.1])
def test_predictions_that_are_no_probabilities_are_refused(loss, outside):
    for function in (loss.value, loss.gradient):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\].*with_logits"):
            function(np.ones((1, 2)), np.array([[0.5, outside]]))


@given(seeds)
@repeatable
def test_logit_forms_are_the_plain_ones_after_sigmoid_and_softmax(seed):
    y, logits = targets_and_predictions(BCE_WITH_LOGITS, seed)
    np.testing.assert_allclose(
        BCE_WITH_LOGITS.value(y, logits), BCE.value(y, SIGMOID.value(logits)), rtol=1e-12
    )
    y, logits = targets_and_predictions(CROSS_ENTROPY_WITH_LOGITS, seed)
    np.testing.assert_allclose(
        CROSS_ENTROPY_WITH_LOGITS.value(y, logits),
        CROSS_ENTROPY.value(y, SOFTMAX.value(logits)),
        rtol=1e-12,
        atol=1e-14,
    )


def test_logit_forms_are_exact_for_huge_logits():
    y, logits = np.array([[1.0, 0.0]]), np.array([[-1e6, 1e6]])
    assert BCE_WITH_LOGITS.value(y, logits) == 1e6
    assert CROSS_ENTROPY_WITH_LOGITS.value(y, logits) == 2e6
    assert BCE_WITH_LOGITS.value(y, -logits) == 0.0
    assert CROSS_ENTROPY_WITH_LOGITS.value(y, -logits) == 0.0
    np.testing.assert_array_equal(BCE_WITH_LOGITS.gradient(y, logits), [[-0.5, 0.5]])
    np.testing.assert_array_equal(CROSS_ENTROPY_WITH_LOGITS.gradient(y, logits), [[-1.0, 1.0]])


def test_nan_predictions_give_nan_not_a_loss():
    assert np.isnan(BCE.value(np.ones((1, 1)), np.full((1, 1), np.nan)))
    assert np.isnan(MSE.value(np.ones((1, 1)), np.full((1, 1), np.nan)))


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'hinge'.*mse, bce"):
        losses.by_name("hinge")
