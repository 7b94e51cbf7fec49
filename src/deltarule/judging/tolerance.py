r"""How far a right answer may lie from the reference: a running error analysis.

Every operation of a right program commits a relative error of at most a few units in the last place
and passes on the errors of what it is given. Both are added up along the engine's own forward and
backward pass, in units of the machine epsilon :math:`u` of the student's precision::

    e(z_in)  = e(z_prev) |W| + |z_prev| e(W) + e(b) + (n + 2) (|z_prev| |W| + |b|)
    e(z_out) = e(z_in) + c |z_out|                  activations here have slope <= 1
    e(delta) = e(upstream) |s'| + |upstream| (e(z_in) + c)
    e(dW)    = e(z_prev)^T |delta| + |z_prev|^T e(delta) + (N + 2) |z_prev|^T |delta|

(Higham, *Accuracy and Stability of Numerical Algorithms*, chapters 3 and 5.) The result is an
allowance for each element, so that a small gradient in a deep layer is not judged by the size of a
large one elsewhere. ``SAFETY`` covers orders of summation and formulas that lose a digit or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.judging.remembered import remembered

__all__ = ["EPSILON", "SAFETY", "Allowance", "epsilon_of", "network_allowance"]

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23}
"""Machine epsilon; a coarser type is judged as float32, so it must be as exact as that."""

SAFETY = 4.0
"""How many times the analysed error is allowed."""

FUNCTION_ERROR = 4.0
"""Units in the last place that exp, tanh and the few operations around them may cost."""


def epsilon_of(*dtypes: str) -> float:
    """The machine epsilon that a computation with inputs and results of these types can reach."""
    return max(EPSILON.get(dtype, EPSILON["float32"]) for dtype in dtypes)


@dataclass(frozen=True)
class Allowance:
    """Allowed absolute errors in units of the machine epsilon, ``SAFETY`` included.

    Attributes:
        y_hat: (samples, outputs).
        loss: for the loss.
        weight: one (in, out) array a layer, for the weights' gradients.
        bias: one (out,) array a layer, for the biases' gradients.
    """

    y_hat: Array
    loss: float
    weight: tuple[Array, ...]
    bias: tuple[Array, ...]


@remembered
def network_allowance(
    network: engine.Network,
    x: Array,
    y: Array,
    parameter_errors: tuple[Array, ...] | None = None,
) -> Allowance:
    """Analyse one forward and backward pass.

    Args:
        network: with element-wise activations of slope at most 1.
        x: the batch, (samples, inputs).
        y: targets, (samples, outputs).
        parameter_errors: errors that the parameters already have, in units of epsilon and in the
            order of :func:`deltarule.engine.parameters`; rounding to the student's type otherwise.
    """
    trace = engine.forward(network, x)
    gradients = engine.backward(network, trace, y)
    if parameter_errors is None:
        parameter_errors = tuple(np.abs(array) for array in engine.parameters(network))
    e_prev, e_in = _forward_errors(network, trace, parameter_errors)
    e_hat = e_prev[-1]
    e_upstream = _loss_gradient_errors(network, trace, y, e_hat)
    weight: list[Array] = []
    bias: list[Array] = []
    upstream = np.abs(network.loss.gradient(y, trace.y_hat))
    for layer in range(len(network.layers) - 1, -1, -1):
        activation = network.layers[layer].activation
        slope = np.abs(activation.derivative(trace.z_in[layer]))
        e_delta = e_upstream * slope + upstream * (e_in[layer] + FUNCTION_ERROR)
        delta = np.abs(gradients.delta[layer])
        z_prev, e_z = np.abs(trace.z_prev(layer)), e_prev[layer]
        samples = len(x) + 2
        weight.insert(0, e_z.T @ delta + z_prev.T @ e_delta + samples * (z_prev.T @ delta))
        bias.insert(0, np.asarray(np.sum(e_delta + samples * delta, axis=0)))
        w, e_w = np.abs(network.layers[layer].weight), parameter_errors[2 * layer]
        upstream = delta @ w.T
        e_upstream = e_delta @ w.T + delta @ e_w.T + (w.shape[1] + 2) * upstream
    loss = engine.loss(network, x, y)
    e_loss = float(np.sum(np.abs(network.loss.gradient(y, trace.y_hat)) * e_hat))
    return Allowance(
        SAFETY * e_hat,
        SAFETY * (e_loss + (y.size + FUNCTION_ERROR) * abs(loss)),
        tuple(SAFETY * array for array in weight),
        tuple(SAFETY * array for array in bias),
    )


def _forward_errors(
    network: engine.Network, trace: engine.Trace, parameter_errors: tuple[Array, ...]
) -> tuple[list[Array], list[Array]]:
    """Errors of what enters each layer (and of the predictions), and of the pre-activations."""
    e_prev = [np.abs(trace.x)]
    e_in: list[Array] = []
    for index, layer in enumerate(network.layers):
        z_prev, w, b = np.abs(trace.z_prev(index)), np.abs(layer.weight), np.abs(layer.bias)
        e_w, e_b = parameter_errors[2 * index], parameter_errors[2 * index + 1]
        own = (w.shape[0] + 2) * (z_prev @ w + b)
        e_in.append(e_prev[-1] @ w + z_prev @ e_w + e_b + own)
        e_prev.append(e_in[-1] + FUNCTION_ERROR * np.abs(trace.z_out[index]))
    return e_prev, e_in


def _loss_gradient_errors(
    network: engine.Network, trace: engine.Trace, y: Array, e_hat: Array
) -> Array:
    """How the errors of the predictions change dL/dy_hat: its slope by a small finite step."""
    step = 1e-6
    here = network.loss.gradient(y, trace.y_hat)
    there = network.loss.gradient(y, trace.y_hat + step)
    subtraction = np.abs(there - here) / step * (np.abs(y) + np.abs(trace.y_hat))
    slope = np.abs(there - here) / step
    return np.asarray(slope * e_hat + subtraction + FUNCTION_ERROR * np.abs(here))
