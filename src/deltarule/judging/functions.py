"""Judge a function of tensors that a student wrote, against a reference in NumPy.

``function(outer, np.outer, a="n", b="m")`` draws secret arguments of these shapes, calls the
student's function with torch tensors and compares with the reference on float64 arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule.engine import Array
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.inkernel import subject_of
from deltarule.judging.subject import Program
from deltarule.judging.tolerance import SAFETY
from deltarule.judging.verdicts import Verdict, credit_of, file_verdict, new_rng

__all__ = ["function"]

CASES = 8
LARGEST = 7
"""Sizes are drawn from 1 to this, all different within a case, so that axes cannot be confused."""


def function(student: Any, reference: Callable[..., Any], /, **shapes: str) -> Verdict:
    """Judge ``student`` against ``reference``.

    Args:
        student: the student's function, called with torch tensors by keyword.
        reference: the same in NumPy; returns an array, or a tuple of arrays.
        shapes: for each argument its axes, e.g. ``deltas="batch m"``; equal letters are equal
            sizes, and ``""`` is a number.

    Returns:
        The verdict, filed on the open sheet; equal credit for each returned tensor, given if it is
        right in every case.
    """
    rng = new_rng()
    groups: dict[str, list[bool]] = {}
    margins: list[float] = []
    complaints: list[str] = []
    for number in range(CASES):
        dtype = "float64" if number % 2 else "float32"
        arguments = _arguments(rng, shapes, dtype, batch_of_one=number == 0)
        expected = reference(**arguments)
        parts = expected if isinstance(expected, tuple) else (expected,)
        found, complaint = _judge(student, arguments, parts, dtype)
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
    return file_verdict(Verdict("function", credit, message, min(margins, default=None)))


def _arguments(
    rng: np.random.Generator, shapes: dict[str, str], dtype: str, *, batch_of_one: bool
) -> dict[str, Array]:
    axes = sorted({axis for shape in shapes.values() for axis in shape.split()})
    drawn = rng.permutation(np.arange(2, LARGEST + 1))[: len(axes)]
    sizes = {axis: int(size) for axis, size in zip(axes, drawn, strict=True)}
    if batch_of_one and axes:
        sizes[axes[0]] = 1
    return {
        name: np.asarray(rng.normal(0.0, 1.0, [sizes[axis] for axis in shape.split()]))
        .astype(dtype)
        .astype(np.float64)
        for name, shape in shapes.items()
    }


def _judge(
    student: Any, arguments: dict[str, Array], parts: tuple[Any, ...], dtype: str
) -> tuple[list[Comparison], str]:
    program = Program()
    tensors = {name: program.tensor(array, dtype) for name, array in arguments.items()}
    program.read(program.call(student, **tensors))
    for tensor in tensors.values():
        program.read(tensor)
    outcome = subject_of(student).run(program)
    if outcome.failure:
        return [Comparison(str(outcome.failure))] * len(parts), str(outcome.failure)
    received, *after = outcome.values
    for (name, before), now in zip(arguments.items(), after, strict=True):
        if not np.array_equal(np.asarray(now.array, np.float64), before):
            complaint = f"the function changes its argument `{name}`; work on a copy"
            return [Comparison(complaint)] * len(parts), complaint
    if len(parts) > 1 and not (isinstance(received, list | tuple) and len(received) == len(parts)):
        complaint = f"the function should return {len(parts)} tensors"
        return [Comparison(complaint)] * len(parts), complaint
    values = list(received) if len(parts) > 1 else [received]
    size = sum(array.size for array in arguments.values())
    found = []
    for value, part in zip(values, parts, strict=True):
        expected = np.asarray(part, np.float64)
        scale = float(np.max(np.abs(expected), initial=1.0))
        found.append(compare(value, expected, SAFETY * (size + 2) * scale, dtype))
    wrong = [i for i, comparison in enumerate(found) if not comparison.right]
    if not wrong:
        return found, ""
    which = f"returned tensor {wrong[0] + 1}" if len(parts) > 1 else "the returned tensor"
    return found, f"{which} {found[wrong[0]].complaint}"
