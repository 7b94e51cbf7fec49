r"""What a right function returns, and how far from it a right answer may lie.

The reference says what is right. How exactly it can be computed is measured on the reference
itself: a rounding error in an argument, or in something computed early on, reaches the result
multiplied by the slope on its way. So each result has an allowance, in units of the machine
epsilon,

.. math:: \text{SAFETY} \cdot \Bigl( (n + 16) \max(1, |f|)
          + 4 \sum_i \bigl| \tfrac{\partial f}{\partial a_i} a_i \bigr|
          + 2 \tfrac{|f_{32} - f|}{u_{32}} \Bigr),

the first term for a few operations, each over at most ``n`` numbers, the second for the
amplification of some of them (Higham, *Accuracy and Stability of Numerical Algorithms*, section
1.6), the third for what the reference itself loses in float32. Five steps down a curved function
may amplify a hundredfold what one step rounds. The sum is found by changing the arguments by one
part in a million; the gradients that autograd should find, by central differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.engine import Array, numerical
from deltarule.errors import JudgingError
from deltarule.judging.drawing import Drawing, FunctionCase
from deltarule.judging.tolerance import EPSILON, SAFETY

__all__ = ["Expected", "as_parts", "expected_gradients", "expected_results", "well_posed"]

CHANGE = 1e-6
"""Relative change of an argument that shows how the result depends on it."""

CHANGES = 64
"""How many changes are tried at most; if there are more numbers, several are changed together."""

OPERATIONS = 16
"""Operations whose rounding errors add up without being amplified, besides sums."""

AMPLIFIED = 4.0
"""Operations whose rounding errors reach the result as errors of the arguments do."""

OWN_LOSS = 2.0
"""How many times the reference's own error in float32 is allowed."""

WELL_CONDITIONED = 8.0
"""A case that amplifies errors less than this, relative to its result, is taken at once."""

REDRAWS = 12
"""How many cases are drawn to find a well-conditioned one; otherwise the best of them is taken."""

Reference = Callable[..., Any]


@dataclass(frozen=True)
class Expected:
    """What the reference returns for one case.

    Attributes:
        parts: each returned array, float64.
        allowances: for each, allowed errors in units of the machine epsilon, of its shape.
        condition: how much errors are amplified, relative to the largest result or 1.
    """

    parts: tuple[Array, ...]
    allowances: tuple[Array, ...]
    condition: float


def as_parts(made: Any) -> tuple[Array, ...]:
    """What a reference returned, as float64 arrays."""
    parts = made if isinstance(made, tuple) else (made,)
    return tuple(np.asarray(part, np.float64) for part in parts)


def expected_results(reference: Reference, case: FunctionCase) -> Expected:
    """Call the reference, and measure how errors of its arguments reach its results."""
    with np.errstate(all="ignore"):
        parts = as_parts(reference(**_copied(case.values)))
        amplified = [np.zeros_like(part) for part in parts]
        for changed in _changed(case):
            made = as_parts(reference(**changed))
            for total, part, other in zip(amplified, parts, made, strict=True):
                if other.shape == part.shape:
                    total += _finite(np.abs(other - part)) / CHANGE
        lost = _lost_in_float32(reference, case, parts)
    size = sum(np.size(value) for value in case.values.values())
    scales = [float(np.max(np.abs(part), initial=1.0)) for part in parts]
    allowances = tuple(
        SAFETY * ((size + OPERATIONS) * scale + AMPLIFIED * total + OWN_LOSS * units)
        for scale, total, units in zip(scales, amplified, lost, strict=True)
    )
    worst = [
        float(np.max(np.maximum(total, units), initial=0.0)) / scale
        for scale, total, units in zip(scales, amplified, lost, strict=True)
    ]
    return Expected(parts, allowances, max(worst, default=0.0))


def _finite(values: Array) -> Array:
    """The values, with 0 in place of what is no finite number."""
    return np.where(np.isfinite(values), values, 0.0)


def _lost_in_float32(
    reference: Reference, case: FunctionCase, parts: Sequence[Array]
) -> list[Array]:
    """By how many units of float32's epsilon the reference errs when it computes in float32."""
    nothing = [np.zeros_like(part) for part in parts]
    values = {
        name: value.astype(np.float32)
        if isinstance(value, np.ndarray) and value.dtype == np.float64
        else np.float32(value)
        if isinstance(value, float)
        else value
        for name, value in _copied(case.values).items()
    }
    try:
        made = as_parts(reference(**values))
    except Exception:  # noqa: BLE001 - it was asked for float64 only, and has shown that it can
        return nothing
    if [part.shape for part in made] != [part.shape for part in parts]:
        return nothing
    return [
        _finite(np.abs(one - part) / EPSILON["float32"])
        for one, part in zip(made, parts, strict=True)
    ]


def well_posed(
    drawing: Drawing, number: int, reference: Reference
) -> tuple[FunctionCase, Expected]:
    """Draw case ``number`` so that right answers can be told from wrong ones.

    Raises:
        JudgingError: the reference fails, or what it returns is not finite.
    """
    best: tuple[FunctionCase, Expected] | None = None
    for _ in range(REDRAWS):
        case = drawing.case(number)
        try:
            expected = expected_results(reference, case)
        except Exception as error:
            raise JudgingError(
                f"the reference raised {type(error).__name__}: {error} [{case}]; it gets NumPy "
                "arrays by keyword, and should use no names that a notebook can change"
            ) from error
        if not all(np.all(np.isfinite(part)) for part in expected.parts):
            raise JudgingError(f"the reference returns numbers that are not finite [{case}]")
        if best is None or expected.condition < best[1].condition:
            best = case, expected
        if expected.condition <= WELL_CONDITIONED:
            break
    assert best is not None
    return best


def expected_gradients(
    reference: Reference, case: FunctionCase, weights: Array
) -> dict[str, tuple[Array, Array]]:
    """The gradient of ``sum(weights * result)`` for each continuous tensor of a case.

    Returns:
        By argument: the gradient, and by how much the differences to the left and to the right of
        each number disagree. At a corner, as ReLU has one, any slope between the two is right.
    """
    found = {}
    values = case.values
    for name in case.continuous:
        if not case.arguments[name].dtype:
            continue

        def projected(array: Array, name: str = name) -> float:
            with np.errstate(all="ignore"):
                first = as_parts(reference(**{**_copied(values), name: array}))[0]
            return float(np.sum(weights * first))

        at = values[name]
        gradient = numerical.gradient(projected, at)
        found[name] = gradient, _disagreement(projected, at)
    return found


def _disagreement(f: Callable[[Array], float], at: Array) -> Array:
    here = f(at.copy())
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        step = numerical.STEP * max(1.0, abs(float(at[index])))
        sides = []
        for signed in (step, -step):
            point = at.copy()
            point[index] += signed
            sides.append((f(point) - here) / signed)
        found[index] = abs(sides[0] - sides[1])
    return found


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """A reference that works in place must not change the arguments of the next call."""
    return {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def _changed(case: FunctionCase) -> Sequence[dict[str, Any]]:
    """The arguments with a few numbers made smaller by ``CHANGE``, each number once."""
    places = [
        (name, index)
        for name in case.continuous
        for index in np.ndindex(np.shape(case.values[name]))
    ]
    changed = []
    for group in range(min(CHANGES, len(places))):
        values = _copied(case.values)
        for name, index in places[group::CHANGES]:
            if isinstance(values[name], float):
                values[name] *= 1.0 - CHANGE
            else:
                values[name][index] *= 1.0 - CHANGE
        changed.append(values)
    return changed
