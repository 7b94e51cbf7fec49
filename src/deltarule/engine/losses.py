"""Loss functions, with their gradients with respect to the predictions.

With n samples, k outputs, and y, y_hat of shape (n, k):

    mse             1/(n k)  sum (y - y_hat)^2
    bce            -1/(n k)  sum [y log y_hat + (1 - y) log(1 - y_hat)]
    cross_entropy  -1/n      sum  y log y_hat              (y one-hot, rows of y_hat sum to 1)

MSE and BCE average over all elements and cross-entropy over samples, as PyTorch's defaults do. The
forms `..._with_logits` take z_in of the last layer in place of y_hat; there sigmoid or softmax and
the logarithm cancel, so they are exact however certain the network is.

Certain predictions. log(0) = -inf makes a NaN of 0 * log(0), which should be 0. Like PyTorch's
`binary_cross_entropy`, the logarithms are not let below `LOG_FLOOR` = -100: a certain, wrong
prediction costs 100, a certain, right one 0. The gradient is exact wherever that floor does not
act; below it, the slope of the logarithm is held at the floor's, so it stays finite. (PyTorch's own
gradient is another one there: it limits y_hat (1 - y_hat) to 1e-12 from below, which is inexact
from |z_in| = 28 on.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from .activations import SIGMOID, SOFTMAX
from .arrays import Array, require_same_shape

LOG_FLOOR: Final = -100.0
"""The least value of log y_hat and log(1 - y_hat), in nats; PyTorch's choice."""

PROBABILITY_FLOOR: Final = float(np.exp(LOG_FLOOR))
"""The probability that has this logarithm, about 3.7e-44."""


@dataclass(frozen=True)
class Loss:
    """A loss function with its gradient.

    Attributes:
        name: The name that `by_name` looks up.
        value: (y, y_hat), both of shape (samples, outputs), to a float.
        gradient: (y, y_hat) to dL/dy_hat, of the shape of y_hat. For a loss on logits, y_hat
            stands for the logits.

    Both raise ValueError, naming both shapes, where y and y_hat differ in shape or are empty.
    """

    name: str
    value: Callable[[Array, Array], float]
    gradient: Callable[[Array, Array], Array]


def _require_probabilities(name: str, y_hat: Array) -> None:
    if np.any((y_hat < 0.0) | (y_hat > 1.0)):
        raise ValueError(
            f"{name}: y_hat must lie in [0, 1], got values from {np.min(y_hat):.6g} to "
            f"{np.max(y_hat):.6g}; logits belong to {name}_with_logits"
        )


def _require_rows(name: str, y: Array, y_hat: Array) -> None:
    require_same_shape(name, y, y_hat)
    if y.ndim != 2:
        raise ValueError(
            f"{name}: y has shape {y.shape} and y_hat has shape {y_hat.shape}; "
            "both must be (samples, classes)"
        )


def _log(probability: Array) -> Array:
    return np.log(np.maximum(probability, PROBABILITY_FLOOR))


def _slope_of_log(probability: Array) -> Array:
    return np.reciprocal(np.maximum(probability, PROBABILITY_FLOOR))


def _mse(y: Array, y_hat: Array) -> float:
    require_same_shape("mse", y, y_hat)
    return float(np.mean((y - y_hat) ** 2))


def _mse_gradient(y: Array, y_hat: Array) -> Array:
    require_same_shape("mse", y, y_hat)
    return 2.0 * (y_hat - y) / y.size


def _bce(y: Array, y_hat: Array) -> float:
    require_same_shape("bce", y, y_hat)
    _require_probabilities("bce", y_hat)
    return float(-np.mean(y * _log(y_hat) + (1.0 - y) * _log(1.0 - y_hat)))


def _bce_gradient(y: Array, y_hat: Array) -> Array:
    require_same_shape("bce", y, y_hat)
    _require_probabilities("bce", y_hat)
    slopes = (1.0 - y) * _slope_of_log(1.0 - y_hat) - y * _slope_of_log(y_hat)
    return slopes / y.size


def _bce_with_logits(y: Array, logits: Array) -> float:
    require_same_shape("bce_with_logits", y, logits)
    # -log sigmoid(z) = max(-z, 0) + log(1 + exp(-|z|)): exact for small and for huge |z|.
    softplus = np.log1p(np.exp(-np.abs(logits)))
    return float(np.mean(np.maximum(logits, 0.0) - y * logits + softplus))


def _bce_with_logits_gradient(y: Array, logits: Array) -> Array:
    require_same_shape("bce_with_logits", y, logits)
    return (SIGMOID.value(logits) - y) / y.size


def _cross_entropy(y: Array, y_hat: Array) -> float:
    _require_rows("cross_entropy", y, y_hat)
    _require_probabilities("cross_entropy", y_hat)
    return float(-np.sum(y * _log(y_hat)) / len(y))


def _cross_entropy_gradient(y: Array, y_hat: Array) -> Array:
    _require_rows("cross_entropy", y, y_hat)
    _require_probabilities("cross_entropy", y_hat)
    return -y * _slope_of_log(y_hat) / len(y)


def _cross_entropy_with_logits(y: Array, logits: Array) -> float:
    _require_rows("cross_entropy_with_logits", y, logits)
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return float(-np.sum(y * log_softmax) / len(y))


def _cross_entropy_with_logits_gradient(y: Array, logits: Array) -> Array:
    _require_rows("cross_entropy_with_logits", y, logits)
    # The row sum is 1 for one-hot targets; with it the formula is right for any targets.
    row_sum: Array = np.sum(y, axis=1, keepdims=True)
    return (SOFTMAX.value(logits) * row_sum - y) / len(y)


MSE: Final = Loss("mse", _mse, _mse_gradient)
"""Mean squared error over all elements; gradient 2 (y_hat - y) / (n k)."""

BCE: Final = Loss("bce", _bce, _bce_gradient)
"""Binary cross-entropy of probabilities, finite at 0 and 1; ValueError outside [0, 1]."""

BCE_WITH_LOGITS: Final = Loss("bce_with_logits", _bce_with_logits, _bce_with_logits_gradient)
"""Binary cross-entropy of sigmoid(logits); gradient (sigmoid(logits) - y) / (n k)."""

CROSS_ENTROPY: Final = Loss("cross_entropy", _cross_entropy, _cross_entropy_gradient)
"""Cross-entropy of probabilities with one-hot targets; gradient -y / y_hat / n."""

CROSS_ENTROPY_WITH_LOGITS: Final = Loss(
    "cross_entropy_with_logits", _cross_entropy_with_logits, _cross_entropy_with_logits_gradient
)
"""Cross-entropy of softmax(logits); gradient (softmax(logits) - y) / n."""

LOSSES: Final = (MSE, BCE, BCE_WITH_LOGITS, CROSS_ENTROPY, CROSS_ENTROPY_WITH_LOGITS)
"""Every loss of the engine."""


def by_name(name: str) -> Loss:
    """Look up a loss: mse, bce, cross_entropy, or one of the last two with `_with_logits`.

    Raises:
        ValueError: If there is none of that name; the message lists those there are.
    """
    for loss in LOSSES:
        if loss.name == name:
            return loss
    known = ", ".join(loss.name for loss in LOSSES)
    raise ValueError(f"no loss is called {name!r}; there are {known}")
