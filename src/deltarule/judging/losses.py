"""Judge a binary cross-entropy that has to survive certain predictions.

The formula -mean(y log y_hat + (1 - y) log(1 - y_hat)) breaks where a prediction is exactly 0 or 1:
right predictions make a NaN of 0 log 0, wrong ones cost infinity, and the gradient multiplies 0 by
infinity even where the value was repaired. There are many cures (clamping, squeezing, a small
number in the logarithm, a floor for the logarithm as torch has it), and each changes the loss a
little. So this is judged by what the cures have in common, not by digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Outcome, Program, TensorValue
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.function_bank import BCE, FunctionMisconception, name_of
from deltarule.judging.functions import changes_argument, type_problem, why_not_followed
from deltarule.judging.tally import Mistake, Tally, named
from deltarule.judging.tolerance import EPSILON, epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["stable_bce"]

ORDINARY = (0.15, 0.85)
"""Where predictions are ordinary: adding 1e-4 to one changes its logarithm by less than 1e-3."""

EDGE = 0.01
"""How near the ends of ``ORDINARY`` the batches of one lie."""

AGREEMENT = 1e-3
"""How far the loss may be from the exact one, and from 0 for certain and right predictions."""

CLAMPED_AT_LIMIT = 1.01
"""Clamping at exactly 1e-3 costs 1.0005e-3 for a certain and right prediction: allowed."""

GRADIENT_SHARE = 0.01
"""Relative error allowed for each derivative at an ordinary prediction."""

NEARLY_CERTAIN = -float(np.log(0.01))
"""The loss of a prediction that is wrong by 0.99; a certain one has to cost more."""

ALIKE = 0.05
"""Relative difference of numbers that have one cause."""

GROUPS = ("ordinary predictions", "certain and right", "certain and wrong", "gradients")

BATCHES = (5, 1, 4, 6, 1, 7, 2, 8)
"""One batch size a case, with both labels; the two batches of one have one each. Element types are
mixed as in :mod:`deltarule.judging.drawing`."""

INFINITE = Mistake(
    "certain-prediction-infinite",
    "A prediction that is certain and wrong costs infinity.",
    "What is the largest value that your logarithm can take, and what is the smallest?",
)
NAN = Mistake(
    "certain-prediction-nan",
    "A prediction that is exactly 0 or 1 makes the loss nan.",
    "Which of the two terms should vanish there, and what does the computer make of 0 · log 0?",
)
LOST = Mistake(
    "clipping-lost-in-float32",
    "The predictions are kept away from 0 and 1 by so little that float32 does not notice.",
    "What is 1 - 1e-8 in float32? Print it.",
)
FROM_WHERE = Mistake(
    "gradient-nan-from-where",
    "The value is repaired, but its gradient is not: the derivative of a logarithm at 0 still "
    "takes part in it.",
    "Can you make sure that the logarithm never meets a 0, rather than mend what comes out of it?",
)
TOO_FAR = Mistake(
    "clipped-too-far",
    "The predictions are moved so far away from 0 and 1 that the loss is visibly another one.",
    "What does a perfect prediction cost in your loss, and how small a change would be enough?",
)
EXCHANGED = next(one for one in BCE if one.name == "targets-and-predictions-exchanged")


@dataclass(frozen=True)
class _Batch:
    """Labels and predictions."""

    group: str
    y: Array
    y_hat: Array
    dtype: str
    labels: str
    """The element type of the labels."""

    def __str__(self) -> str:
        samples = "1 sample" if self.y.size == 1 else f"{self.y.size} samples"
        return f"{samples}, labels {self.labels}, predictions {self.dtype}"


@dataclass(frozen=True)
class _Seen:
    """What the student's function gave for a batch: a number, or None where it gave none."""

    batch: _Batch
    loss: float | None
    gradient: Array | None


def stable_bce(student: Any) -> Verdict:
    """Judge ``student(y, y_hat)``: the mean binary cross-entropy, finite for every prediction.

    Labels come as int64 and as floating-point numbers, predictions in both precisions, both of
    shape (N,); the result is a number. Clamping, squeezing, or a number up to 1e-4 in the
    logarithm are all right, and so is torch's own function.

    Returns:
        The verdict, filed on the open sheet. Credit in quarters: ordinary predictions, predictions
        that are certain and right, those that are certain and wrong, and gradients: finite
        everywhere, and right to 1 % for ordinary predictions.
    """
    tally = Tally("binary cross-entropy")
    seen = [_see(student, batch, tally) for batch in _batches(new_rng())]
    if any(one.batch.group == GROUPS[2] and _is_cheap(one.loss) for one in seen):
        tally.groups[GROUPS[1]].append(False)  # a zero says nothing if the opposite is cheap too
    return tally.verdict(
        "The loss and its gradient are right, and finite for every prediction.", _diagnose(seen)
    )


def _batches(rng: np.random.Generator) -> list[_Batch]:
    made = []
    for number, samples in enumerate(BATCHES):
        dtype = "float64" if number % 2 else "float32"
        labels = "int64" if (number // 2) % 2 else dtype
        y = rng.permutation((np.arange(samples) + number) % 2).astype(np.float64)
        low, high = ORDINARY
        y_hat = rng.uniform(low, high, samples)
        if samples == 1:  # as wrong as ordinary predictions get, where small changes show most
            y_hat = np.abs(1.0 - y - rng.uniform(low, low + EDGE, samples))
        y_hat = y_hat.astype(dtype).astype(np.float64)
        for group, predictions in zip(GROUPS, (y_hat, y, 1.0 - y), strict=False):
            made.append(_Batch(group, y, predictions, dtype, labels))
    return made


def _see(student: Any, batch: _Batch, tally: Tally) -> _Seen:
    """Ask for loss and gradient of a batch, and judge them."""
    batch, outcome = _asked(student, batch)
    if not outcome.values:
        tally.fail([batch.group, GROUPS[3]], str(outcome.failure), batch)
        return _Seen(batch, None, None)
    received, *others = outcome.values
    for name, before, now in zip(("y", "y_hat"), (batch.y, batch.y_hat), others, strict=False):
        if changes_argument(before, now):
            said = f"the function changes its argument `{name}`; work on a copy"
            tally.fail([batch.group, GROUPS[3]], said, batch)
            return _Seen(batch, None, None)
    found = _about_loss(received, batch)
    tally.add(batch.group, "the loss", found, batch)
    loss = _number(received)
    if loss is None:
        tally.groups.setdefault(GROUPS[3], []).append(False)
        return _Seen(batch, None, None)
    if outcome.failure or others[2] is None:
        tally.fail([GROUPS[3]], why_not_followed(outcome.failure), batch)
        return _Seen(batch, loss, None)
    tally.add(GROUPS[3], "the gradient of the loss", _about_gradient(others[2], batch), batch)
    array = getattr(others[2], "array", None)
    return _Seen(batch, loss, None if array is None else array.astype(np.float64))


def _asked(student: Any, batch: _Batch) -> tuple[_Batch, Outcome]:
    """Call the student's function; with other element types if it takes those only."""
    outcome = _ask(student, batch)
    if type_problem(outcome.failure):  # torch's own function, for one, takes no whole numbers
        for dtype in sorted(EPSILON, key=batch.dtype.__ne__):
            y_hat = batch.y_hat.astype(dtype).astype(np.float64)
            other = replace(batch, y_hat=y_hat, dtype=dtype, labels=dtype)
            again = _ask(student, other)
            if not type_problem(again.failure):
                return other, again
    return batch, outcome


def _ask(student: Any, batch: _Batch) -> Outcome:
    program = Program()
    y = program.tensor(batch.y, batch.labels)
    y_hat = program.tensor(batch.y_hat, batch.dtype)
    program.read(program.call(student, y, y_hat))
    program.read(y)
    program.read(y_hat)
    tracked = program.tensor(batch.y_hat, batch.dtype, tracked=True)
    program.call_method(program.call(student, y, tracked), "backward")
    program.read(program.get(tracked, "grad"))
    return subject_of(student).run(program)


def _number(received: Any) -> float | None:
    """The loss as a number, finite or not; None if it is no single number."""
    if isinstance(received, TensorValue) and received.array.ndim == 0:
        received = received.array.item()
    plain = isinstance(received, int | float) and not isinstance(received, bool)
    return float(received) if plain else None


def _about_loss(received: Any, batch: _Batch) -> Comparison:
    unit = epsilon_of("float32")
    if batch.group == GROUPS[0]:
        exact = engine.BCE.value(batch.y, batch.y_hat)
        found = compare(received, exact, AGREEMENT / unit, "float32")
        return Comparison(found.complaint)
    if complaint := compare(received, 0.0, np.inf, "float32").complaint:
        return Comparison(f"of predictions that are {batch.group} {complaint}")
    loss = _number(received) or 0.0
    if batch.group == GROUPS[1] and abs(loss) > CLAMPED_AT_LIMIT * AGREEMENT:
        return Comparison(f"of predictions that are {batch.group} is {loss:.6g}, expected 0")
    if batch.group == GROUPS[2] and _is_cheap(loss):
        return Comparison(
            f"of predictions that are {batch.group} is {loss:.6g}; they should cost more than "
            f"those that are wrong by 0.99, {NEARLY_CERTAIN:.4g}"
        )
    return Comparison("")


def _is_cheap(loss: float | None) -> bool:
    return loss is not None and loss <= NEARLY_CERTAIN


def _about_gradient(received: Any, batch: _Batch) -> Comparison:
    exact = engine.BCE.gradient(batch.y, batch.y_hat)
    ordinary = batch.group == GROUPS[0]
    allowed = GRADIENT_SHARE * np.abs(exact) / epsilon_of("float32") if ordinary else np.inf
    found = compare(received, exact if ordinary else np.zeros_like(exact), allowed, "float32")
    where = "" if ordinary else f"for predictions that are {batch.group} "
    return Comparison(f"{where}{found.complaint}" if found.complaint else "")


def _diagnose(seen: Sequence[_Seen]) -> dict[str, str] | None:
    losses = {
        group: np.array([one.loss for one in seen if one.batch.group == group], np.float64)
        for group in GROUPS[:3]
    }
    if any(one.loss is None for one in seen):
        return None
    right, wrong = losses[GROUPS[1]], losses[GROUPS[2]]
    broken = {one.batch.dtype for one in seen if not _finite(one)}
    slopes = [one.gradient for one in seen if one.gradient is not None]
    if broken == {"float32"} and any(one.batch.dtype == "float64" for one in seen):
        return named([LOST])
    if np.any(np.isnan(right)) or np.any(np.isnan(wrong)):
        return named([NAN])
    if np.all(np.isfinite(right)) and any(np.any(np.isnan(slope)) for slope in slopes):
        return named([FROM_WHERE])
    if np.any(np.isinf(wrong)):
        return named([INFINITE])
    if broken:
        return None
    ordinary = [one for one in seen if one.batch.group == GROUPS[0]]
    if _exchanged(ordinary):
        return named([EXCHANGED])
    others = [one for one in BCE if one is not EXCHANGED]
    found = name_of((others,), lambda one: all(_explained(s, one) for s in ordinary))
    return found or (named([TOO_FAR]) if _clipped_too_far(right, wrong) else None)


def _finite(one: _Seen) -> bool:
    slopes = np.zeros(1) if one.gradient is None else one.gradient
    return one.loss is not None and bool(np.isfinite(one.loss) and np.all(np.isfinite(slopes)))


def _explained(one: _Seen, mistake: FunctionMisconception) -> bool:
    made = float(mistake.wrong(engine.BCE.value)(y=one.batch.y, y_hat=one.batch.y_hat))
    samples = one.batch.y.size  # a sum over them has an error for each
    return abs((one.loss or 0.0) - made) <= 2 * AGREEMENT * samples


def _exchanged(ordinary: Sequence[_Seen]) -> bool:
    """With labels in the logarithm, only the small number that replaces 0 counts."""
    sizes = np.array([np.mean(np.abs(one.batch.y - one.batch.y_hat)) for one in ordinary])
    logarithms = np.array([one.loss for one in ordinary], np.float64) / sizes
    return bool(np.min(logarithms) > NEARLY_CERTAIN and np.ptp(logarithms) <= ALIKE * logarithms[0])


def _clipped_too_far(right: Array, wrong: Array) -> bool:
    """Whether one number, the distance from 0 and 1, explains all certain predictions."""
    with np.errstate(over="ignore"):
        distance = abs(1.0 - np.exp(-right[0]))
    if not 0.0 < distance < 1.0:
        return False
    return bool(
        abs(right[0]) > AGREEMENT
        and np.ptp(right) <= ALIKE * abs(right[0])
        and np.all(np.abs(wrong + np.log(distance)) <= ALIKE * np.abs(wrong))
    )
