"""The bank for forward passes through layers: wrong ones that students write, each with a name.

Each entry says what its wrong forward pass gives for a network and a batch. One is named where it
gives what the student's code gave in every case, shapes included, and nothing else in the bank
does. A wrong pass whose matrices do not fit gives nothing: then the student's code must have failed
in that case too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.engine import IDENTITY, RELU, SIGMOID, TANH, Activation, Array, Layer
from deltarule.exchange.subject import Failure, TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.tally import Mistake, close, named

__all__ = [
    "LAYERED",
    "NOT_SQUEEZED",
    "SQUEEZED_TOO_MUCH",
    "ForwardMistake",
    "Layers",
    "SeenOutputs",
    "Wrong",
    "activations",
    "everywhere",
    "is_last",
    "name_of_forward",
    "own",
    "passing",
    "right_pass",
    "seen_outputs",
    "squeezed",
]

SLACK = 16.0
"""A wrong pass has other rounding errors than the right one; it is allowed this much more."""

Layers = Sequence[Layer]
Wrong = Callable[[Layers, Array], Array]


@dataclass(frozen=True)
class ForwardMistake(Mistake):
    """One way to write a forward pass wrongly.

    Attributes:
        wrong: (layers, x) to what comes out; several where one name has several forms. Each raises
            ValueError where its shapes do not fit.
    """

    wrong: tuple[Wrong, ...] = ()


@dataclass(frozen=True)
class SeenOutputs:
    """What a student's forward pass gave in one case.

    Attributes:
        case: network and batch.
        array: as it came, of whatever shape; None where the code failed.
        allowed: the largest allowed error of a right answer, absolute.
    """

    case: NetworkCase
    array: Array | None
    allowed: float


def seen_outputs(
    case: NetworkCase, value: Any, failure: Failure | None, allowed: float
) -> SeenOutputs | None:
    """Evidence for :func:`name_of_forward`; None where nothing can be learnt."""
    if failure is not None:
        shapes = failure.error in ("RuntimeError", "ValueError")
        return SeenOutputs(case, None, allowed) if shapes else None
    if not (isinstance(value, TensorValue) and value.array.dtype.kind == "f"):
        return None
    if not np.all(np.isfinite(value.array)):
        return None
    return SeenOutputs(case, value.array.astype(np.float64), allowed)


def name_of_forward(
    seen: Sequence[SeenOutputs | None], bank: Sequence[ForwardMistake]
) -> dict[str, str] | None:
    """The one mistake that explains every case, as a diagnosis; None where outputs are right."""
    complete = [one for one in seen if one is not None]
    if len(complete) < len(seen) or all(one.array is None for one in complete):
        return None
    if all(_fits(one, lambda layers, x: squeezed(right_pass(layers, x))) for one in complete):
        return None
    fitting = [
        one for one in bank if any(all(_fits(s, wrong) for s in complete) for wrong in one.wrong)
    ]
    return named(fitting) if len(fitting) == 1 else None


def _fits(seen: SeenOutputs, wrong: Wrong) -> bool:
    try:
        with np.errstate(all="ignore"):
            made = wrong(seen.case.network.layers, seen.case.x)
    except ValueError:
        return seen.array is None
    return seen.array is not None and close(seen.array, made, SLACK * seen.allowed)


# --- wrong passes ----------------------------------------------------------------------------


def right_pass(layers: Layers, x: Array) -> Array:
    """A right pass, (samples, units)."""
    z = x
    for layer in layers:
        z = layer.activation.value(z @ layer.weight + layer.bias)
    return z


def squeezed(z: Array) -> Array:
    """(samples,) where there is a single unit, else (samples, units)."""
    return z[:, 0] if z.ndim == 2 and z.shape[1] == 1 else z


def passing(change: Callable[[Layers], Layers]) -> Wrong:
    """A right pass through changed layers."""
    return lambda layers, x: squeezed(right_pass(change(layers), x))


def activations(choose: Callable[[int, Layers], Activation]) -> Wrong:
    """Other activations: ``choose(number, layers)``."""

    def change(layers: Layers) -> Layers:
        return [replace(one, activation=choose(i, layers)) for i, one in enumerate(layers)]

    return passing(change)


def everywhere(activation: Activation) -> Wrong:
    """One activation in every layer."""
    return activations(lambda *_: activation)


def is_last(number: int, layers: Layers) -> bool:
    """Whether this is the number of the output layer."""
    return number == len(layers) - 1


def own(number: int, layers: Layers) -> Activation:
    """The activation that a layer should have."""
    return layers[number].activation


def _without_biases(layers: Layers) -> Layers:
    return [replace(one, bias=np.zeros_like(one.bias)) for one in layers]


def _activated_first(layers: Layers, x: Array) -> Array:
    z = x
    for layer in layers:
        z = layer.activation.value(z) @ layer.weight + layer.bias
    return squeezed(z)


def _bias_after(layers: Layers, x: Array) -> Array:
    z = x
    for layer in layers:
        z = layer.activation.value(z @ layer.weight) + layer.bias
    return squeezed(z)


def _all_on_input(layers: Layers, x: Array) -> Array:
    return [squeezed(right_pass([layer], x)) for layer in layers][-1]


def _squeezed_too_much(layers: Layers, x: Array) -> Array:
    return np.squeeze(right_pass(layers, x))


def _reversed(layers: Layers) -> Layers:
    return list(reversed(layers))


NOT_SQUEEZED = ForwardMistake(
    "not-squeezed",
    "The outputs of a single unit keep their second axis, (samples, 1).",
    "How many axes does a list of labels have? Which one of yours has length one?",
    (right_pass,),
)

SQUEEZED_TOO_MUCH = ForwardMistake(
    "squeezed-too-much",
    "Every axis of length one is removed, the axis of the samples too if there is only one.",
    "What shape comes out for a single sample? `squeeze` can be told which axis to remove.",
    (_squeezed_too_much,),
)

LAYERED: tuple[ForwardMistake, ...] = (
    ForwardMistake(
        "last-activation-forgotten",
        "The last layer has no activation.",
        "Every layer comes with an activation function. Is there a layer whose you do not call?",
        (activations(lambda i, ls: IDENTITY if is_last(i, ls) else own(i, ls)),),
    ),
    ForwardMistake(
        "activation-forgotten",
        "The activation functions are not applied.",
        "Each layer is a triple of which you use two parts. What is the third one for?",
        (
            activations(lambda *_: IDENTITY),
            activations(lambda i, ls: own(i, ls) if is_last(i, ls) else IDENTITY),
        ),
    ),
    ForwardMistake(
        "bias-forgotten",
        "The biases are not added.",
        "What does a layer give for an input of zeros, in the formula and in your code?",
        (passing(_without_biases),),
    ),
    ForwardMistake(
        "same-activation-everywhere",
        "Every layer gets the same activation function.",
        "Each layer has an activation of its own in `params`. Which one does your code call?",
        (
            activations(lambda _, ls: ls[0].activation),
            activations(lambda _, ls: ls[-1].activation),
            *(everywhere(one) for one in (RELU, TANH, SIGMOID)),
        ),
    ),
    ForwardMistake(
        "only-last-layer",
        "Only the last layer counts: the input of the network goes straight into it.",
        "What goes into the second layer: `x`, or what came out of the first?",
        (_all_on_input,),
    ),
    ForwardMistake(
        "only-first-layer",
        "Only the first layer is computed.",
        "How often does the body of your loop run? Look where `return` stands.",
        (lambda ls, x: squeezed(right_pass(ls[:1], x)),),
    ),
    ForwardMistake(
        "last-layer-left-out",
        "The last layer is left out.",
        "How many layers does `params` have, and how many does your loop visit?",
        (lambda ls, x: squeezed(right_pass(ls[:-1], x)),),
    ),
    ForwardMistake(
        "activation-before-linear-map",
        "The activation is applied before the linear map instead of after it.",
        "What does the formula apply to what: h to the weighted sum, or the sum to h?",
        (_activated_first,),
    ),
    ForwardMistake(
        "bias-after-activation",
        "The bias is added after the activation.",
        "Where do the brackets stand in the formula of a layer?",
        (_bias_after,),
    ),
    ForwardMistake(
        "layers-reversed",
        "The layers are applied from the last one to the first.",
        "Which layer sees the input first?",
        (passing(_reversed),),
    ),
    NOT_SQUEEZED,
    SQUEEZED_TOO_MUCH,
)
"""For ``network(x, params)``."""
