"""The plain CSV file: everything that counts of everybody, for people and their own programs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from deltarule.errors import UsageError
from deltarule.lms.grades import ClassGrades, Grade
from deltarule.lms.tables import Table, as_number, harmless, read_table, shown_points

__all__ = ["HEADER", "class_table", "earlier_scores"]

HEADER = (
    *("student", "last_name", "first_name", "email", "handed_in"),
    *("automatic", "max_automatic", "manual", "max_manual", "extra_credit", "penalty"),
    *("score", "max_score", "status"),
)
DIGITS = 6


def class_table(grades: ClassGrades, held: Collection[str], only: Collection[str] | None) -> Table:
    """A row for each student.

    Args:
        grades: the class.
        held: students whose score is left empty.
        only: students to be listed; None for all, those too who handed nothing in.
    """
    rows = [
        _row(grades, grade, grade.student in held)
        for grade in grades.grades
        if only is None or grade.student in only
    ]
    if only is None:
        empty = ("",) * (len(HEADER) - 5)
        rows += [
            (
                *harmless((one.student, one.last_name, one.first_name, one.email)),
                *empty,
                "nothing handed in",
            )
            for one in grades.absent
        ]
    return Table(HEADER, tuple(rows))


def _row(grades: ClassGrades, grade: Grade, held: bool) -> tuple[str, ...]:
    person = grade.person
    who = harmless((person.student, person.last_name, person.first_name, person.email))
    when = f"{grade.handed_in:%Y-%m-%d %H:%M:%S} UTC" if grade.handed_in else ""
    parts = (
        *(grade.automatic, grades.max_automatic, grade.manual, grades.max_manual),
        *(grade.extra, grade.penalty),
    )
    numbers = tuple(shown_points(one, DIGITS) for one in parts) if grade.graded else ("",) * 6
    score = "" if held else shown_points(grade.score, DIGITS)
    status = grade.held if held or not grade.held else f"provisional: {grade.held}"
    return (*who, when, *numbers, score, shown_points(grades.max_score, DIGITS), status or "final")


def earlier_scores(path: Path) -> dict[str, float]:
    """Scores by student of an earlier file.

    Raises:
        UsageError: it is none, or has a column twice.
    """
    table = read_table(path)
    student, score = table.column("student"), table.column("score")
    if student is None or score is None:
        raise UsageError(f"{path} is no file of 'deltarule export --to csv'")
    found = {}
    for row in table.rows:
        points = as_number(row[score])
        if points is not None:
            found[row[student].removeprefix("'")] = points
    return found
