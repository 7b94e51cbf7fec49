"""The bank for forward passes of torch modules: wrong uses of layers and activations.

It is used like that of :mod:`deltarule.judging.layered_bank`, of which it takes what fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deltarule.engine import IDENTITY, RELU, SIGMOID, TANH, Activation, Array
from deltarule.judging.layered_bank import (
    NOT_SQUEEZED,
    SQUEEZED_TOO_MUCH,
    ForwardMistake,
    Layers,
    Wrong,
    activations,
    is_last,
    own,
    passing,
    right_pass,
    squeezed,
)
from deltarule.judging.layered_cases import KINDS

__all__ = ["DEEP", "module_mistakes"]


def _hidden(activation: Activation) -> Wrong:
    return activations(lambda i, ls: own(i, ls) if is_last(i, ls) else activation)


def _output(activation: Activation) -> Wrong:
    return activations(lambda i, ls: activation if is_last(i, ls) else own(i, ls))


def _hidden_at_output(layers: Layers, x: Array) -> Array:
    """The last layer gets the hidden activation first, and then its own."""
    if len(layers) == 1:
        return squeezed(right_pass(layers, x))
    z = right_pass([*layers[:-1], replace(layers[-1], activation=layers[0].activation)], x)
    return squeezed(layers[-1].activation.value(z))


def _output_twice(layers: Layers, x: Array) -> Array:
    return squeezed(layers[-1].activation.value(right_pass(layers, x)))


def _input_kept(layers: Layers, x: Array) -> Array:
    return [squeezed(right_pass([layer], x)) for layer in layers][-1]


def _swapped(first: int, second: int) -> Wrong:
    """Two layers in each other's place; each place keeps its activation."""

    def change(layers: Layers) -> Layers:
        order = list(range(len(layers)))
        if len(order) > max(first, second):
            order[first], order[second] = order[second], order[first]
        return [
            replace(layers[old], activation=layers[new].activation) for new, old in enumerate(order)
        ]

    return passing(change)


def _hidden_reversed(layers: Layers) -> Layers:
    return [*reversed(layers[:-1]), layers[-1]]


def _all_reversed(layers: Layers) -> Layers:
    kept = [layer.activation for layer in layers]
    return [replace(a, activation=h) for a, h in zip(reversed(layers), kept, strict=True)]


OUTPUT_FORGOTTEN = ForwardMistake(
    "output-activation-forgotten",
    "The output layer has no activation.",
    "Between which two numbers should the outputs lie, and between which do yours?",
    (_output(IDENTITY),),
)
HIDDEN_FORGOTTEN = ForwardMistake(
    "hidden-activation-forgotten",
    "The hidden layers have no activation.",
    "What becomes of two linear maps, one after the other, if nothing stands between them?",
    (_hidden(IDENTITY),),
)
ALL_FORGOTTEN = ForwardMistake(
    "activation-forgotten",
    "No layer has an activation.",
    "What is applied to the weighted sums of a layer before they go on?",
    (activations(lambda *_: IDENTITY),),
)
EXCHANGED = ForwardMistake(
    "layers-exchanged",
    "The layers are applied in another order.",
    "Follow a sample through `forward`: which layer meets it first?",
    (
        passing(_hidden_reversed),
        passing(_all_reversed),
        *(_swapped(i, i + 1) for i in range(4)),
    ),
)
TWICE = ForwardMistake(
    "output-activation-twice",
    "An activation too many is applied to the outputs.",
    "How many activations follow the last linear layer in your code?",
    (_output_twice, _hidden_at_output),
)
INPUT_KEPT = ForwardMistake(
    "only-last-layer",
    "Only the last layer counts: the input of the network goes straight into it.",
    "What goes into the second layer: the input, or what came out of the first?",
    (_input_kept,),
)
LEFT_OUT = ForwardMistake(
    "layer-left-out",
    "A layer is left out.",
    "How many layers does the model have, and how many does `forward` use?",
    (
        passing(lambda ls: ls[:-1] if len(ls) > 1 else ls),
        passing(lambda ls: [*ls[:-2], ls[-1]] if len(ls) > 1 else ls),
        passing(lambda ls: ls[1:] if len(ls) > 1 else ls),
    ),
)
GENERAL = (
    OUTPUT_FORGOTTEN,
    HIDDEN_FORGOTTEN,
    ALL_FORGOTTEN,
    EXCHANGED,
    TWICE,
    INPUT_KEPT,
    LEFT_OUT,
    NOT_SQUEEZED,
    SQUEEZED_TOO_MUCH,
)

DEEP: tuple[ForwardMistake, ...] = (
    *GENERAL,
    ForwardMistake(
        "activation-argument-ignored",
        "The hidden layers always have the same activation, whatever is asked for.",
        "Where does your model use its argument `activation`?",
        tuple(_hidden(one) for one in (RELU, TANH, SIGMOID)),
    ),
)
"""For ``deep_module``."""


def module_mistakes(
    wanted: Sequence[Activation], *, hidden_only: bool = False, method: str = "forward"
) -> tuple[ForwardMistake, ...]:
    """For a module of known activations: what fits, and one activation for another.

    Args:
        wanted: the activation of each layer that is gone through.
        hidden_only: whether the last of them is a hidden layer of the model.
        method: which method of the model goes through them.
    """
    last = OUTPUT_FORGOTTEN
    if hidden_only and len(wanted) == 1:
        last = replace(HIDDEN_FORGOTTEN, wrong=OUTPUT_FORGOTTEN.wrong)
    if method != "forward":  # `forward` may well apply the activation to what the method returns
        last = replace(
            last,
            explanation=f"`{method}` returns the sums before the activation.",
            hint=f"Which activation should the numbers that `{method}` returns have gone through?",
        )
    general = (last, *GENERAL[1:])
    made = list(general if len(wanted) > 1 else (last, TWICE, NOT_SQUEEZED, SQUEEZED_TOO_MUCH))
    if len(wanted) == 2:  # then it is the same as to leave the first layer out
        made.remove(INPUT_KEPT)
    hidden = {activation.name for activation in wanted[:-1]}
    where = "hidden layer" if hidden_only else "output layer"
    for other in KINDS:
        if len(hidden) == 1 and other.name not in hidden and other != IDENTITY:
            (name,) = hidden
            made.append(_confused(other, name, "hidden layers", _hidden(other)))
        if other not in (wanted[-1], IDENTITY):
            made.append(_confused(other, wanted[-1].name, where, _output(other)))
    return tuple(made)


def _confused(other: Activation, name: str, where: str, wrong: Wrong) -> ForwardMistake:
    return ForwardMistake(
        f"{other.name}-for-{name}",
        f"The activation of the {where} is {other.name} instead of {name}.",
        "Which activation does the text ask for at this place?",
        (wrong,),
    )
