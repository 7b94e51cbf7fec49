"""What a learning management system's files look like: one description for each system.

A description holds the names of columns, what a file in a download is called, and nothing that
computes; :mod:`canvas`, :mod:`moodle` and :mod:`brightspace` each have one. Where a rule is known
from a system's own importer or documentation, the module says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from deltarule.errors import UsageError

__all__ = ["NAMES", "Label", "System", "the_system"]

NAMES = ("canvas", "moodle", "brightspace")


@dataclass(frozen=True)
class Label:
    """What the name of a file in a download says.

    Attributes:
        person: the same for all files of one person, different for two persons.
        name: of the person, as the system writes it in names of files; "" where it says none.
        number: the system's number of the person, as in the roster's ``number`` column; or "".
        file: what the student called the file.
        order: grows from one file to the next that came in; None where nothing says so.
        when: when it was handed in, by the clock of the system's course; None if nothing says so.
        late: whether the system calls it late.
        problem: why it is not a student's file; "" if it is.
    """

    person: str
    name: str
    number: str
    file: str
    order: int | None = None
    when: datetime | None = None
    late: bool = False
    problem: str = ""


@dataclass(frozen=True)
class System:
    """A system's formats.

    Attributes:
        name: as typed.
        title: as its makers write it.
        ids: columns that identify a person, the best name of a folder first.
        number: the column whose value, or number at the end of it, is a label's ``number``.
        number_lasts: whether a person has the same number in every assignment.
        names: columns that together are a person's name; the first that are all there count.
        kept: columns that go back to the system as they came, beside the grades.
        needed: a roster has all columns of one of these sets.
        grades: recognises a column of points; groups ``item``, and ``points`` where it says the
            most that there is.
        bare: columns of an import without a roster, each with what of the gradebook's student
            stands in it; of several sets the first whose first column is known of everybody.
        points_row: what the first cell of a row says that holds the most points of each column.
        points_column: the column that holds the most points of each row.
        handed_in: the column that says when a person handed in.
        times: forms of it, as :meth:`datetime.strptime` takes them.
        new_column: the heading by which the system makes a new column, for an item and points.
        last: a column at the end and what stands in it, if the system wants one.
        label: what a file's path in a download says; None if it is no file of that system's.
    """

    name: str
    title: str
    ids: tuple[str, ...]
    number: str
    number_lasts: bool
    names: tuple[tuple[str, ...], ...]
    kept: tuple[str, ...]
    needed: tuple[frozenset[str], ...]
    grades: re.Pattern[str]
    label: Callable[[tuple[str, ...]], Label | None]
    bare: tuple[tuple[tuple[str, str], ...], ...]
    points_row: str = ""
    points_column: str = ""
    handed_in: str = ""
    times: tuple[str, ...] = ()
    new_column: str = "{item}"
    last: tuple[str, str] | None = None


def the_system(name: str) -> System:
    """The description of a system.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in NAMES:
        raise UsageError(f"there is no system '{name}'; there are {', '.join(NAMES)}")
    system: System = import_module(f"deltarule.lms.{name}").SYSTEM
    return system
