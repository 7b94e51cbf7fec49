"""Single wrong steps of the backward recursion, from which the bank of misconceptions is made.

Each function here gives a change: it takes the steps of the recursion and returns them with one of
them replaced or wrapped (:class:`deltarule.engine.BackwardSteps`). Wrapping keeps what another
change did before, so that two mistakes can be made at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from deltarule.engine import SIGMOID, TANH, Activation, Array, BackwardContext, BackwardSteps, Step

__all__ = [
    "Change",
    "activation_value",
    "at_z_out",
    "both",
    "changed",
    "hidden_slope",
    "loss_gradient_sent_back",
    "no_slope",
    "one_minus",
    "one_sample",
    "output_slope",
    "replaced",
    "residual",
    "samples",
    "scaled",
    "sigmoid_rule",
    "sigmoid_slope",
    "slope_twice",
    "slopes",
    "tanh_rule",
    "tanh_slope",
    "thresholded",
    "through_updated_weights",
    "unit_length",
    "weights_forgotten",
    "with_pre_activations",
    "zero_unless",
]

Change = Callable[[BackwardSteps], BackwardSteps]
Slope = Callable[[Activation, Array, Array], Array]
"""What a student multiplies with: a function of the activation, z_in and z_out of a layer."""


def scaled(field: str, factor: Callable[[BackwardContext], Array | float]) -> Change:
    """Multiply what a step gives."""

    def change(steps: BackwardSteps) -> BackwardSteps:
        before: Step = getattr(steps, field)
        return replace(steps, **{field: lambda context: before(context) * factor(context)})

    return change


def replaced(field: str, step: Step) -> Change:
    """Put another step in the place of one."""
    return lambda steps: replace(steps, **{field: step})


def changed(field: str, after: Callable[[Array, BackwardContext], Array]) -> Change:
    """Change what a step gives, seeing the context."""

    def change(steps: BackwardSteps) -> BackwardSteps:
        before: Step = getattr(steps, field)
        return replace(steps, **{field: lambda context: after(before(context), context)})

    return change


def both(*changes: Change) -> Change:
    """One change after the other."""

    def change(steps: BackwardSteps) -> BackwardSteps:
        for one in changes:
            steps = one(steps)
        return steps

    return change


def samples(context: BackwardContext) -> float:
    """The number of samples."""
    return float(len(context.y))


def output_slope(slope: Slope) -> Change:
    """Multiply the output layer's delta with another slope than its sigma'."""

    def step(context: BackwardContext) -> Array:
        activation = context.network.layers[-1].activation
        z_in, z_out = context.trace.z_in[-1], context.trace.z_out[-1]
        return context.steps.loss_gradient(context) * slope(activation, z_in, z_out)

    return replaced("output_delta", step)


def hidden_slope(slope: Slope) -> Change:
    """Multiply the deltas of hidden layers with another slope than their sigma'."""

    def step(context: BackwardContext) -> Array:
        layer = context.layer
        activation = context.network.layers[layer - 1].activation
        back = context.delta @ context.network.layers[layer].weight.T
        z_in, z_out = context.trace.z_in[layer - 1], context.trace.z_out[layer - 1]
        return back * slope(activation, z_in, z_out)

    return replaced("previous_delta", step)


def slopes(slope: Slope) -> Change:
    """Another slope in every layer."""
    return both(output_slope(slope), hidden_slope(slope))


def no_slope(_: Activation, z_in: Array, __: Array) -> Array:
    """No slope: a factor of one."""
    return np.ones_like(z_in)


def at_z_out(activation: Activation, _: Array, z_out: Array) -> Array:
    """sigma' at the output instead of the pre-activation."""
    return activation.derivative(z_out)


def activation_value(_: Activation, __: Array, z_out: Array) -> Array:
    """The activation instead of its derivative."""
    return z_out


def slope_twice(activation: Activation, z_in: Array, _: Array) -> Array:
    """sigma' squared."""
    return activation.derivative(z_in) ** 2


def one_minus(_: Activation, __: Array, z_out: Array) -> Array:
    """One minus the output."""
    return 1.0 - z_out


def sigmoid_rule(_: Activation, __: Array, z_out: Array) -> Array:
    """The derivative rule of the sigmoid."""
    return z_out * (1.0 - z_out)


def tanh_rule(_: Activation, __: Array, z_out: Array) -> Array:
    """The derivative rule of tanh."""
    return 1.0 - z_out**2


def sigmoid_slope(_: Activation, z_in: Array, __: Array) -> Array:
    """The derivative of the sigmoid at the pre-activation."""
    return SIGMOID.derivative(z_in)


def tanh_slope(_: Activation, z_in: Array, __: Array) -> Array:
    """The derivative of tanh at the pre-activation."""
    return TANH.derivative(z_in)


def through_updated_weights(rate: float) -> Change:
    """Deltas go back through weights that moved already, by ``rate`` times their gradient."""

    def change(steps: BackwardSteps) -> BackwardSteps:
        def step(context: BackwardContext) -> Array:
            layers = list(context.network.layers)
            here = layers[context.layer]
            moved = here.weight - rate * context.steps.weight_gradient(context)
            layers[context.layer] = replace(here, weight=moved)
            network = replace(context.network, layers=tuple(layers))
            return steps.previous_delta(replace(context, network=network))

        return replace(steps, previous_delta=step)

    return change


def weights_forgotten(context: BackwardContext) -> Array:
    """Deltas go back without weights; what remains is a sum over the units."""
    layer = context.layer - 1
    slope = context.network.layers[layer].activation.derivative(context.trace.z_in[layer])
    return np.asarray(np.sum(context.delta, axis=1, keepdims=True) * slope)


def loss_gradient_sent_back(steps: BackwardSteps) -> BackwardSteps:
    """The loss gradient goes back in place of the output layer's delta."""

    def step(context: BackwardContext) -> Array:
        if context.is_last:
            upstream = context.steps.loss_gradient(context)
            context = replace(context, deltas=(upstream, *context.deltas[1:]))
        return steps.previous_delta(context)

    return replace(steps, previous_delta=step)


def with_pre_activations(context: BackwardContext) -> Array:
    """Weight gradients with z_in of the previous layer."""
    trace, layer = context.trace, context.layer
    z_prev = trace.x if layer == 0 else trace.z_in[layer - 1]
    return z_prev.T @ context.delta


def zero_unless(keep: Callable[[BackwardContext], bool], *fields: str) -> Change:
    """Zero gradients in the layers that are not kept."""

    def only(array: Array, context: BackwardContext) -> Array:
        return array if keep(context) else np.zeros_like(array)

    return both(*(changed(field, only) for field in fields))


def one_sample(index: int) -> Change:
    """Only one sample has a loss gradient."""

    def only(array: Array, _: BackwardContext) -> Array:
        kept = np.zeros_like(array)
        kept[index] = array[index]
        return kept

    return changed("loss_gradient", only)


def residual(context: BackwardContext) -> Array:
    """y_hat - y."""
    return context.trace.y_hat - context.y


def thresholded(context: BackwardContext) -> Array:
    """The loss gradient at predictions rounded to 0 or 1."""
    decided = (context.trace.y_hat > 0.5).astype(np.float64)
    return context.network.loss.gradient(context.y, decided)


def unit_length(array: Array, _: BackwardContext) -> Array:
    """Scaled to length one."""
    return np.asarray(array / np.linalg.norm(array))
