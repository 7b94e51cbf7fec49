"""The bank for ``evaluate(params, x, y) -> (loss, accuracy)``: wrong pairs that have a name.

The loss and the accuracy are looked at one by one: a name is given where exactly one entry gives
the student's number in every case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.exchange.subject import TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.layered_cases import STABILISER, accuracy_of, right_class
from deltarule.judging.tally import Mistake, named

__all__ = ["SeenEvaluation", "as_number", "name_of_evaluation"]

SPREAD = 0.05
"""How much the two ends of a clamped label may differ: 1 - 1e-7 is 1 - 1.2e-7 in float32."""

NUMBER_ERROR = 1e-5
"""Relative; a float32 number that was made a Python float among them."""


@dataclass(frozen=True)
class SeenEvaluation:
    """What ``evaluate`` returned in one case.

    Attributes:
        case: network and batch.
        pair: loss and accuracy as they came.
        stabiliser: how far a loss that is kept finite may differ.
    """

    case: NetworkCase
    pair: tuple[Any, Any]
    stabiliser: float


Guess = Callable[[Array, Array], float]
"""(y, y_hat), both (samples, 1), to the wrong number."""


def _bce(y: Array, y_hat: Array) -> float:
    return engine.BCE.value(y, y_hat)


LOSSES: tuple[tuple[Mistake, Guess], ...] = (
    (
        Mistake(
            "sum-for-mean",
            "The loss is summed over the samples instead of averaged.",
            "Does your loss grow when the same samples come twice?",
        ),
        lambda y, y_hat: _bce(y, y_hat) * len(y),
    ),
    (
        Mistake(
            "loss-sign-flipped",
            "The loss is negative.",
            "A logarithm of a probability is never positive; what does the formula do about it?",
        ),
        lambda y, y_hat: -_bce(y, y_hat),
    ),
    (
        Mistake(
            "squared-error-for-cross-entropy",
            "The loss is the mean squared error.",
            "Which loss does this exercise ask for?",
        ),
        lambda y, y_hat: float(np.mean((y - y_hat) ** 2)),
    ),
)

ACCURACIES: tuple[tuple[Mistake, Guess], ...] = (
    (
        Mistake(
            "accuracy-as-count",
            "The accuracy is the number of right predictions, not their share.",
            "Between which two numbers does an accuracy lie?",
        ),
        lambda y, y_hat: accuracy_of(y, y_hat) * len(y),
    ),
    (
        Mistake(
            "error-rate-for-accuracy",
            "This is the share of wrong predictions.",
            "What should come out if every prediction is right?",
        ),
        lambda y, y_hat: 1.0 - accuracy_of(y, y_hat),
    ),
    (
        Mistake(
            "accuracy-in-percent",
            "The accuracy is a percentage, where a share from 0 to 1 is asked for.",
            "Between which two numbers does the accuracy of this exercise lie?",
        ),
        lambda y, y_hat: 100.0 * accuracy_of(y, y_hat),
    ),
    (
        Mistake(
            "labels-not-looked-at",
            "This is the share of samples that are predicted to be of class 1.",
            "Where do the labels enter your accuracy?",
        ),
        lambda _, y_hat: float(np.mean(y_hat > 0.5)),
    ),
)

EXCHANGED = Mistake(
    "targets-and-predictions-exchanged",
    "Labels and predictions have changed places in the loss.",
    "In which order does your loss function expect its arguments?",
)

PAIR_EXCHANGED = Mistake(
    "loss-and-accuracy-exchanged",
    "Loss and accuracy are returned in the other order.",
    "Which of the two is asked for first?",
)


def name_of_evaluation(seen: Sequence[SeenEvaluation | None]) -> dict[str, str] | None:
    """What explains all cases, as a diagnosis; None where something stays unexplained."""
    cases = [one for one in seen if one is not None]
    if len(cases) < len(seen):
        return None
    losses = [as_number(one.pair[0]) for one in cases]
    accuracies = [as_number(one.pair[1]) for one in cases]
    if _fits(cases, losses, lambda y, p: accuracy_of(y, p)) and _fits(cases, accuracies, _bce):
        return named([PAIR_EXCHANGED])
    first = _one(cases, losses, _bce, LOSSES)
    if first is None and _is_exchanged(cases, losses):
        first = [EXCHANGED]
    second = _one(cases, accuracies, accuracy_of, ACCURACIES)
    if first is None or second is None:
        return None
    return named([*first, *second])


def _one(
    cases: Sequence[SeenEvaluation],
    numbers: Sequence[float],
    right: Guess,
    bank: Sequence[tuple[Mistake, Guess]],
) -> list[Mistake] | None:
    """No mistake where the numbers are right, the one that fits, or None."""
    if _fits(cases, numbers, right):
        return []
    fitting = [mistake for mistake, guess in bank if _fits(cases, numbers, guess)]
    return fitting if len(fitting) == 1 else None


def _fits(cases: Sequence[SeenEvaluation], numbers: Sequence[float], guess: Guess) -> bool:
    return all(
        abs(number - expected)
        <= (NUMBER_ERROR + one.stabiliser) * max(1.0, abs(expected), len(one.case.x))
        for one, number in zip(cases, numbers, strict=True)
        for expected in [guess(one.case.y, engine.forward(one.case.network, one.case.x).y_hat)]
    )


def _is_exchanged(cases: Sequence[SeenEvaluation], numbers: Sequence[float]) -> bool:
    """Whether the logarithm is taken of the labels.

    It is minus infinity for one class, or what the loss makes of that to stay finite: one number
    for each precision, times the mean probability that is given to the wrong class.
    """
    factors: dict[str, list[float]] = {}
    for one, number in zip(cases, numbers, strict=True):
        y_hat = engine.forward(one.case.network, one.case.x).y_hat
        missed = float(np.mean(1.0 - right_class(one.case.y, y_hat)))
        factors.setdefault(one.case.dtype, []).append(number / missed)
    return all(
        min(of_type) > -np.log(STABILISER) * 0.99
        and max(of_type) < 110.0
        and max(of_type) - min(of_type) < SPREAD * min(of_type)
        for of_type in factors.values()
        if len(of_type) > 1
    ) and any(len(of_type) > 1 for of_type in factors.values())


def as_number(value: Any) -> float:
    """A number from what came back; NaN where it is none."""
    array = np.asarray(value.array if isinstance(value, TensorValue) else value)
    if array.shape != () or array.dtype.kind not in "iuf":
        return float("nan")
    return float(array)
