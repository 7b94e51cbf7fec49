"""Judge functions of plain data: whole numbers, shapes, lists, text.

These have no rounding to speak of, and their inputs are no secret worth keeping: the message shows
the first call that went wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deltarule.errors import JudgingError
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Opaque, Program, TableValue, TensorValue
from deltarule.judging.function_bank import FunctionMisconception, name_of
from deltarule.judging.tally import Tally
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["exact", "plain", "same"]

CALLS = 32
"""Many, since wrong formulas for whole numbers are often right by rounding."""

LONGEST = 120
"""Characters of a value that is shown."""

ROUNDING = 1e-6
"""Relative error allowed for numbers that are not whole: any order of operations, in float32."""


def exact(
    student: Any,
    reference: Callable[..., Any],
    draw: Callable[[np.random.Generator], tuple[Any, ...]],
    *,
    mistakes: Sequence[FunctionMisconception] = (),
    by_name: bool = False,
) -> Verdict:
    """Judge a function of plain data, such as the number of parameters of a network.

    Args:
        student: the student's function, called with what ``draw`` gives.
        reference: returns what is right for the same arguments.
        draw: the arguments of one call, from a random generator: numbers, text, lists, tuples.
        mistakes: wrong functions to name; they are called like ``reference``.
        by_name: ``reference`` returns a dict, always with the same names, and each name earns an
            equal share. Names that only the student's dict has do not count.

    Returns:
        The verdict, filed on the open sheet: all or nothing, except ``by_name``. Lists, tuples,
        ``torch.Size`` and tensors count as equal if their items are, and 3.0 as 3; True is not 1.
        The message shows the first call that went wrong, and of a list of the right length the
        first wrong item.

    Raises:
        JudgingError: ``draw`` or ``reference`` does not give plain data, or with ``by_name`` not
            a dict.
    """
    rng = new_rng()
    tally = Tally("function")
    seen: list[tuple[tuple[Any, ...], Any]] = []
    for _ in range(CALLS):
        arguments = draw(rng)
        if not isinstance(arguments, tuple):
            raise JudgingError(f"draw should return a tuple of arguments, got {arguments!r}")
        arguments = tuple(_to_send(one) for one in arguments)
        wanted = plain(reference(*_copied(arguments)))
        if _is_odd(wanted):
            raise JudgingError(f"the reference returns {wanted!r}, which is no plain data")
        if by_name and not isinstance(wanted, dict):
            raise JudgingError(f"by_name needs a reference that returns a dict, got {wanted!r}")
        groups = list(map(str, wanted)) if by_name else ["values"]
        program = Program()
        program.read(program.call(student, *arguments))
        outcome = subject_of(student).run(program)
        call = f"for the arguments ({', '.join(map(_shown, arguments))})"
        if outcome.failure:
            tally.fail(groups, f"{call} {outcome.failure}")
            continue
        got = plain(outcome.values[0])
        if by_name and isinstance(got, dict):
            got = {name: value for name, value in got.items() if name in wanted}
        seen.append((arguments, got))
        wrong = _wrong_groups(got, wanted, groups)
        for group in groups:
            tally.groups.setdefault(group, []).append(group not in wrong)
        if wrong:
            tally.complain(f"{call} {_difference(got, wanted)}")
    return tally.verdict("Right for every input.", _diagnose(seen, reference, mistakes))


def plain(value: Any) -> Any:
    """Plain data as it is compared: lists for all sequences, Python numbers for all numbers."""
    if isinstance(value, TensorValue):
        return plain(value.array.tolist())
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def same(got: Any, wanted: Any) -> bool:
    """Whether two pieces of plain data say the same."""
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and all(same(got[n], wanted[n]) for n in wanted)
    if isinstance(wanted, bool) or isinstance(got, bool):
        return got is wanted
    if isinstance(wanted, float) and isinstance(got, int | float):
        return math.isclose(got, wanted, rel_tol=0.0 if wanted.is_integer() else ROUNDING)
    if isinstance(wanted, int) and isinstance(got, int | float):
        return got == wanted
    return type(got) is type(wanted) and bool(got == wanted)


def _wrong_groups(got: Any, wanted: Any, groups: Sequence[str]) -> list[str]:
    """The groups in which the answer differs: names of a dict, or the one group of everything."""
    if same(got, wanted):
        return []
    if len(groups) > 1 and isinstance(got, dict):
        names = zip(groups, wanted, strict=True)
        return [one for one, name in names if name not in got or not same(got[name], wanted[name])]
    return list(groups)


def _difference(got: Any, wanted: Any) -> str:
    """Where the answer differs, as a clause: all names of a dict, the first item of a list."""
    if isinstance(got, dict) and isinstance(wanted, dict) and wanted.keys() >= got.keys():
        said = {name: _said(got[name]) if name in got else "missing" for name in wanted}
        return "; ".join(
            f"`{name}` is {said[name]}, expected {_shown(value)}"
            for name, value in wanted.items()
            if name not in got or not same(got[name], value)
        )
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        pairs = enumerate(zip(got, wanted, strict=True))
        item, (value, right) = next(one for one in pairs if not same(*one[1]))
        return f"item {item} is {_said(value)}, expected {_shown(right)} (items count from 0)"
    return f"the function returns {_said(got)}, expected {_shown(wanted)}"


def _is_odd(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_odd(item) for item in value)
    if isinstance(value, dict):
        return any(_is_odd(item) for item in value.values())
    return not (value is None or isinstance(value, int | float | str)) or value != value


def _to_send(value: Any) -> Any:
    """NumPy's numbers, which random generators give, as Python's; lists stay lists."""
    if isinstance(value, tuple | list):
        return type(value)(_to_send(item) for item in value)
    return plain(value)


def _copied(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_copied(item) for item in value)
    return dict(value) if isinstance(value, dict) else value


def _said(got: Any) -> str:
    if got is None:
        return "None (a `return` may be missing)"
    if isinstance(got, Opaque):
        return f"an object of type {got.type_name}"
    if isinstance(got, TableValue):
        return f"a {got.kind}"
    return _shown(got)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _diagnose(
    seen: Sequence[tuple[tuple[Any, ...], Any]],
    reference: Callable[..., Any],
    mistakes: Sequence[FunctionMisconception],
) -> dict[str, str] | None:
    """The one mistake that gives what the student's function gave, every time."""
    if len(seen) < CALLS:
        return None

    def fits(one: FunctionMisconception) -> bool:
        wrong = one.wrong(reference)
        try:
            return all(same(got, plain(wrong(*_copied(given)))) for given, got in seen)
        except (TypeError, ValueError, ArithmeticError, LookupError):
            return False

    return name_of((mistakes,), fits)
