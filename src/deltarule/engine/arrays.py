"""The one kind of array of the engine: NumPy, float64, row = sample.

Nothing here converts or broadcasts. The engine is the answer key, so an array of another precision
or another shape than the formula says is a mistake of the caller, and is named as one.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
"""A float64 array; batches have shape (samples, units)."""

Parameters: TypeAlias = tuple[Array, ...]
"""All weights and biases of a model, in a fixed order: (W1, b1, W2, b2, ...)."""


def require_float64(name: str, array: Array) -> None:
    """Refuse anything but a float64 array.

    Args:
        name: What the array is, for the message.
        array: The array, of any shape.

    Raises:
        TypeError: If it is no NumPy array of float64 (float32 would lose the answer key's digits
            without a word).
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{name} must be a float64 array, got {found}")


def require_same_shape(name: str, y: Array, y_hat: Array) -> None:
    """Refuse targets and predictions that NumPy would have to broadcast, and empty ones.

    The classical accident is (n,) against (n, 1): broadcasting makes an (n, n) table of it, and its
    mean looks like a loss.

    Args:
        name: Who asks, for the message.
        y: Targets.
        y_hat: Predictions.

    Raises:
        ValueError: If the shapes differ, or if there is nothing to take a mean of.
    """
    if np.shape(y) != np.shape(y_hat):
        raise ValueError(
            f"{name}: y has shape {np.shape(y)} and y_hat has shape {np.shape(y_hat)}; "
            "they must be equal (nothing is broadcast)"
        )
    if np.size(y) == 0:
        raise ValueError(f"{name}: y and y_hat are empty, of shape {np.shape(y)}")
