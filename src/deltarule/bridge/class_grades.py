"""What nbgrader's gradebook holds of a whole class, for an assignment; reads, and writes nothing.

The meaning of the numbers is nbgrader's: what a person gave for a cell counts in the place of the
automatic points, extra credit is added to either, and a penalty for being late is taken off each
notebook. :mod:`deltarule.bridge.grade_rows` writes them, one submission at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from deltarule.bridge.tables import (
    ASSIGNMENT,
    BASE_CELL,
    GRADE,
    GRADE_CELL,
    NOTEBOOK,
    SOLUTION_CELL,
    STUDENT,
    SUBMISSION,
    SUBMITTED_NOTEBOOK,
    TASK_CELL,
)
from deltarule.errors import MachineryError, UsageError

__all__ = ["CellGrade", "ClassGrades", "StudentGrades", "read_class_grades"]


@dataclass(frozen=True)
class CellGrade:
    """The grade of one cell.

    Attributes:
        points: the most it gives.
        written: whether a person grades it, and no test.
        automatic: automatic points, or None.
        manual: what a person gave in their place, or None.
        extra: extra credit.
        waiting: whether a person has yet to look at it.
    """

    points: float
    written: bool
    automatic: float | None
    manual: float | None
    extra: float
    waiting: bool


@dataclass(frozen=True)
class StudentGrades:
    """One submission, and who handed it in.

    Attributes:
        student: nbgrader's id.
        first_name, last_name, email, lms_user_id: "" where the gradebook does not know.
        handed_in: UTC, or None where nothing was recorded.
        cells: grades by notebook and ``grade_id``.
        penalties: points taken off for being late, by notebook; those without any left out.
    """

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    handed_in: datetime | None = None
    cells: Mapping[tuple[str, str], CellGrade] = field(default_factory=dict)
    penalties: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassGrades:
    """The class: who handed something in, and who is on the list and did not.

    Attributes:
        submitted: sorted by student.
        absent: sorted by student; without cells.
    """

    submitted: tuple[StudentGrades, ...]
    absent: tuple[StudentGrades, ...]


def read_class_grades(db_url: str, assignment: str) -> ClassGrades:
    """Read the gradebook.

    Args:
        db_url: SQLite or PostgreSQL; a file that does not exist is not made.
        assignment: its name.

    Raises:
        UsageError: there is no gradebook, or it does not know the assignment.
        MachineryError: it cannot be read.
    """
    nothing = f"nothing of '{assignment}' is on record; run 'deltarule grade {assignment}' first"
    try:
        url = make_url(db_url)
        on_disk = url.get_backend_name() == "sqlite"
        if on_disk and not (url.database and Path(url.database).is_file()):
            raise UsageError(nothing)
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                known = select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.name == assignment)
                found = connection.execute(known).scalar()
                if found is None:
                    raise UsageError(nothing)
                return _read(connection, found)
        finally:
            engine.dispose()
    except (NoSuchModuleError, ArgumentError, ModuleNotFoundError) as error:
        raise UsageError(f"the gradebook's address cannot be used: {error}") from error
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip()
        raise MachineryError(f"the gradebook {make_url(db_url)} cannot be read: {said}") from error


def _read(connection: Connection, assignment_id: str) -> ClassGrades:
    cells = _cells(connection, assignment_id)
    penalties = _penalties(connection, assignment_id)
    submitted: list[StudentGrades] = []
    absent: list[StudentGrades] = []
    of_assignment = (SUBMISSION.c.student_id == STUDENT.c.id) & (
        SUBMISSION.c.assignment_id == assignment_id
    )
    asked = (
        select(STUDENT, SUBMISSION.c.id.label("submission"), SUBMISSION.c.timestamp)
        .select_from(STUDENT)
        .outerjoin(SUBMISSION, of_assignment)
        .order_by(STUDENT.c.id)
    )
    for row in connection.execute(asked):
        one = StudentGrades(
            row.id,
            row.first_name or "",
            row.last_name or "",
            row.email or "",
            row.lms_user_id or "",
            row.timestamp,
            cells.get(row.submission, {}),
            penalties.get(row.submission, {}),
        )
        (absent if row.submission is None else submitted).append(one)
    return ClassGrades(tuple(submitted), tuple(absent))


def _cells(
    connection: Connection, assignment_id: str
) -> dict[str, dict[tuple[str, str], CellGrade]]:
    """The grades of every submission, by the submission's id."""
    points = func.coalesce(GRADE_CELL.c.max_score, TASK_CELL.c.max_score, 0.0)
    asked: Any = (
        select(
            SUBMITTED_NOTEBOOK.c.assignment_id.label("submission"),
            NOTEBOOK.c.name.label("notebook"),
            BASE_CELL.c.name,
            BASE_CELL.c.type,
            points.label("points"),
            GRADE.c.auto_score,
            GRADE.c.manual_score,
            GRADE.c.extra_credit,
            GRADE.c.needs_manual_grade,
        )
        .select_from(GRADE)
        .join(SUBMITTED_NOTEBOOK, SUBMITTED_NOTEBOOK.c.id == GRADE.c.notebook_id)
        .join(NOTEBOOK, NOTEBOOK.c.id == SUBMITTED_NOTEBOOK.c.notebook_id)
        .join(BASE_CELL, BASE_CELL.c.id == GRADE.c.cell_id)
        .outerjoin(GRADE_CELL, GRADE_CELL.c.id == BASE_CELL.c.id)
        .outerjoin(TASK_CELL, TASK_CELL.c.id == BASE_CELL.c.id)
        .where(NOTEBOOK.c.assignment_id == assignment_id)
    )
    answers = _answers(connection, assignment_id)
    found: dict[str, dict[tuple[str, str], CellGrade]] = {}
    for row in connection.execute(asked):
        key = (row.notebook, row.name)
        found.setdefault(row.submission, {})[key] = CellGrade(
            float(row.points),
            row.type == "TaskCell" or key in answers,
            row.auto_score,
            row.manual_score,
            float(row.extra_credit or 0.0),
            bool(row.needs_manual_grade),
        )
    return found


def _answers(connection: Connection, assignment_id: str) -> set[tuple[str, str]]:
    """The cells that students write: notebook and name."""
    asked = (
        select(NOTEBOOK.c.name.label("notebook"), BASE_CELL.c.name)
        .select_from(SOLUTION_CELL)
        .join(BASE_CELL, BASE_CELL.c.id == SOLUTION_CELL.c.id)
        .join(NOTEBOOK, NOTEBOOK.c.id == BASE_CELL.c.notebook_id)
        .where(NOTEBOOK.c.assignment_id == assignment_id)
    )
    return {(row.notebook, row.name) for row in connection.execute(asked)}


def _penalties(connection: Connection, assignment_id: str) -> dict[str, dict[str, float]]:
    """What is taken off the notebooks of each submission, by the submission's id."""
    table = SUBMITTED_NOTEBOOK
    asked = (
        select(table.c.assignment_id, NOTEBOOK.c.name, table.c.late_submission_penalty)
        .join(NOTEBOOK, NOTEBOOK.c.id == table.c.notebook_id)
        .where(NOTEBOOK.c.assignment_id == assignment_id, table.c.late_submission_penalty > 0)
    )
    found: dict[str, dict[str, float]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.assignment_id, {})[row.name] = float(row.late_submission_penalty)
    return found
