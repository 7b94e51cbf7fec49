"""Judge a function of tensors that a student wrote, against a reference in NumPy.

``function(outer, np.outer, a="n", b="m")`` draws secret arguments of these shapes, calls the
student's function with torch tensors and compares with the reference on float64 arrays. A wrong
function is held against the bank of :mod:`deltarule.judging.function_bank`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltarule.engine import Array
from deltarule.errors import JudgingError
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.function_bank import SIMPLE, FunctionMisconception
from deltarule.judging.inkernel import subject_of
from deltarule.judging.subject import Program, TensorValue
from deltarule.judging.tolerance import SAFETY
from deltarule.judging.verdicts import Verdict, credit_of, file_verdict, new_rng

__all__ = ["DRAWS", "function"]

CASES = 8
LARGEST = 7
"""Sizes are drawn from 2 to this, all different within a case, so that axes are not confused."""

Draw = Callable[[np.random.Generator, Sequence[int]], NDArray[Any]]

DRAWS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(0.0, 1.0, shape),
    "positive": lambda rng, shape: rng.uniform(0.1, 3.0, shape),
    "probability": lambda rng, shape: rng.uniform(0.02, 0.98, shape),
    "binary": lambda rng, shape: rng.integers(0, 2, shape),
    "count": lambda rng, shape: rng.integers(0, 7, shape),
    "large": lambda rng, shape: rng.normal(0.0, 30.0, shape),
}
"""How an argument's numbers are drawn, by name."""


@dataclass(frozen=True)
class _Seen:
    """What one case showed."""

    arguments: dict[str, Array]
    values: tuple[Any, ...]
    allowances: tuple[float, ...]
    dtype: str


def function(
    student: Any,
    reference: Callable[..., Any],
    /,
    *,
    draw: Mapping[str, str] | None = None,
    mistakes: Sequence[FunctionMisconception] = (),
    **shapes: str,
) -> Verdict:
    """Judge ``student`` against ``reference``.

    Args:
        student: the student's function, called with torch tensors by keyword.
        reference: the same in NumPy; returns an array, or a tuple of arrays.
        draw: for arguments that are not normally distributed, a name in :data:`DRAWS`.
        mistakes: what to name besides the mistakes that fit any function.
        shapes: for each argument its axes, e.g. ``deltas="batch m"``; equal letters are equal
            sizes, and ``""`` is a number.

    Returns:
        The verdict, filed on the open sheet; equal credit for each returned tensor, given if it is
        right in every case.

    Raises:
        JudgingError: there is no such way to draw numbers, or no such argument.
    """
    draw = draw or {}
    if unknown := [n for n, how in draw.items() if n not in shapes or how not in DRAWS]:
        raise JudgingError(f"draw={unknown}: name an argument and one of {', '.join(DRAWS)}")
    rng = new_rng()
    groups: dict[str, list[bool]] = {}
    margins: list[float] = []
    complaints: list[str] = []
    seen: list[_Seen | None] = []
    for number in range(CASES):
        dtype = "float64" if number % 2 else "float32"
        arguments = _arguments(rng, shapes, draw, dtype, batch_of_one=number == 0)
        parts = _as_parts(reference(**arguments))
        found, complaint, evidence = _judge(student, arguments, parts, dtype)
        seen.append(evidence)
        for position, comparison in enumerate(found):
            groups.setdefault(f"result {position}", []).append(comparison.right)
            if comparison.margin is not None:
                margins.append(comparison.margin)
        if complaint:
            sizes = ", ".join(f"{name} {array.shape}" for name, array in arguments.items())
            complaints.append(f"{complaint} [{sizes}, {dtype}]")
    credit = credit_of(groups)
    message = "Right for every input." if not complaints else complaints[0] + "."
    message = message[0].upper() + message[1:]
    diagnosis = None if credit == 1.0 else _diagnose(seen, reference, mistakes)
    margin = min(margins, default=None)
    return file_verdict(Verdict("function", credit, message, margin, diagnosis))


def _as_parts(made: Any) -> tuple[Array, ...]:
    parts = made if isinstance(made, tuple) else (made,)
    return tuple(np.asarray(part, np.float64) for part in parts)


def _arguments(
    rng: np.random.Generator,
    shapes: dict[str, str],
    draw: Mapping[str, str],
    dtype: str,
    *,
    batch_of_one: bool,
) -> dict[str, Array]:
    axes = sorted({axis for shape in shapes.values() for axis in shape.split()})
    drawn = rng.permutation(np.arange(2, LARGEST + 1))[: len(axes)]
    sizes = {axis: int(size) for axis, size in zip(axes, drawn, strict=True)}
    if batch_of_one and axes:
        sizes[axes[0]] = 1
    made = {}
    for name, shape in shapes.items():
        numbers = DRAWS[draw.get(name, "normal")](rng, [sizes[axis] for axis in shape.split()])
        made[name] = np.asarray(numbers).astype(dtype).astype(np.float64)
    return made


def _judge(
    student: Any, arguments: dict[str, Array], parts: tuple[Array, ...], dtype: str
) -> tuple[list[Comparison], str, _Seen | None]:
    """The comparisons of one case, the first complaint, and evidence for a diagnosis."""

    def refuse(said: str) -> tuple[list[Comparison], str, None]:
        return [Comparison(said)] * len(parts), said, None

    program = Program()
    tensors = {name: program.tensor(array, dtype) for name, array in arguments.items()}
    program.read(program.call(student, **tensors))
    for tensor in tensors.values():
        program.read(tensor)
    outcome = subject_of(student).run(program)
    if outcome.failure:
        return refuse(str(outcome.failure))
    received, *after = outcome.values
    for (name, before), now in zip(arguments.items(), after, strict=True):
        if not np.array_equal(np.asarray(now.array, np.float64), before):
            return refuse(f"the function changes its argument `{name}`; work on a copy")
    if len(parts) > 1 and not (isinstance(received, list | tuple) and len(received) == len(parts)):
        return refuse(f"the function should return {len(parts)} tensors")
    values = tuple(received) if len(parts) > 1 else (received,)
    size = sum(array.size for array in arguments.values())
    allowances = tuple(
        SAFETY * (size + 2) * float(np.max(np.abs(part), initial=1.0)) for part in parts
    )
    found = [
        compare(value, part, allowed, dtype)
        for value, part, allowed in zip(values, parts, allowances, strict=True)
    ]
    evidence = _Seen(arguments, values, allowances, dtype)
    wrong = [i for i, comparison in enumerate(found) if not comparison.right]
    if not wrong:
        return found, "", evidence
    which = f"returned tensor {wrong[0] + 1}" if len(parts) > 1 else "the returned tensor"
    return found, f"{which} {found[wrong[0]].complaint}", evidence


def _diagnose(
    seen: Sequence[_Seen | None],
    reference: Callable[..., Any],
    mistakes: Sequence[FunctionMisconception],
) -> dict[str, str] | None:
    """The one mistake that gives what the student's function gave, on every input."""
    complete = [one for one in seen if one is not None]
    if len(complete) < len(seen):
        return None
    for bank in (mistakes, SIMPLE):  # a name made for this function beats one made for any
        fitting = [one for one in bank if all(_fits(s, one.wrong(reference)) for s in complete)]
        if len(fitting) == 1:
            (one,) = fitting
            return {"name": one.name, "explanation": one.explanation, "hint": one.hint}
        if fitting:
            return None
    return None


def _fits(seen: _Seen, wrong: Callable[..., Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            parts = _as_parts(wrong(**seen.arguments))
    except (TypeError, ValueError):  # made for other arguments than these
        return False
    if len(parts) != len(seen.values):
        return False
    pairs = zip(seen.values, parts, seen.allowances, strict=True)
    return all(
        isinstance(value, TensorValue | float)
        and compare(value, part, 4 * allowed * max(1.0, _largest(part)), seen.dtype).right
        for value, part, allowed in pairs
    )


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))
