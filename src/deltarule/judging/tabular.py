"""Judge a function that prepares a pandas table: columns chosen, filled, coded, scaled.

A table is compared column by column, by names, order, length and values; what pandas adds, the
index and the exact type of a column, does not matter, and a missing value is one however it is
written.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deltarule.errors import JudgingError
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Opaque, Outcome, Program, TableValue, TensorValue
from deltarule.judging.function_bank import FunctionMisconception, name_of
from deltarule.judging.tally import Tally
from deltarule.judging.tolerance import epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["tables"]

TABLES = 6
"""Tables drawn for one verdict."""

ROUNDING = 64.0
"""Allowed error, in units of float32's epsilon, relative to the largest number of a column (or 1):
sums over some hundred rows, in any order and either precision."""

MISSING = frozenset({"NAType", "NaTType"})
"""What pandas has in place of a missing value besides None and NaN."""

SHOWN = 6
"""Column names told in a message."""

Columns = Mapping[str, Sequence[Any]]


def tables(
    student: Any,
    reference: Callable[[dict[str, list[Any]]], Any],
    draw: Callable[[np.random.Generator], Columns],
    *,
    mistakes: Sequence[FunctionMisconception] = (),
) -> Verdict:
    """Judge a function of one table.

    Args:
        student: the student's function, called with a DataFrame that has the drawn columns.
        reference: gets the columns as lists, and returns for each returned table a dict of columns,
            as a tuple if there are several. A dict with one column stands for a Series as well, of
            any name; a list of values stands for a Series alone.
        draw: a table, from a random generator, as a dict of columns. None and NaN are missing.
        mistakes: wrong functions to name; they are called like ``reference``.

    Returns:
        The verdict, filed on the open sheet; equal credit for each returned table, given if it is
        right every time. A function that changes its argument earns nothing.

    Raises:
        JudgingError: ``draw`` or ``reference`` does not give columns of equal length.
    """
    rng = new_rng()
    tally = Tally("tables")
    seen: list[tuple[dict[str, list[Any]], tuple[Any, ...]]] = []
    for _ in range(TABLES):
        given = _columns(draw(rng), "draw")
        wanted = _wanted(reference(copy.deepcopy(given)))
        groups = [f"table {n + 1}" for n in range(len(wanted))] if len(wanted) > 1 else ["table"]
        outcome = _ask(student, given)
        if outcome.failure:
            tally.fail(groups, str(outcome.failure))
            continue
        before, received, after = outcome.values
        if _difference(after, {name: _listed(one) for name, one in before.columns.items()}):
            tally.fail(groups, "the function changes its argument; work on a copy: `.copy()`")
            continue
        values = _parted(received, len(wanted))
        if isinstance(values, str):
            tally.fail(groups, values)
            continue
        seen.append((given, values))
        for group, value, columns in zip(groups, values, wanted, strict=True):
            complaint = _difference(value, columns)
            tally.groups.setdefault(group, []).append(not complaint)
            if complaint:
                which = f"returned {group}" if len(groups) > 1 else "the returned table"
                tally.complain(f"{which} {complaint}")
    diagnosis = _diagnose(seen, reference, mistakes)
    return tally.verdict("Right for every table.", diagnosis)


def _ask(student: Any, given: Columns) -> Outcome:
    program = Program()
    table = program.table(given)
    program.read(table)
    made = program.call(student, table)
    program.read(made)
    program.read(table)
    return subject_of(student).run(program)


def _columns(made: Any, who: str) -> dict[str, list[Any]]:
    """Columns as lists of plain data; NumPy's numbers become Python's."""
    if not isinstance(made, Mapping):
        raise JudgingError(f"{who} should give a dict of columns, got {type(made).__name__}")
    columns = {
        str(name): [one.item() if isinstance(one, np.generic) else one for one in values]
        for name, values in made.items()
    }
    if len({len(values) for values in columns.values()}) > 1:
        raise JudgingError(f"{who} gives columns of different lengths")
    return columns


def _wanted(made: Any) -> tuple[Any, ...]:
    """For each expected table its columns; a list for a Series."""
    parts = made if isinstance(made, tuple) else (made,)
    return tuple(
        _columns({"": part}, "the reference")[""]
        if isinstance(part, list | np.ndarray)
        else _columns(part, "the reference")
        for part in parts
    )


def _parted(received: Any, number: int) -> tuple[Any, ...] | str:
    if number == 1 and not (isinstance(received, list | tuple) and len(received) == 1):
        return (received,)
    if received is None:
        return "the function returns None; a `return` may be missing"
    if not isinstance(received, list | tuple) or len(received) != number:
        found = len(received) if isinstance(received, list | tuple) else 1
        return f"the function should return {number} tables, and returns {found}"
    return tuple(received)


def _difference(received: Any, wanted: Any) -> str:
    """What is wrong with one table, as a clause; "" where nothing is."""
    if received is None:
        return "is None; a `return` may be missing"
    if not isinstance(received, TableValue):
        kind = received.type_name if isinstance(received, Opaque) else type(received).__name__
        kind = f"{received.library} array" if isinstance(received, TensorValue) else kind
        asked = "Series" if isinstance(wanted, list) else "DataFrame"
        asked += " or a Series" if isinstance(wanted, dict) and len(wanted) == 1 else ""
        return f"is of type {kind}, where a {asked} should be"
    if isinstance(wanted, list) and received.kind != "Series":
        return "is a DataFrame, where a Series should be: one column, taken with one pair of [ ]"
    if received.kind == "Series":
        columns = [wanted] if isinstance(wanted, list) else list(wanted.values())
        if len(columns) != 1:
            return "is a Series, where a DataFrame should be"
        return _column_difference("", next(iter(received.columns.values())), columns[0])
    if complaint := _names_difference(list(received.columns), list(wanted)):
        return complaint
    for name, values in wanted.items():
        others = {other: column for other, column in wanted.items() if other != name}
        where = f" in column `{name}`"
        if complaint := _column_difference(where, received.columns[name], values, others):
            return complaint
    return ""


def _names_difference(got: list[str], wanted: list[str]) -> str:
    if missing := [name for name in wanted if name not in got]:
        return f"lacks {_named(missing)}"
    if extra := [name for name in got if name not in wanted]:
        return f"has {_named(extra)}, which should not be there"
    if got != wanted:
        first = next(n for n in range(len(got)) if got[n] != wanted[n])
        return f"has the column `{got[first]}` where `{wanted[first]}` should be"
    return ""


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{'the column' if len(names) == 1 else 'the columns'} {shown}{more}"


def _column_difference(
    where: str, received: Any, wanted: Sequence[Any], others: Columns | None = None
) -> str:
    """What is wrong with one column; the expected ``others`` tell which row is meant."""
    if isinstance(received, Opaque):
        return f"has{where} something that cannot be compared: {received.type_name}"
    values = _listed(received)
    if len(values) != len(wanted):
        return f"has {len(values)} rows, expected {len(wanted)}"
    cells = [_cell(one) for one in wanted]
    largest = max((abs(c) for c in cells if isinstance(c, float) and math.isfinite(c)), default=1.0)
    allowed = ROUNDING * epsilon_of("float32") * max(1.0, largest)
    wrong = [
        row
        for row, (value, cell) in enumerate(zip(values, cells, strict=True))
        if not _same_cell(_cell(value), cell, allowed)
    ]
    if not wrong:
        return ""
    got, cell = _cell(values[wrong[0]]), cells[wrong[0]]
    return (
        f"has {_shown(got)}{where} in row {wrong[0]} (counted from 0), expected {_shown(cell)}"
        f"{_beside(others or {}, wrong[0])}; {len(wrong)} of {len(cells)} rows differ"
    )


def _beside(others: Columns, row: int) -> str:
    """The expected rest of a row: a test's table is hidden, and a row number alone says little."""
    shown = [f"`{name}` {_shown(_cell(others[name][row]))}" for name in list(others)[:SHOWN]]
    return f" beside {', '.join(shown)}" if shown else ""


def _listed(column: Any) -> list[Any]:
    """The values of a column as it came back."""
    if isinstance(column, TensorValue):
        return list(column.array.tolist())
    return column if isinstance(column, list) else []


def _cell(value: Any) -> Any:
    """One value as it is compared: a float for every number, None for what is missing."""
    if isinstance(value, TensorValue) and value.array.ndim == 0:
        value = value.array.item()
    if isinstance(value, Opaque) and value.type_name in MISSING:
        return None
    if isinstance(value, bool | int | float):
        return None if value != value else _as_float(value)
    return value


def _as_float(value: float) -> Any:
    try:
        return float(value)
    except OverflowError:  # a whole number that no column of numbers can hold
        return str(value)


def _same_cell(got: Any, wanted: Any, allowed: float) -> bool:
    if isinstance(got, float) and isinstance(wanted, float):
        return got == wanted or abs(got - wanted) <= allowed
    return type(got) is type(wanted) and bool(got == wanted)


def _shown(cell: Any) -> str:
    if cell is None:
        return "a missing value"
    if isinstance(cell, float):
        return f"{cell:.6g}"
    text = repr(cell) if isinstance(cell, str) else f"an object of type {type(cell).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"


def _diagnose(
    seen: Sequence[tuple[dict[str, list[Any]], tuple[Any, ...]]],
    reference: Callable[..., Any],
    mistakes: Sequence[FunctionMisconception],
) -> dict[str, str] | None:
    """The one mistake that gives what the student's function gave, every time."""
    if len(seen) < TABLES:
        return None

    def fits(one: FunctionMisconception) -> bool:
        wrong = one.wrong(reference)
        for given, values in seen:
            try:
                made = _wanted(wrong(copy.deepcopy(given)))
            except (TypeError, ValueError, ArithmeticError, LookupError):
                return False
            if len(made) != len(values) or any(map(_difference, values, made)):
                return False
        return True

    return name_of((mistakes,), fits)
