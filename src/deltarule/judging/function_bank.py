"""The bank for functions other than a backward pass: wrong versions of what the course asks for.

Each entry turns the reference of a hidden test into a wrong function; where a student's function
gives what exactly one of them gives, on every secret input, it is named. ``SIMPLE`` fits any
function; the others belong to a topic and are handed to :func:`deltarule.judging.function` as
``mistakes``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from deltarule.engine import Array
from deltarule.judging.tally import Mistake, named, wants_diagnosis

__all__ = [
    "BCE",
    "DECAY",
    "DESCENT",
    "INITIALISERS",
    "RELU",
    "SIGMOID",
    "SIMPLE",
    "STANDARDISE",
    "THRESHOLD",
    "UNIT",
    "FunctionMisconception",
    "InitialiserMisconception",
    "name_of",
]

Reference = Callable[..., Any]


@dataclass(frozen=True)
class FunctionMisconception(Mistake):
    """One way to write a function wrongly.

    Attributes:
        wrong: makes the wrong function of the right one; both are called in the same way, with
            float64 arrays. It raises JudgingError for a reference that it cannot change.
    """

    wrong: Callable[[Reference], Reference]


@dataclass(frozen=True)
class InitialiserMisconception(Mistake):
    """One way to draw weights wrongly: another standard deviation, as a function of both fans."""

    std: Callable[[int, int], float]


Named = TypeVar("Named", bound=Mistake)


def name_of(
    banks: Iterable[Sequence[Named]], fits: Callable[[Named], bool]
) -> dict[str, str] | None:
    """The diagnosis, if one mistake alone explains what was seen.

    Args:
        banks: the first bank in which anything fits decides.
        fits: whether a mistake gives what was seen, in every case.
    """
    if not wants_diagnosis():
        return None
    for bank in banks:
        if fitting := [one for one in bank if fits(one)]:
            return named(fitting) if len(fitting) == 1 else None
    return None


def _after(change: Callable[[Array], Any]) -> Callable[[Reference], Reference]:
    """Change what the reference returns, each part of it."""

    def wrap(reference: Reference) -> Reference:
        def wrong(**arguments: Any) -> Any:
            made = reference(**arguments)
            if isinstance(made, tuple):
                return tuple(change(np.asarray(part)) for part in made)
            return change(np.asarray(made))

        return wrong

    return wrap


def _instead(function: Reference) -> Callable[[Reference], Reference]:
    """Put another function in the place of the reference."""
    return lambda _: function


SIMPLE = (
    FunctionMisconception(
        "result-negated",
        "The result has the opposite sign.",
        "Follow the signs through your function; is there one too many or one too few?",
        _after(lambda a: -a),
    ),
    FunctionMisconception(
        "result-doubled",
        "The result is twice as large as it should be.",
        "Which constant factor do you multiply by, and who asked for it?",
        _after(lambda a: 2.0 * a),
    ),
    FunctionMisconception(
        "result-halved",
        "The result is half as large as it should be.",
        "Which constant factor does the formula have that your code lacks?",
        _after(lambda a: 0.5 * a),
    ),
    FunctionMisconception(
        "result-transposed",
        "Rows and columns of the result are exchanged.",
        "Write the shapes below your matrix product and compare with the shape that is asked for.",
        _after(lambda a: a.T),
    ),
)
"""Mistakes that fit any function."""


def _sigmoid(z: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


SIGMOID = (
    FunctionMisconception(
        "sigmoid-exponent-sign",
        "The exponent has the wrong sign, so the function falls where it should rise.",
        "What should the sigmoid be for a large positive argument? Try it.",
        _instead(lambda x: _sigmoid(-x)),
    ),
    FunctionMisconception(
        "tanh-for-sigmoid",
        "This is the hyperbolic tangent, with values between -1 and 1.",
        "Between which two values does a probability lie?",
        _instead(lambda x: np.tanh(x)),
    ),
    FunctionMisconception(
        "sigmoid-without-one",
        "The one in the denominator is missing.",
        "What does your function give at zero, and what should it?",
        _instead(lambda x: np.exp(x)),
    ),
)
"""For ``sigmoid(x)``."""

RELU = (
    FunctionMisconception(
        "relu-threshold-flipped",
        "Negative values pass and positive ones are cut.",
        "Which half of the number line should survive?",
        _instead(lambda x: np.minimum(x, 0.0)),
    ),
    FunctionMisconception(
        "relu-absolute-value",
        "Negative values change their sign instead of becoming zero.",
        "What should the function give for a negative argument?",
        _instead(lambda x: np.abs(x)),
    ),
    FunctionMisconception(
        "relu-of-zero-only",
        "The function returns zero everywhere.",
        "Try a positive argument.",
        _instead(lambda x: np.zeros_like(x)),
    ),
    FunctionMisconception(
        "relu-step",
        "The function returns one for positive values: that is its derivative.",
        "What should the function give at 3, and what does yours give?",
        _instead(lambda x: (x > 0).astype(np.float64)),
    ),
)
"""For ``relu(x)``."""


def _bce(y: Array, y_hat: Array) -> Array:
    return np.asarray(-(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)))


BCE = (
    FunctionMisconception(
        "sum-for-mean",
        "The loss is summed over the samples instead of averaged.",
        "Does your loss grow when the same samples come twice?",
        _instead(lambda y, y_hat: np.sum(_bce(y, y_hat))),
    ),
    FunctionMisconception(
        "loss-sign-flipped",
        "The loss is negative.",
        "A logarithm of a probability is never positive; what does the formula do about it?",
        _instead(lambda y, y_hat: -np.mean(_bce(y, y_hat))),
    ),
    FunctionMisconception(
        "targets-and-predictions-exchanged",
        "Labels and predictions have changed places.",
        "Of which of the two arguments does the formula take a logarithm?",
        _instead(lambda y, y_hat: np.mean(_bce(np.clip(y_hat, 0, 1), np.clip(y, 1e-9, 1 - 1e-9)))),
    ),
    FunctionMisconception(
        "second-class-forgotten",
        "Only samples of class 1 contribute to the loss.",
        "What does a sample with label 0 and a wrong prediction cost in your loss?",
        _instead(lambda y, y_hat: np.mean(-y * np.log(y_hat))),
    ),
    FunctionMisconception(
        "logarithm-to-base-two",
        "The logarithm has base two.",
        "Which logarithm has the derivative 1/x?",
        _instead(lambda y, y_hat: np.mean(_bce(y, y_hat)) / np.log(2.0)),
    ),
)
"""For ``bce_loss(y, y_hat)``."""

DECAY = (
    FunctionMisconception(
        "decay-multiplied-up",
        "The decayed step size is decayed again with the whole power, so that it falls too fast.",
        "Write down the first four step sizes by hand. From which number is each one computed?",
        _instead(lambda eta, d, t: eta * d ** (t * (t + 1) / 2)),
    ),
    FunctionMisconception(
        "decay-one-step-late",
        "The decay sets in one step too late.",
        "What is the step size of the very first step, for t = 0, and of the second?",
        _instead(lambda eta, d, t: eta * d ** np.maximum(t - 1, 0)),
    ),
    FunctionMisconception(
        "decay-one-step-early",
        "The decay sets in one step too early.",
        "What is the step size of the very first step, for t = 0?",
        _instead(lambda eta, d, t: eta * d ** (t + 1)),
    ),
    FunctionMisconception(
        "decay-divided",
        "The step size is divided by the power instead of multiplied.",
        "Should the step size grow or fall when d is smaller than one?",
        _instead(lambda eta, d, t: eta / d**t),
    ),
    FunctionMisconception(
        "decay-linear",
        "The step size falls with t times d instead of with a power of d.",
        "Which operation does the superscript in the formula stand for?",
        _instead(lambda eta, d, t: eta * d * t),
    ),
)
"""For a step-size schedule ``eta d^t``, as ``(eta, d, t)``."""

DESCENT = (
    FunctionMisconception(
        "ascent-for-descent",
        "The step goes along the gradient, uphill.",
        "In which direction does a function fall most steeply?",
        _instead(lambda x, gradient, eta: x + eta * gradient),
    ),
    FunctionMisconception(
        "step-size-forgotten",
        "The whole gradient is subtracted; the step size plays no part.",
        "What happens to your step when the step size is zero?",
        _instead(lambda x, gradient, eta: x - gradient),  # noqa: ARG005
    ),
    FunctionMisconception(
        "step-returned-for-point",
        "The step itself is returned, not the point that it leads to.",
        "Where do you stand after the step?",
        _instead(lambda x, gradient, eta: -eta * gradient),  # noqa: ARG005
    ),
)
"""For one step of gradient descent, as ``(x, gradient, eta)``."""

STANDARDISE = (
    FunctionMisconception(
        "variance-for-standard-deviation",
        "The data are divided by their variance.",
        "What unit does a variance have if the data are in years?",
        _instead(lambda x: (x - x.mean(0)) / x.var(0)),
    ),
    FunctionMisconception(
        "mean-not-removed",
        "The data are scaled but not centred.",
        "What is the mean of each column of your result?",
        _instead(lambda x: x / x.std(0)),
    ),
    FunctionMisconception(
        "standardised-over-everything",
        "One mean and one standard deviation are used for all columns together.",
        "Look at the mean of each single column of your result.",
        _instead(lambda x: (x - x.mean()) / x.std()),
    ),
    FunctionMisconception(
        "batch-not-normalised",
        "The data come back as they went in.",
        "What is the standard deviation of each column of your result?",
        _instead(lambda x: x),
    ),
)
"""For the standardisation of columns, as ``(x)``."""

THRESHOLD = (
    FunctionMisconception(
        "threshold-flipped",
        "The two classes are exchanged.",
        "Which class does a predicted probability of 0.9 mean?",
        _instead(lambda y_hat: (y_hat < 0.5).astype(np.float64)),
    ),
    FunctionMisconception(
        "threshold-at-zero",
        "Everything above zero counts as class 1.",
        "Your function receives probabilities. Where is the middle between 0 and 1?",
        _instead(lambda y_hat: (y_hat > 0.0).astype(np.float64)),
    ),
)
"""For the decision between two classes, as ``(y_hat)``."""

UNIT = (
    FunctionMisconception(
        "bias-forgotten",
        "The bias plays no part.",
        "What changes in your output when only the bias changes?",
        _instead(lambda x, w, b: _sigmoid(np.sum(x * w))),  # noqa: ARG005
    ),
    FunctionMisconception(
        "bias-subtracted",
        "The bias is subtracted.",
        "Should a large bias make the output larger or smaller?",
        _instead(lambda x, w, b: _sigmoid(np.sum(x * w) - b)),
    ),
    FunctionMisconception(
        "activation-forgotten",
        "The weighted sum is returned as it is.",
        "Between which two values does a probability lie?",
        _instead(lambda x, w, b: np.sum(x * w) + b),
    ),
    FunctionMisconception(
        "bias-behind-activation",
        "The bias is added behind the activation function.",
        "Compare the order of the two equations with the order of your operations.",
        _instead(lambda x, w, b: _sigmoid(np.sum(x * w)) + b),
    ),
    FunctionMisconception(
        "mean-for-sum",
        "The products are averaged instead of summed.",
        "What does the inner product of two vectors do with the products of their elements?",
        _instead(lambda x, w, b: _sigmoid(np.mean(x * w) + b)),
    ),
)
"""For one sigmoid unit, as ``(x, w, b)`` of shapes (n,), (n,) and ()."""

INITIALISERS = (
    InitialiserMisconception(
        "variance-as-standard-deviation",
        "The variance of the formula is used as the standard deviation.",
        "Does your random-number function ask for a variance or for its square root?",
        lambda fan_in, _: 2.0 / fan_in,
    ),
    InitialiserMisconception(
        "fan-out-for-fan-in",
        "The spread follows from the number of outputs instead of the number of inputs.",
        "Over which units does a pre-activation sum up: those before or those behind the layer?",
        lambda _, fan_out: float(np.sqrt(2.0 / fan_out)),
    ),
    InitialiserMisconception(
        "variance-of-fan-out",
        "The variance for the number of outputs is used as the standard deviation.",
        "There are two things to check: which fan, and variance or standard deviation.",
        lambda _, fan_out: 2.0 / fan_out,
    ),
    InitialiserMisconception(
        "one-for-two",
        "The factor two that ReLU asks for is missing.",
        "ReLU switches half of the units off. How does the formula make up for that?",
        lambda fan_in, _: float(np.sqrt(1.0 / fan_in)),
    ),
    InitialiserMisconception(
        "both-fans",
        "The spread follows from the mean of inputs and outputs, which is another recipe.",
        "Whose initialisation is asked for, and which fan does it use?",
        lambda fan_in, fan_out: float(np.sqrt(2.0 / (fan_in + fan_out))),
    ),
    InitialiserMisconception(
        "standard-normal",
        "The weights have a standard deviation of one, whatever the layer's size.",
        "What happens to a sum of a thousand inputs with such weights?",
        lambda _, __: 1.0,
    ),
)
"""For He's initialisation of a layer with ``fan_in`` inputs and ``fan_out`` outputs."""
