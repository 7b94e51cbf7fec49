r"""Secret networks and batches for judges of layer lists and of torch modules.

Drawn so that a right answer cannot fail by bad luck: no ReLU has its input near zero, where
rounding decides on which side it is; no prediction is near 1/2, where rounding decides the class,
nor near 0 or 1, where the ways to keep a cross-entropy finite differ. What they cost elsewhere is
allowed: with :math:`p` the probability given to the right class, :math:`\log(p + \epsilon)` for
:math:`\log p` changes a sample's loss and the slope of its loss by :math:`\epsilon / p`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deltarule import engine
from deltarule.engine import Activation, Array, Parameters
from deltarule.errors import JudgingError
from deltarule.judging.cases import SCALE, NetworkCase, rounded
from deltarule.judging.tolerance import FUNCTION_ERROR, SAFETY, network_allowance

__all__ = [
    "KINDS",
    "accuracy_of",
    "draw_case",
    "flat",
    "gradient_allowance",
    "kept_finite",
    "loss_allowance",
    "ordinary",
    "right_class",
    "stabiliser_error",
]

KINDS = (engine.RELU, engine.TANH, engine.SIGMOID, engine.IDENTITY)
"""Element-wise activations that torch has as well."""

KINK = 1e-2
"""No input of a ReLU is nearer to zero than this; rounding errors are a thousand times smaller."""

CERTAIN = 0.05
"""Predictions are at least this far from 0 and 1."""

UNDECIDED = 0.02
"""Predictions are at least this far from 1/2."""

STABILISER = 1e-4
"""The largest number that a loss may add in a logarithm, or clamp at, to stay finite."""

LEAST = 1e-6
"""Units of epsilon that a gradient may be off where it is exactly zero, behind a ReLU."""

POOL = 60
TRIES = 2000
"""Samples drawn for one network, and networks tried; far more than are ever needed."""


def draw_case(
    rng: np.random.Generator,
    sizes: Sequence[int],
    activations: Sequence[Activation],
    samples: int,
    dtype: str,
    *,
    loss: engine.Loss = engine.BCE,
) -> NetworkCase:
    """Draw one network and one batch.

    Args:
        rng: source of randomness.
        sizes: inputs, then units of every layer.
        activations: one for each layer. With the cross-entropy the last one is the sigmoid.
        samples: size of the batch.
        dtype: numbers are rounded to this.
        loss: with ``engine.BCE``, targets are labels, mixed and not all predicted rightly.
    """
    for _ in range(TRIES):
        drawn = engine.random_network(rng, sizes, engine.TANH, engine.TANH, loss, SCALE)
        layers = tuple(
            engine.Layer(layer.weight, layer.bias, activation)
            for layer, activation in zip(drawn.layers, activations, strict=True)
        )
        pool = rng.normal(0.0, 1.0, (POOL, sizes[0]))
        case = rounded(NetworkCase(engine.Network(layers, loss), pool, pool[:, :1], dtype))
        rows = np.flatnonzero(ordinary(case.network, case.x))[:samples]
        if len(rows) == samples:
            y_hat = engine.forward(case.network, case.x[rows]).y_hat
            y = _labels(rng, y_hat) if loss == engine.BCE else rng.uniform(0.1, 0.9, y_hat.shape)
            return rounded(NetworkCase(case.network, case.x[rows], y, dtype))
    raise JudgingError(f"no network of sizes {tuple(sizes)} could be drawn for a test")


def ordinary(network: engine.Network, x: Array) -> Array:
    """For each sample, whether nothing about it is decided by rounding, and some unit is on."""
    trace = engine.forward(network, x)
    fine = np.ones(len(x), dtype=bool)
    last = len(network.layers) - 1
    for number, (layer, z_in) in enumerate(zip(network.layers, trace.z_in, strict=True)):
        if layer.activation == engine.RELU:
            fine &= np.all(np.abs(z_in) > KINK, axis=1)
            if number < last:
                fine &= np.any(z_in > 0, axis=1)
    if network.loss == engine.BCE:
        certainty = np.abs(trace.y_hat - 0.5)
        fine &= np.all((certainty > UNDECIDED) & (certainty < 0.5 - CERTAIN), axis=1)
    return fine


def _labels(rng: np.random.Generator, y_hat: Array) -> Array:
    """Labels of which a share other than one half is predicted rightly: it must not be guessed."""
    count = len(y_hat)
    choices = [k for k in range(1, count) if 2 * k != count] or [0, count]
    right = rng.permutation(count) < rng.choice(choices)
    predicted = y_hat[:, 0] > 0.5
    return np.where(right, predicted, ~predicted).astype(np.float64)[:, None]


def accuracy_of(y: Array, y_hat: Array) -> float:
    """The share of samples whose class is predicted, with 1/2 as the limit."""
    return float(np.mean((y_hat > 0.5) == (y > 0.5)))


def right_class(y: Array, y_hat: Array) -> Array:
    """The probability given to the right class, (samples,)."""
    return np.asarray(np.where(y > 0.5, y_hat, 1.0 - y_hat)[:, 0])


def flat(parameters: Parameters) -> Array:
    """All numbers in one row."""
    return np.concatenate([array.ravel() for array in parameters])


def stabiliser_error(network: engine.Network, x: Array, y: Array) -> tuple[float, Parameters]:
    """How far a loss that is kept finite may differ here, and its gradients; absolute.

    Twice the first-order effect of :data:`STABILISER`.
    """
    p = right_class(y, engine.forward(network, x).y_hat)
    relative = 2.0 * STABILISER / p
    return float(np.mean(relative)), _relative_errors(relative, network, x, y)


def kept_finite(eps: float) -> engine.Loss:
    """The cross-entropy with ``eps`` added in its logarithms."""

    def value(y: Array, y_hat: Array) -> float:
        return float(-np.mean(y * np.log(y_hat + eps) + (1 - y) * np.log(1 - y_hat + eps)))

    def gradient(y: Array, y_hat: Array) -> Array:
        return ((1.0 - y) / (1.0 - y_hat + eps) - y / (y_hat + eps)) / y.size

    return engine.Loss("bce_kept_finite", value, gradient)


def loss_allowance(case: NetworkCase) -> tuple[float, float]:
    """Allowed errors of the loss: rounding, in units of epsilon, and the stabiliser's."""
    rounding = network_allowance(case.network, case.x, case.y).loss
    return rounding, stabiliser_error(case.network, case.x, case.y)[0]


def gradient_allowance(
    network: engine.Network, x: Array, y: Array, errors: Parameters | None = None
) -> Parameters:
    """Allowed rounding errors of (dW1, db1, dW2, …), in units of epsilon.

    A sigmoid under a cross-entropy is analysed as one step, dL/dz_in = (y_hat - y) / n. By
    themselves the two have slopes up to 1/p, which cancel; what remains of them is a relative error
    of some epsilon / p for each sample.

    Args:
        network: the network; with the cross-entropy, its last activation is the sigmoid.
        x: (samples, inputs).
        y: (samples, outputs).
        errors: that the parameters already have, without the safety.
    """
    relative: Parameters = tuple(np.zeros_like(array) for array in engine.parameters(network))
    analysed = network
    if network.loss == engine.BCE:
        p = right_class(y, engine.forward(network, x).y_hat)
        relative = _relative_errors(SAFETY * FUNCTION_ERROR / p, network, x, y)
        last = replace(network.layers[-1], activation=engine.IDENTITY)
        analysed = engine.Network((*network.layers[:-1], last), engine.BCE_WITH_LOGITS)
    allowance = network_allowance(analysed, x, y, errors)
    pairs = zip(allowance.weight, allowance.bias, strict=True)
    arrays = (array for pair in pairs for array in pair)
    return tuple(array + own + LEAST for array, own in zip(arrays, relative, strict=True))


def _relative_errors(relative: Array, network: engine.Network, x: Array, y: Array) -> Parameters:
    """Errors of (dW1, db1, …) where each sample's own gradient has a relative error, (samples,)."""
    trace = engine.forward(network, x)
    errors: list[Array] = []
    for number, delta in enumerate(engine.backward(network, trace, y).delta):
        e_delta = relative[:, None] * np.abs(delta)
        errors += [np.abs(trace.z_prev(number)).T @ e_delta, np.asarray(np.sum(e_delta, axis=0))]
    return tuple(errors)
