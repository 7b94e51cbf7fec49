"""Judge a function that a student wrote, against a reference in NumPy.

``function(outer, np.outer, a="n", b="m")`` draws secret arguments of these shapes, calls the
student's function with torch tensors, or plain numbers, and compares with the reference on float64
arrays. A wrong function is held against the bank of :mod:`deltarule.judging.function_bank`.

Everything is judged as exactly as float32 allows, whatever the arguments are: a function may
compute in float32 and return Python numbers, and nothing in them says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.engine import Array
from deltarule.errors import JudgingError
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Failure, Outcome, Program, Result, TensorValue
from deltarule.judging.comparing import compare
from deltarule.judging.conditioning import (
    Expected,
    as_parts,
    expected_gradients,
    expected_results,
    well_posed,
)
from deltarule.judging.drawing import CASES, DRAWS, Drawing, FunctionCase, HowDrawn
from deltarule.judging.function_bank import SIMPLE, FunctionMisconception, name_of
from deltarule.judging.tally import Tally
from deltarule.judging.tolerance import EPSILON, epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["DRAWS", "changes_argument", "function", "type_problem", "why_not_followed"]

PRECISION = "float32"
"""The precision that right answers are held to."""

GRADIENT_SHARE = 1e-3
"""Allowed error of a gradient, as a share of the largest. Whoever computes the right values with
operations that autograd knows has the right gradient; what remains is rounding."""

SMALL_GRADIENT = 0.01
"""Gradients below this count as this large: far out on a sigmoid, 1 - y is little but rounding."""

INDISTINCT = 0.1
"""If errors as large as this share of every result are allowed, a test cannot tell anything."""

SLACK = 4.0
"""A wrong function has other rounding errors than the right one; it is allowed this much more."""

NOT_FOLLOWED = (
    "autograd cannot follow your function; use torch operations, not NumPy, `.item()` or `float()`"
)

RIGHT_BUT = "the values are right, but"

_TYPES = re.compile(r"dtype|Float|Double|Long|scalar type|not implemented for")
"""What torch says when it is to compute with element types that do not go together."""


@dataclass(frozen=True)
class _Seen:
    """What one case showed."""

    case: FunctionCase
    expected: Expected
    values: tuple[Any, ...]


def function(
    student: Any,
    reference: Callable[..., Any],
    /,
    *,
    draw: Mapping[str, HowDrawn] | None = None,
    mistakes: Sequence[FunctionMisconception] = (),
    sizes: Mapping[str, tuple[int, int]] | None = None,
    differentiable: bool = False,
    **shapes: str,
) -> Verdict:
    """Judge ``student`` against ``reference``.

    Args:
        student: the student's function, called by keyword with torch tensors and plain numbers.
        reference: the same in NumPy; returns an array or a number, or a tuple of them.
        draw: for arguments that are not normally distributed, a name in :data:`DRAWS`, or a range:
            two floats or two ints, both ends included. An argument of shape ``""`` with a range is
            passed as a plain Python number; whole numbers with axes come as int64.
        mistakes: what to name besides the mistakes that fit any function.
        sizes: for single axes, smallest and largest size, e.g. ``{"kernel": (1, 3)}``.
        differentiable: whether torch must be able to differentiate the (first) result.
        shapes: for each argument its axes, e.g. ``deltas="batch m"``; equal letters are equal
            sizes, and ``""`` is a number. Arguments that are not named are not passed.

    Returns:
        The verdict, filed on the open sheet; equal credit for each returned value, given if it is
        right in every case, and for the gradient, if the values are right as well.

    Raises:
        JudgingError: the test is written wrongly: an argument or a way of drawing is not known, or
            the reference fails or cannot be told from a wrong one.
    """
    for one in mistakes:
        one.wrong(reference)  # raises where it does not fit this reference
    rng = new_rng()
    drawing = Drawing(rng, shapes, draw or {}, sizes or {})
    if differentiable and not drawing.tracks:
        raise JudgingError("differentiable=True needs a tensor argument of continuous numbers")
    tally = Tally("function")
    seen: list[_Seen | None] = []
    telling: list[tuple[bool, ...]] = []
    for number in range(CASES):
        case, expected = well_posed(drawing, number, reference)
        answer = _ask(student, reference, case, expected)
        evidence = _judge(tally, answer)
        seen.append(evidence)
        telling.append(_telling(answer.expected))
        if differentiable:
            weights = rng.uniform(0.5, 1.5, answer.expected.parts[0].shape)
            right = evidence is not None and not _wrong(evidence)
            fine = right and _judge_gradient(student, reference, answer, weights, tally)
            tally.groups.setdefault("gradient", []).append(fine)
    if not all(any(column) for column in zip(*telling, strict=True)):
        raise JudgingError("the results of the reference are lost in rounding errors; draw others")
    diagnosis = _diagnose(seen, reference, mistakes)
    return tally.verdict("Right for every input.", diagnosis)


@dataclass(frozen=True)
class _Answer:
    """A call and what came of it: as it was asked in the end."""

    case: FunctionCase
    expected: Expected
    outcome: Outcome
    by_position: bool


def _ask(
    student: Any, reference: Callable[..., Any], case: FunctionCase, expected: Expected
) -> _Answer:
    """Call the student's function; with one element type throughout, if that is what it needs."""
    outcome, by_position = _run(student, case)
    first = _Answer(case, expected, outcome, by_position)
    if not type_problem(outcome.failure):
        return first
    for dtype in sorted(EPSILON, key=case.dtype.__ne__):
        simple = case.all_in(dtype)
        outcome, by_position = _run(student, simple)
        if not type_problem(outcome.failure):
            return _Answer(simple, expected_results(reference, simple), outcome, by_position)
    return first


def _run(student: Any, case: FunctionCase) -> tuple[Outcome, bool]:
    """Call by keyword; by position if parameters have other names, as those of torch's own have."""
    subject = subject_of(student)
    outcome = subject.run(_program(student, case, by_position=False))
    if outcome.failure is not None and outcome.failure.error == "TypeError":
        again = subject.run(_program(student, case, by_position=True))
        if not again.failure:
            return again, True
    return outcome, False


def type_problem(failure: Failure | None) -> bool:
    """Whether the student's code works with one element type only, which is allowed."""
    return failure is not None and bool(_TYPES.search(failure.message))


def _program(student: Any, case: FunctionCase, *, by_position: bool) -> Program:
    program = Program()
    tensors = _tensors(program, case, tracked=False)
    program.read(_call(program, student, case, tensors, by_position=by_position))
    for tensor in tensors.values():
        program.read(tensor)
    return program


def _tensors(program: Program, case: FunctionCase, *, tracked: bool) -> dict[str, Result]:
    return {
        name: program.tensor(one.value, one.dtype, tracked=tracked and one.continuous)
        for name, one in case.arguments.items()
        if one.dtype
    }


def _call(
    program: Program,
    student: Any,
    case: FunctionCase,
    tensors: Mapping[str, Result],
    *,
    by_position: bool,
) -> Result:
    passed = {name: tensors.get(name, one.value) for name, one in case.arguments.items()}
    return (
        program.call(student, *passed.values()) if by_position else program.call(student, **passed)
    )


def _judge(tally: Tally, answer: _Answer) -> _Seen | None:
    """Count what one call gave; returns evidence for a diagnosis, if it gave anything."""
    case, expected, outcome = answer.case, answer.expected, answer.outcome
    groups = _groups(len(expected.parts))
    if outcome.failure:
        tally.fail(groups, str(outcome.failure), case)
        return None
    received, *after = outcome.values
    tensors = [(name, one.value) for name, one in case.arguments.items() if one.dtype]
    for (name, before), now in zip(tensors, after, strict=True):
        if changes_argument(before, now):
            tally.fail(groups, f"the function changes its argument `{name}`; work on a copy", case)
            return None
    values = _parted(received, expected.parts)
    if isinstance(values, str):
        tally.fail(groups, values, case)
        return None
    for position, group in enumerate(groups):
        what = f"returned value {position + 1}" if len(groups) > 1 else "the returned value"
        part, allowed = expected.parts[position], expected.allowances[position]
        tally.add(group, what, compare(values[position], part, allowed, PRECISION), case)
    return _Seen(case, expected, values)


def changes_argument(before: Array, now: Any) -> bool:
    """Whether a tensor, read again after a call, is no longer what it was."""
    return not (
        isinstance(now, TensorValue)
        and now.array.shape == before.shape
        and np.array_equal(np.asarray(now.array, np.float64), before)
    )


def why_not_followed(failure: Failure | None) -> str:
    """What to say where a result cannot be differentiated."""
    if failure is not None and "in-place" in failure.message:
        return "autograd cannot follow a function that changes its argument; work on a copy"
    return NOT_FOLLOWED


def _groups(number: int) -> list[str]:
    return [f"value {n + 1}" for n in range(number)] if number > 1 else ["value"]


def _parted(received: Any, parts: Sequence[Array]) -> tuple[Any, ...] | str:
    """The returned values one by one, or what is wrong; one tensor may hold them as its rows."""
    number = len(parts)
    if number == 1:
        return (received,)
    if received is None:
        return "the function returns None; is a `return` missing?"
    if isinstance(received, TensorValue) and received.array.ndim:
        rows = [np.asarray(row) for row in received.array]
        if [row.shape for row in rows] == [part.shape for part in parts]:
            return tuple(TensorValue(row, received.dtype, received.library) for row in rows)
    if not isinstance(received, list | tuple):
        return f"the function should return {number} values, and returns a single one"
    if len(received) != number:
        return f"the function should return {number} values, and returns {len(received)}"
    return tuple(received)


def _judge_gradient(
    student: Any,
    reference: Callable[..., Any],
    answer: _Answer,
    weights: Array,
    tally: Tally,
) -> bool:
    """Whether autograd, through the student's function, finds the slopes of the reference."""
    case = answer.case
    program = Program()
    tensors = _tensors(program, case, tracked=True)
    made = _call(program, student, case, tensors, by_position=answer.by_position)
    made = program.get(made, "[0]") if len(answer.expected.parts) > 1 else made
    program.call_method(made, "backward", program.tensor(weights, case.dtype))
    wanted = expected_gradients(reference, case, weights)
    for name in wanted:
        program.read(program.get(tensors[name], "grad"))
    outcome = subject_of(student).run(program)
    if outcome.failure:
        tally.complain(f"{RIGHT_BUT} {why_not_followed(outcome.failure)}", case)
        return False
    largest = max(float(np.max(np.abs(g), initial=SMALL_GRADIENT)) for g, _ in wanted.values())
    fine = True
    for (name, (gradient, corner)), value in zip(wanted.items(), outcome.values, strict=True):
        if value is None and not np.any(gradient):
            continue
        if value is None:
            tally.complain(f"{RIGHT_BUT} there is no way back to `{name}`: {NOT_FOLLOWED}", case)
            return False
        allowed = (GRADIENT_SHARE * largest + corner) / epsilon_of(PRECISION)
        found = compare(value, gradient, allowed, PRECISION)
        if not found.right:
            what = f"{RIGHT_BUT} their derivative with respect to `{name}`"
            tally.complain(f"{what} {found.complaint}", case)
        fine = fine and found.right
    return fine


def _telling(expected: Expected) -> tuple[bool, ...]:
    """For each result, whether a wrong one would be noticed here."""
    unit = epsilon_of(PRECISION)
    return tuple(
        not np.any(part) or unit * float(np.min(allowed)) < INDISTINCT * float(np.max(np.abs(part)))
        for part, allowed in zip(expected.parts, expected.allowances, strict=True)
    )


def _wrong(seen: _Seen) -> bool:
    parts = zip(seen.values, seen.expected.parts, seen.expected.allowances, strict=True)
    return not all(compare(value, part, by, PRECISION).right for value, part, by in parts)


def _diagnose(
    seen: Sequence[_Seen | None],
    reference: Callable[..., Any],
    mistakes: Sequence[FunctionMisconception],
) -> dict[str, str] | None:
    """The one mistake that gives what the student's function gave, on every input."""
    complete = [one for one in seen if one is not None]
    if len(complete) < len(seen) or not any(_wrong(one) for one in complete):
        return None
    # A name made for this function beats one made for any.
    return name_of(
        (mistakes, SIMPLE), lambda one: all(_fits(s, one.wrong(reference)) for s in complete)
    )


def _fits(seen: _Seen, wrong: Callable[..., Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            parts = as_parts(wrong(**seen.case.values))
        if not _roughly(seen, parts):  # most are dismissed by this
            return False
        expected = expected_results(wrong, seen.case)
    except (TypeError, ValueError, ArithmeticError):  # made for other arguments than these
        return False
    pairs = zip(seen.values, expected.parts, expected.allowances, strict=True)
    return all(compare(value, part, SLACK * by, PRECISION).right for value, part, by in pairs)


def _roughly(seen: _Seen, parts: Sequence[Array]) -> bool:
    if len(parts) != len(seen.values):
        return False
    for value, part in zip(seen.values, parts, strict=True):
        far = 0.05 * max(1.0, float(np.max(np.abs(part), initial=0.0)))
        if not compare(value, part, far / epsilon_of(PRECISION), PRECISION).right:
            return False
    return True
