"""Gradients by differences: the oracle that knows no calculus.

    f'(x) = (f(x + h) - f(x - h)) / 2h + O(h^2 f''')                      central
    f'(x) = (-3 f(x) + 4 f(x + h) - f(x + 2h)) / 2h + O(h^2 f''')         one-sided, h > 0 or h < 0

The truncation grows as h^2, the round-off as eps / h; they balance at h = eps^(1/3) = 6e-6, where
both are of the order of eps^(2/3) = 4e-11 times the size of f and f'''. That is `STEP`, and it is
scaled by max(1, |x|), so that x + h is distinct from x for large x as well.

Kinks. A difference across the corner of a ReLU measures neither of its slopes. So whoever knows the
function names the smooth piece that a point lies on (for a network: which ReLU units are on, that
is, have z_in > 0), and a difference counts only if all its points lie on the piece of x itself:

1. central, if both neighbours do;
2. else one-sided, on the side where x + h and x + 2h do: just as accurate;
3. else with h halved, up to `HALVINGS` times (the round-off doubles each time);
4. else x sits on a corner that opens to both sides, and `KinkError` is raised: no difference can
   say what the derivative is there.

A unit at z_in = 0 counts as off. So where differences exist, they agree with sigma'(0) = 0.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from .activations import RELU
from .arrays import Array, Parameters
from .networks import Gradients, Layer, Network, Trace, forward, parameters, with_parameters

STEP: Final = float(np.finfo(np.float64).eps) ** (1.0 / 3.0)
"""The relative step at which truncation and round-off balance, about 6e-6."""

HALVINGS: Final = 10
"""How often a step may be halved before a kink; then eps / h has grown to about 4e-8."""

_Sample: TypeAlias = tuple[float, Hashable]
_Evaluation: TypeAlias = Callable[[Array], _Sample]


class KinkError(ValueError):
    """The function has a corner at the very point where its derivative was asked for."""


def gradient(
    f: Callable[[Array], float],
    x: Array,
    step: float = STEP,
    piece: Callable[[Array], Hashable] | None = None,
) -> Array:
    """Differentiate a scalar function of an array.

    Args:
        f: The function; it gets float64 copies of x and may keep or change them.
        x: Where, any shape; unchanged.
        step: Step relative to max(1, |x_i|).
        piece: For functions with kinks, the smooth piece that a point lies on, as anything that
            can be compared; None: f is smooth.

    Returns:
        df/dx, of the shape of x.

    Raises:
        KinkError: If no difference around an element stays on one piece.
    """

    def evaluate(point: Array) -> _Sample:
        return float(f(point.copy())), None if piece is None else piece(point.copy())

    return _gradient(evaluate, np.asarray(x, dtype=np.float64), step)


def _gradient(evaluate: _Evaluation, x: Array, step: float) -> Array:
    here = evaluate(x)
    result = np.empty_like(x)
    for index in np.ndindex(x.shape):
        slope = _slope(_along(evaluate, x, index), float(x[index]), here, step)
        if slope is None:
            raise KinkError(
                f"element {index} = {float(x[index])!r} of shape {x.shape} sits on a kink: "
                f"differences change piece on both sides down to {HALVINGS} halvings of the step"
            )
        result[index] = slope
    return result


def _along(evaluate: _Evaluation, x: Array, index: tuple[int, ...]) -> Callable[[float], _Sample]:
    """The function as one of a single element of x."""

    def at(t: float) -> _Sample:
        point = x.copy()
        point[index] = t
        return evaluate(point)

    return at


def _slope(
    along: Callable[[float], _Sample], at: float, here: _Sample, step: float
) -> float | None:
    """The derivative of along at a point, or None if every difference crosses a kink."""
    value, piece = here
    h = step * max(1.0, abs(at))
    for _ in range(HALVINGS + 1):
        h = (at + h) - at  # the step that float64 really takes
        right, left = along(at + h), along(at - h)
        if right[1] == piece == left[1]:
            return (right[0] - left[0]) / (2.0 * h)
        for signed, near in ((h, right), (-h, left)):
            if near[1] == piece:
                far = along(at + 2.0 * signed)
                if far[1] == piece:
                    return (4.0 * near[0] - 3.0 * value - far[0]) / (2.0 * signed)
        h /= 2.0
    return None


def relu_pattern(network: Network, trace: Trace) -> Hashable:
    """Which ReLU units are on, for every sample: the smooth piece that the batch lies on.

    Args:
        network: The network.
        trace: A forward pass of it.

    Returns:
        Something that is equal for two traces exactly if the same units have z_in > 0.
    """
    pairs = zip(network.layers, trace.z_in, strict=True)
    return tuple((z_in > 0.0).tobytes() for layer, z_in in pairs if layer.activation == RELU)


def network_gradients(network: Network, x: Array, y: Array, step: float = STEP) -> Gradients:
    """Differentiate a network's loss by every parameter and every pre-activation.

    Only forward passes are used, so this is independent of `backward`. It is meant for small
    networks: two forward passes or more for each number.

    Args:
        network: The network.
        x: Shape (samples, inputs).
        y: Shape (samples, outputs).
        step: Relative step.

    Returns:
        Weight and bias gradients and deltas, in the shapes of `backward`'s.

    Raises:
        TypeError: If x is not a float64 array.
        ValueError: If a shape is wrong.
        KinkError: If a parameter or pre-activation sits on a kink of a ReLU on both sides.
    """
    values = parameters(network)
    slopes = tuple(
        _gradient(_with_parameter(network, values, i, x, y), values[i], step)
        for i in range(len(values))
    )
    z_in = forward(network, x).z_in
    deltas = tuple(
        _gradient(_from_layer(network, layer, y), z_in[layer], step) for layer in range(len(z_in))
    )
    return Gradients(slopes[::2], slopes[1::2], deltas)


def _with_parameter(
    network: Network, values: Parameters, i: int, x: Array, y: Array
) -> _Evaluation:
    """The loss as a function of parameter i."""

    def evaluate(value: Array) -> _Sample:
        moved = with_parameters(network, (*values[:i], value, *values[i + 1 :]))
        return _sample(moved, x, y)

    return evaluate


def _from_layer(network: Network, layer: int, y: Array) -> _Evaluation:
    """The loss as a function of z_in of a layer."""
    first, *later = network.layers[layer:]
    units = first.weight.shape[1]
    passes_on = Layer(np.eye(units), np.zeros(units), first.activation)
    tail = replace(network, layers=(passes_on, *later))
    return lambda z_in: _sample(tail, z_in, y)


def _sample(network: Network, x: Array, y: Array) -> _Sample:
    trace = forward(network, x)
    return network.loss.value(y, trace.y_hat), relu_pattern(network, trace)
