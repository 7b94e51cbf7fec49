"""``deltarule export``: a class's grades as a file that a system imports.

::

    gradebook ──► grades ──matched with the roster──► rows ──► file
                    └── held back: not final        └── changes since the roster, or an earlier file

Either every student who handed something in is found in the roster, or nothing is written. What is
made here is written elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deltarule.config import Course
from deltarule.errors import UsageError
from deltarule.lms.columns import (
    Column,
    assignment_column,
    bare_table,
    new_header,
    roster_table,
)
from deltarule.lms.grades import ClassGrades, Grade, read_grades
from deltarule.lms.rosters import Person, Roster, read_roster
from deltarule.lms.spreadsheet import class_table, earlier_scores
from deltarule.lms.systems import System, the_system
from deltarule.lms.tables import as_number, shown_points, table_bytes

__all__ = ["Change", "Export", "Wishes", "make_export"]

ROUNDING = 0.005
"""Points that are the same with two decimals, which is what the systems show."""

LISTED = 20
"""How many unmatched students a message names."""


@dataclass(frozen=True)
class Wishes:
    """How an export is wanted.

    Attributes:
        roster: the system's own export; None for a file with the course's ids only.
        against: an earlier export; only what changed since is written.
        column: what the system calls the assignment, if it is not the course's name.
        new_column: the title of a column that the system is to make.
        out_of: scales, so that all points are this many; None leaves them.
        provisional: exports what is not final, too.
        allow_unmatched: leaves out who is not in the roster, instead of refusing.
    """

    roster: Path | None = None
    against: Path | None = None
    column: str | None = None
    new_column: str | None = None
    out_of: float | None = None
    provisional: bool = False
    allow_unmatched: bool = False


@dataclass(frozen=True)
class Change:
    """One student's grade, as the file has it, and what was there before (None: nothing known)."""

    grade: Grade
    cell: str
    was: float | None

    @property
    def changed(self) -> bool:
        """Whether an import changes anything that is known of."""
        now = as_number(self.cell)
        return self.was is None or now is None or abs(now - self.was) > ROUNDING


@dataclass(frozen=True)
class Export:
    """A file to be written, and all that there is to say about it.

    Attributes:
        grades: the class.
        system: ``canvas``, ``moodle``, ``brightspace`` or ``csv``.
        column: the heading of the grades.
        out_of: points that grades are out of in the file.
        content: the file's bytes.
        changes: one for each student in the file, sorted by student.
        held: students who are left out, with reasons.
        unmatched: students whom the roster does not have, with reasons.
        gone: students of the earlier export who are not in this one.
    """

    grades: ClassGrades
    system: str
    column: str
    out_of: float
    content: bytes
    changes: tuple[Change, ...]
    held: Mapping[str, str]
    unmatched: Mapping[str, str]
    gone: tuple[str, ...] = ()

    @property
    def above(self) -> list[str]:
        """Students with more than all points, by extra credit."""
        return [
            one.grade.student for one in self.changes if float(one.cell) > self.out_of + ROUNDING
        ]

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "assignment": self.grades.assignment,
            "to": self.system,
            "column": self.column,
            "out_of": self.out_of,
            "exported": [
                {
                    "student": one.grade.student,
                    "automatic": round(one.grade.automatic, 6),
                    "manual": round(one.grade.manual, 6),
                    "extra_credit": one.grade.extra,
                    "penalty": round(one.grade.penalty, 6),
                    "score": round(one.grade.score, 6),
                    "cell": one.cell,
                    "was": one.was,
                    "provisional": one.grade.held or None,
                }
                for one in self.changes
            ],
            "held_back": dict(self.held),
            "unmatched": dict(self.unmatched),
            "gone": list(self.gone),
        }


def make_export(course: Course, assignment: str, target: str, wishes: Wishes) -> Export:
    """Make an export; nothing is written.

    Args:
        course: with the gradebook.
        assignment: its name.
        target: ``csv``, or a system.
        wishes: how.

    Raises:
        UsageError: nothing is on record, the roster is none or lacks a student, its column is out
            of other points, or wishes do not go together.
        MachineryError: the gradebook cannot be read.
    """
    if target == "csv":
        return _spreadsheet(read_grades(course, assignment), wishes)
    system = the_system(target)
    if wishes.column and wishes.new_column:
        raise UsageError("--column names a column that is there, --new-column makes one: choose")
    if wishes.column and wishes.roster is None:
        raise UsageError("--column chooses among the columns of a --roster; give one")
    roster = read_roster(wishes.roster, system) if wishes.roster is not None else None
    grades = read_grades(course, assignment)
    points = wishes.out_of or grades.max_score
    if roster is None:
        return _without_roster(system, grades, points, wishes)
    return _with_roster(roster, grades, points, wishes)


def _with_roster(roster: Roster, grades: ClassGrades, points: float, wishes: Wishes) -> Export:
    column = assignment_column(roster, grades.assignment, wishes.column, wishes.new_column, points)
    _refuse_other_points(roster, column, points)
    found, unmatched = _matched(roster, grades.grades)
    if unmatched and not wishes.allow_unmatched:
        raise UsageError(_unmatched_message(roster, unmatched))
    earlier = _Earlier.read(wishes.against, roster.system, column.header)

    def was(grade: Grade) -> float | None:
        person = found[grade.student]
        if earlier is not None:
            return earlier.of(person.ids, person.name)
        place = column.place
        return as_number(roster.table.rows[person.row][place]) if place is not None else None

    there = [grade for grade in grades.grades if grade.student in found]
    changes, held = _sorted_out(there, points / (grades.max_score or 1.0), was, wishes)
    ids = {one for change in changes for one in found[change.grade.student].all_names}
    gone = earlier.without(ids) if earlier is not None else ()
    changes = _only_changes(changes, wishes)
    cells = [(found[one.grade.student], one.cell) for one in changes]
    content = table_bytes(roster_table(roster, column, cells, points))
    made = (tuple(changes), held, unmatched, gone)
    return Export(grades, roster.system.name, column.header, points, content, *made)


def _without_roster(system: System, grades: ClassGrades, points: float, wishes: Wishes) -> Export:
    header = new_header(system, wishes.new_column or grades.assignment, points)
    earlier = _Earlier.read(wishes.against, system, header)

    def was(grade: Grade) -> float | None:
        return earlier.of(grade.ids, grade.name) if earlier is not None else None

    changes, held = _sorted_out(grades.grades, points / (grades.max_score or 1.0), was, wishes)
    ids = {one for change in changes for one in change.grade.ids}
    gone = earlier.without(ids) if earlier is not None else ()
    changes = _only_changes(changes, wishes)
    cells = [(one.grade, one.cell) for one in changes]
    content = table_bytes(bare_table(system, header, cells, points))
    made = Export(grades, system.name, header, points, content, tuple(changes), held, {})
    return replace(made, gone=gone)


def _spreadsheet(grades: ClassGrades, wishes: Wishes) -> Export:
    if wishes.roster or wishes.column or wishes.new_column or wishes.out_of:
        raise UsageError("--to csv writes the course's own numbers; it takes no roster or column")
    earlier = earlier_scores(wishes.against) if wishes.against is not None else {}
    changes, held = _sorted_out(
        grades.grades, 1.0, lambda grade: earlier.get(grade.student), wishes, digits=6
    )
    gone = tuple(sorted(set(earlier) - {one.grade.student for one in changes}))
    changes = _only_changes(changes, wishes)
    only = None if wishes.against is None else {one.grade.student for one in changes}
    content = table_bytes(class_table(grades, held, only))
    most = grades.max_score
    made = Export(grades, "csv", "score", most, content, tuple(changes), held, {})
    return replace(made, gone=gone)


def _sorted_out(
    grades: Iterable[Grade],
    scale: float,
    was: Callable[[Grade], float | None],
    wishes: Wishes,
    digits: int = 2,
) -> tuple[list[Change], dict[str, str]]:
    """What is exported, and who is held back, with the reason."""
    changes, held = [], {}
    for grade in grades:
        if grade.held and not (wishes.provisional and grade.graded):
            held[grade.student] = grade.held
        else:
            changes.append(Change(grade, shown_points(grade.score * scale, digits), was(grade)))
    return changes, held


def _only_changes(changes: list[Change], wishes: Wishes) -> list[Change]:
    """With an earlier file, what is not as it is there; else everything."""
    return changes if wishes.against is None else [one for one in changes if one.changed]


def _refuse_other_points(roster: Roster, column: Column, points: float) -> None:
    """Twelve points would be taken for twelve of a hundred.

    Raises:
        UsageError: the system's column is out of another number.
    """
    if column.most is not None and abs(column.most - points) > ROUNDING:
        theirs, ours = shown_points(column.most), shown_points(points)
        raise UsageError(
            f"'{column.header}' is out of {theirs} points in {roster.system.title}, and these "
            f"grades are out of {ours}: set {ours} there, or scale by --out-of {theirs}"
        )


def _matched(roster: Roster, grades: Iterable[Grade]) -> tuple[dict[str, Person], dict[str, str]]:
    """Who is who: persons by student, and why others were not found."""
    found: dict[str, Person] = {}
    unmatched: dict[str, str] = {}
    rows: dict[int, list[str]] = {}
    for grade in grades:
        person = roster.of_student(grade.ids, grade.name)
        if isinstance(person, str):
            unmatched[grade.student] = person
        else:
            found[grade.student] = person
            rows.setdefault(person.row, []).append(grade.student)
    for students in rows.values():
        for student in students if len(students) > 1 else ():
            both = " and ".join(students)
            unmatched[student] = f"{both} would be the same person: {found.pop(student).name}"
    return found, unmatched


def _unmatched_message(roster: Roster, unmatched: Mapping[str, str]) -> str:
    listed = [f"  {student}: {why}" for student, why in sorted(unmatched.items())]
    more = [f"  and {len(listed) - LISTED} more"] if len(listed) > LISTED else []
    lines = "\n".join(listed[:LISTED] + more)
    return (
        f"{len(unmatched)} of the students cannot be found in {roster.path}, and nothing is "
        f"written:\n{lines}\nGive the folder in submitted/ the student's id in "
        f"{roster.system.title} and grade again, tell the gradebook ('nbgrader db student add ID "
        "--email …'), or leave them out by --allow-unmatched."
    )


class _Earlier:
    """An earlier export: what each person had."""

    def __init__(self, roster: Roster, place: int) -> None:
        self._roster = roster
        self._place = place

    @classmethod
    def read(cls, path: Path | None, system: System, header: str) -> _Earlier | None:
        if path is None:
            return None
        roster = read_roster(path, system)
        place = roster.table.column(header)
        if place is None:
            raise UsageError(f"{path} has no column '{header}' to compare with")
        return cls(roster, place)

    def of(self, ids: Iterable[str], name: str) -> float | None:
        """What a person had; None where nothing is known."""
        person = self._roster.of_student([*ids] or [name], name)
        if isinstance(person, str):
            return None
        return as_number(self._roster.table.rows[person.row][self._place])

    def without(self, ids: set[str]) -> tuple[str, ...]:
        """Who had a grade and has none of some ids."""
        return tuple(
            person.name or person.ids[0]
            for person in self._roster.people
            if as_number(self._roster.table.rows[person.row][self._place]) is not None
            and not ids & person.all_names
        )
