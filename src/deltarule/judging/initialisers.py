r"""Judge how a student draws initial weights: a statistical test that states how often it errs.

Right code must practically never be rejected, so every bound holds for finite samples, not only
asymptotically, and the probabilities of all of them add up to less than ``FALSE_ALARM``:

* normal: :math:`n s^2/\sigma^2` is chi-squared, and by Laurent and Massart (2000)
  :math:`P(|s^2/\sigma^2-1| > 2\sqrt{t/n} + 2t/n) \le 2e^{-t}`; the mean is normal itself.
* uniform on :math:`[-b, b]`: Hoeffding's inequality for :math:`x` and for :math:`x^2`; no value may
  lie outside.
* which of the two it is: Hoeffding for the share of values beyond :math:`\sqrt 3\,\sigma`, 8.3 %
  for the normal distribution and none for the uniform one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from deltarule.engine import Array
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Program, TensorValue
from deltarule.judging.function_bank import INITIALISERS, InitialiserMisconception, name_of
from deltarule.judging.verdicts import Verdict, file_verdict, new_rng

__all__ = ["DRAWS", "FALSE_ALARM", "SHAPES", "WeightsSeen", "initialiser", "judge_weights"]

FALSE_ALARM = 1e-9
"""Upper bound of the probability that a right initialiser is rejected by one verdict."""

SHAPES = ((40, 170), (300, 25), (90, 90))
"""(fan_in, fan_out); the fans differ clearly, and once are equal."""

DRAWS = 3
"""Matrices drawn of each shape, to see that they differ."""

BOUNDS = 4
"""Inequalities checked for each shape; each gets an equal part of ``FALSE_ALARM``."""

Distribution = Literal["normal", "uniform"]


def initialiser(
    student: Any,
    std: Callable[[int, int], float],
    *,
    distribution: Distribution = "normal",
    path: str = "",
    extra: tuple[Any, ...] = (),
    mistakes: Sequence[InitialiserMisconception] = INITIALISERS,
) -> Verdict:
    """Judge a function that draws a weight matrix.

    Args:
        student: called with (fan_in, fan_out, *extra).
        std: the standard deviation that is asked for, as a function of (fan_in, fan_out).
        distribution: ``normal`` or ``uniform``, with mean zero.
        path: where the matrix stands in what is returned, e.g. ``"[0]"``.
        extra: further arguments.
        mistakes: wrong standard deviations to name.

    Returns:
        The verdict, filed on the open sheet: all or nothing.
    """
    rng = new_rng()
    drawn = []
    for fan_in, fan_out in SHAPES:
        fans = (fan_in + int(rng.integers(0, 5)), fan_out + int(rng.integers(0, 5)))
        program = Program()
        for _ in range(DRAWS):
            made = program.call(student, *fans, *extra)
            program.read(program.get(made, path) if path else made)
        outcome = subject_of(student).run(program)
        if outcome.failure:
            said = str(outcome.failure)
            return file_verdict(Verdict("initialiser", 0.0, f"{said[0].upper()}{said[1:]}."))
        drawn.append((*fans, outcome.values))
    seen = judge_weights(drawn, std, distribution=distribution, mistakes=mistakes)
    if not seen.complaint:
        said = "The weights have the spread and the shape of distribution that are asked for."
        return file_verdict(Verdict("initialiser", 1.0, said))
    said = seen.complaint
    return file_verdict(Verdict("initialiser", 0.0, said, diagnosis=seen.diagnosis))


@dataclass(frozen=True)
class WeightsSeen:
    """What was found out about drawn weights.

    Attributes:
        complaint: a sentence, or "" where nothing is wrong.
        diagnosis: the wrong standard deviation that explains them.
    """

    complaint: str
    diagnosis: dict[str, str] | None = None


def judge_weights(
    drawn: Sequence[tuple[int, int, Sequence[Any]]],
    std: Callable[[int, int], float],
    *,
    distribution: Distribution = "normal",
    mistakes: Sequence[InitialiserMisconception] = INITIALISERS,
) -> WeightsSeen:
    """Judge weight matrices, ``DRAWS`` of each of ``SHAPES``.

    Args:
        drawn: (fan_in, fan_out, values from the outcome of a program).
        std: see :func:`initialiser`, as are the others.
        distribution: ``normal`` or ``uniform``.
        mistakes: wrong standard deviations to name.
    """
    level = math.log(2 * BOUNDS * len(SHAPES) / FALSE_ALARM)
    seen: list[tuple[int, int, Array]] = []
    complaint = ""
    for fan_in, fan_out, values in drawn:
        weights = _stacked(values, (fan_in, fan_out))
        if isinstance(weights, str):
            return WeightsSeen(weights)
        seen.append((fan_in, fan_out, weights))
        wrong = _what_is_wrong(weights, std(fan_in, fan_out), distribution, level)
        if wrong and not complaint:
            complaint = f"For {fan_in} inputs and {fan_out} outputs {wrong}."
    if not complaint:
        return WeightsSeen("")

    def fits(one: InitialiserMisconception) -> bool:
        wrong = (_what_is_wrong(x, one.std(i, o), distribution, level) for i, o, x in seen)
        return not any(wrong)

    return WeightsSeen(complaint, name_of((mistakes,), fits))


def _stacked(values: Sequence[Any], fans: tuple[int, int]) -> Array | str:
    """Several matrices as one array, or what is wrong with them."""
    for value in values:
        if not isinstance(value, TensorValue):
            return "The weights should be a tensor."
        if value.array.shape != fans:
            return (
                f"The weights have shape {value.array.shape}; for {fans[0]} inputs and {fans[1]} "
                f"outputs it should be {fans}."
            )
        if value.array.dtype.kind != "f" or not np.all(np.isfinite(value.array)):
            return "The weights should be finite floating-point numbers."
    arrays = [np.asarray(value.array, np.float64) for value in values]
    if all(np.array_equal(arrays[0], other) for other in arrays[1:]):
        return "The weights are the same every time; they should be drawn at random."
    return np.stack(arrays)


def _what_is_wrong(x: Array, std: float, distribution: Distribution, level: float) -> str:
    """A clause that says which bound is broken, or ""; errs with probability e^-level each."""
    n = x.size
    bound = math.sqrt(3.0) * std
    if distribution == "uniform":
        if np.max(np.abs(x)) > bound * (1 + 1e-6):
            return f"a weight of {np.max(np.abs(x)):.4g} lies beyond the bound {bound:.4g}"
        mean_limit = bound * math.sqrt(2 * level / n)
        square_limit = 3.0 * math.sqrt(level / (2 * n))
    else:
        mean_limit = std * math.sqrt(2 * level / n)
        square_limit = 2 * math.sqrt(level / n) + 2 * level / n
    spread = float(np.mean(x**2)) / std**2
    if abs(spread - 1.0) > square_limit:
        return f"the standard deviation is about {math.sqrt(spread) * std:.4g}, expected {std:.4g}"
    if abs(float(np.mean(x))) > mean_limit:
        return f"the mean is about {np.mean(x):.3g}, expected 0"
    beyond = float(np.mean(np.abs(x) > bound))
    if distribution == "normal" and abs(beyond - 0.0832645) > math.sqrt(level / (2 * n)):
        return "the weights do not look normally distributed"
    return ""
