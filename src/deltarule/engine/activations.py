"""Activation functions, and how a gradient passes back through them.

    forward      z_out = sigma(z_in)
    backward     dL/dz_in = J(z_in)^T dL/dz_out

For an element-wise activation the Jacobian J is diagonal, and the second line is the familiar
`dL/dz_out * sigma'(z_in)` of lab 4, equations (1), (4), (5) and (8). Softmax couples the units of a
row, so its Jacobian is a full matrix per sample; the product is formed without forming the matrix.
The backward recursion sees no difference: it calls `Activation.pullback` either way.

Not here: the fused "softmax with cross-entropy" and "sigmoid with BCE"; see the from-logits forms
in `losses`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from .arrays import Array


@dataclass(frozen=True)
class Activation:
    """An activation function with its derivative.

    Attributes:
        name: The name that `by_name` looks up.
        value: sigma; maps z_in of shape (samples, units) to z_out of the same shape.
        derivative: sigma' at z_in. Element-wise activations: same shape as z_in. Softmax: the
            Jacobian of every row, shape (samples, units, units).
        row_pullback: For activations that couple the units of a row: (z_in, upstream) to the
            product of the transposed Jacobian with upstream. None for element-wise ones.
    """

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    row_pullback: Callable[[Array, Array], Array] | None = None

    def pullback(self, z_in: Array, upstream: Array) -> Array:
        """Turn the gradient with respect to z_out into the gradient with respect to z_in.

        Args:
            z_in: Pre-activations, shape (samples, units).
            upstream: dL/dz_out, same shape.

        Returns:
            dL/dz_in, same shape: `upstream * sigma'(z_in)` for element-wise activations.

        Raises:
            ValueError: If the two shapes differ.
        """
        if z_in.shape != upstream.shape:
            raise ValueError(
                f"{self.name}: z_in has shape {z_in.shape} and the gradient with respect to z_out "
                f"has shape {upstream.shape}; they must be equal"
            )
        if self.row_pullback is not None:
            return self.row_pullback(z_in, upstream)
        return upstream * self.derivative(z_in)


def _sigmoid(z_in: Array) -> Array:
    # exp only ever sees arguments <= 0: it may underflow to 0 (which is right), never overflow.
    decay = np.exp(-np.abs(z_in))
    return np.where(z_in >= 0, 1.0, decay) / (1.0 + decay)


def _sigmoid_derivative(z_in: Array) -> Array:
    z_out = _sigmoid(z_in)
    return z_out * (1.0 - z_out)


def _tanh(z_in: Array) -> Array:
    return np.tanh(z_in)


def _tanh_derivative(z_in: Array) -> Array:
    return 1.0 - np.tanh(z_in) ** 2


def _relu(z_in: Array) -> Array:
    return np.maximum(z_in, 0.0)


def _relu_derivative(z_in: Array) -> Array:
    # heaviside, not a comparison: a NaN must stay a NaN.
    return np.heaviside(z_in, 0.0)


def _identity(z_in: Array) -> Array:
    return z_in.copy()


def _identity_derivative(z_in: Array) -> Array:
    return np.ones_like(z_in)


def _softmax(z_in: Array) -> Array:
    # Softmax does not change when a row is shifted; with the maximum at 0 no exp overflows.
    shifted = np.exp(z_in - np.max(z_in, axis=-1, keepdims=True))
    return np.asarray(shifted / np.sum(shifted, axis=-1, keepdims=True))


def _softmax_jacobian(z_in: Array) -> Array:
    z_out = _softmax(z_in)
    diagonal = z_out[..., :, np.newaxis] * np.eye(z_in.shape[-1])
    return diagonal - z_out[..., :, np.newaxis] * z_out[..., np.newaxis, :]


def _softmax_pullback(z_in: Array, upstream: Array) -> Array:
    z_out = _softmax(z_in)
    mean_upstream: Array = np.sum(z_out * upstream, axis=-1, keepdims=True)
    return z_out * (upstream - mean_upstream)


SIGMOID: Final = Activation("sigmoid", _sigmoid, _sigmoid_derivative)
"""1 / (1 + exp(-z)), without overflow for any finite z; sigma' = sigma (1 - sigma)."""

TANH: Final = Activation("tanh", _tanh, _tanh_derivative)
"""tanh(z); sigma' = 1 - tanh(z)^2."""

RELU: Final = Activation("relu", _relu, _relu_derivative)
"""max(z, 0); sigma' = 1 for z > 0, else 0. At 0, where no derivative exists, 0, as in PyTorch."""

IDENTITY: Final = Activation("identity", _identity, _identity_derivative)
"""z; sigma' = 1. For regression, and for the losses that take logits."""

SOFTMAX: Final = Activation("softmax", _softmax, _softmax_jacobian, _softmax_pullback)
"""p = exp(z) / sum(exp(z)) within each row; J = diag(p) - p p^T (symmetric).

No overflow as long as the range of a row, maximum minus minimum, is a finite number."""

ACTIVATIONS: Final = (SIGMOID, TANH, RELU, IDENTITY, SOFTMAX)
"""Every activation of the engine."""


def by_name(name: str) -> Activation:
    """Look up an activation: sigmoid, tanh, relu, identity or softmax.

    Raises:
        ValueError: If there is none of that name; the message lists those there are.
    """
    for activation in ACTIVATIONS:
        if activation.name == name:
            return activation
    known = ", ".join(activation.name for activation in ACTIVATIONS)
    raise ValueError(f"no activation is called {name!r}; there are {known}")
