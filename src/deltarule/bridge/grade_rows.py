"""One submission's rows in nbgrader's gradebook, with the meaning that its Autograde gives them.

::

    assignment ── notebook ── base_cell (grade, solution, task)        made by a release
        │             │           │
    submitted_ ── submitted_ ── grade, comment                         made here
    assignment    notebook

The tables are nbgrader's; the statements are SQLAlchemy's own and run on SQLite and PostgreSQL.
They go past its object layer, which would load the whole class with each new submission. Every
function here runs in its caller's transaction and commits nothing.

One thing differs from nbgrader. Where a notebook was handed in before and is missing now, or the
other way round, it leaves some of what the earlier run wrote: a penalty on no points, "No
response." beside nothing, a zero for a task that nobody has looked at. Here a rerun gives what a
first run would.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from nbformat import NotebookNode, from_dict
from nbgrader.utils import compute_checksum, parse_utc
from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from deltarule.bridge.tables import (
    ASSIGNMENT,
    BASE_CELL,
    COMMENT,
    GRADE,
    GRADE_CELL,
    NOTEBOOK,
    SOURCE_CELL,
    STUDENT,
    SUBMISSION,
    SUBMITTED_NOTEBOOK,
    TASK_CELL,
)
from deltarule.errors import MachineryError, UsageError

__all__ = ["Cell", "Notebook", "Outcome", "SubmissionRows", "read_scores"]

NO_RESPONSE = "No response."
"""What nbgrader says to whoever left a cell as it was released."""

ROUNDING = 1e-9
"""By how much a sum of partial points may exceed the points of its test."""


@dataclass(frozen=True)
class Cell:
    """A cell of the release that can have a grade or a comment.

    Attributes:
        id: of its row. A written answer has two rows of one name: to grade, and to comment on.
        name: its ``grade_id``.
        type: ``GradeCell``, ``SolutionCell`` or ``TaskCell``.
        points: the most it gives; 0 for a solution.
    """

    id: str
    name: str
    type: str
    points: float


@dataclass(frozen=True)
class Notebook:
    """A notebook of the release.

    Attributes:
        id: of its row.
        name: its name.
        cells: what can have a grade or a comment.
        checksums: of the released text of each cell, by ``grade_id``.
    """

    id: str
    name: str
    cells: tuple[Cell, ...]
    checksums: Mapping[str, str | None]

    def names(self, *types: str) -> set[str]:
        """The names of the cells of some types."""
        return {cell.name for cell in self.cells if cell.type in types}

    def answered(self, name: str, text: Any) -> bool:
        """Whether a cell is no longer as it was released, from its notebook node ``text``."""
        graded = [cell for cell in self.cells if cell.name == name and cell.type == "GradeCell"]
        settings: dict[str, Any] = {"grade_id": name, "grade": bool(graded), "solution": True}
        if graded:
            settings["points"] = graded[0].points
        node = {"cell_type": text.cell_type, "source": text.source}
        released = from_dict({**node, "metadata": {"nbgrader": settings}})
        return bool(compute_checksum(released) != self.checksums.get(name))


@dataclass(frozen=True)
class Outcome:
    """What came of one notebook of a submission.

    Attributes:
        node: the graded notebook, or None where it was not handed in.
        scores: automatic points by notebook and ``grade_id``, those of other notebooks too.
    """

    node: Any | None
    scores: Mapping[tuple[str, str], float | None]

    @cached_property
    def cells(self) -> dict[str, NotebookNode]:
        """The notebook's cells by ``grade_id``."""
        found = {}
        for cell in self.node.cells if self.node is not None else []:
            found[cell.metadata.get("nbgrader", {}).get("grade_id", "")] = cell
        return found

    def automatic(self, notebook: Notebook, cell: Cell) -> float | None:
        """The automatic points of a cell; None where a person has to look."""
        score = self.scores.get((notebook.name, cell.name), 0.0 if self.node is None else None)
        if score is None and self.comment(notebook, cell) == NO_RESPONSE:
            return 0.0
        return None if score is None else min(float(score), cell.points)

    def comment(self, notebook: Notebook, cell: Cell) -> str | None:
        """The automatic comment of a cell."""
        text = self.cells.get(cell.name)
        if text is None or cell.name not in notebook.names("SolutionCell"):
            return None
        return None if notebook.answered(cell.name, text) else NO_RESPONSE


class SubmissionRows:
    """One student's rows of an assignment.

    Args:
        connection: a transaction that nothing was done in yet. It keeps every other writer out from
            here on.
        assignment: its name.
        student: its id.

    Raises:
        MachineryError: the gradebook does not know the assignment.
    """

    def __init__(self, connection: Connection, assignment: str, student: str) -> None:
        self._connection = connection
        self._student = student
        # A write that changes nothing takes the lock: a read would not, and what it found could be
        # another writer's a moment later.
        one = ASSIGNMENT.c.name == assignment
        connection.execute(update(ASSIGNMENT).where(one).values(duedate=ASSIGNMENT.c.duedate))
        found = connection.execute(select(ASSIGNMENT.c.id, ASSIGNMENT.c.duedate).where(one)).first()
        if found is None:
            raise MachineryError(
                f"the assignment '{assignment}' went out of the gradebook; run 'deltarule build "
                f"{assignment}' or 'nbgrader generate_assignment {assignment}'"
            )
        self._assignment = found
        self.notebooks = _notebooks(connection, found.id)

    @staticmethod
    def knows(connection: Connection, assignment: str) -> bool:
        """Whether the gradebook has this assignment."""
        one = select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.name == assignment)
        return connection.execute(one).first() is not None

    @staticmethod
    def may_be_late(connection: Connection, assignment: str) -> bool:
        """Whether there is a due time, or a penalty from when there was one."""
        penalised = SUBMITTED_NOTEBOOK.c.late_submission_penalty.is_not(None)
        asked = (
            select(ASSIGNMENT.c.id)
            .outerjoin(NOTEBOOK, NOTEBOOK.c.assignment_id == ASSIGNMENT.c.id)
            .outerjoin(SUBMITTED_NOTEBOOK, SUBMITTED_NOTEBOOK.c.notebook_id == NOTEBOOK.c.id)
            .where(ASSIGNMENT.c.name == assignment, ASSIGNMENT.c.duedate.is_not(None) | penalised)
        )
        return connection.execute(asked.limit(1)).first() is not None

    def require_cells(
        self,
        nodes: Mapping[str, Any],
        scores: Mapping[tuple[str, str], float | None],
    ) -> None:
        """Compare what was graded with the gradebook's cells, before anything is written.

        Raises:
            MachineryError: they are not the same, or a score cannot be.
        """
        known = {notebook.name: notebook for notebook in self.notebooks}
        wrong = [f"{name}: no such notebook" for name in sorted(nodes.keys() - known.keys())]
        points = {
            (notebook.name, cell.name): cell.points
            for notebook in self.notebooks
            for cell in notebook.cells
            if cell.type != "SolutionCell"
        }
        for (notebook, name), score in sorted(scores.items(), key=lambda item: item[0]):
            most = points.get((notebook, name))
            if most is None:
                wrong.append(f"{notebook}: '{name}' is not graded there")
            elif score is not None and not (0 <= score <= most + ROUNDING):
                wrong.append(f"{notebook}: '{name}' got {score} points of {most}")
        for name, node in nodes.items():
            if name in known:
                wrong += _strange_cells(known[name], node, scores)
        if wrong:
            listed = "\n    ".join(wrong)
            raise MachineryError(
                f"{self._student} is not recorded: what was graded is not what the gradebook has:"
                f"\n    {listed}\nMake the release again ('deltarule build' or 'nbgrader "
                "generate_assignment'), then grade again."
            )

    def submit(self, timestamp: datetime | None, *, create_student: bool) -> None:
        """See that there are rows for the student, the submission and its notebooks.

        Args:
            timestamp: when it was handed in; None leaves what is recorded.
            create_student: whether a student may be added.

        Raises:
            UsageError: the student is unknown and may not be added.
        """
        run = self._connection.execute
        student = STUDENT.c.id == self._student
        if run(select(STUDENT.c.id).where(student)).first() is None:
            if not create_student:
                raise UsageError(
                    f"the gradebook has no student '{self._student}', and Autograde.create_student "
                    f"is off: run 'nbgrader db student add {self._student}', then grade again"
                )
            run(insert(STUDENT).values(id=self._student))
        handed_in = parse_utc(timestamp)
        own = (SUBMISSION.c.assignment_id == self._assignment.id) & (
            SUBMISSION.c.student_id == self._student
        )
        found = run(select(SUBMISSION).where(own)).first()
        if found is None:
            values = {"assignment_id": self._assignment.id, "student_id": self._student}
            run(insert(SUBMISSION).values(**values, timestamp=handed_in))
            found = run(select(SUBMISSION).where(own)).one()
        elif handed_in is not None:
            run(update(SUBMISSION).where(own).values(timestamp=handed_in))
        self.seconds_late = _seconds_late(
            handed_in or found.timestamp, self._assignment.duedate, found.extension
        )
        self._submitted = self._submitted_notebooks(found.id)

    def _submitted_notebooks(self, submission: str) -> dict[str, str]:
        """The id of the row of each notebook in this submission; missing rows are made."""
        table = SUBMITTED_NOTEBOOK
        # The table's index begins with the notebook; by the submission alone, all would be read.
        own = table.c.notebook_id.in_([notebook.id for notebook in self.notebooks]) & (
            table.c.assignment_id == submission
        )
        asked = select(table.c.notebook_id, table.c.id).where(own)
        there = {row.notebook_id for row in self._connection.execute(asked)}
        missing = [
            {"notebook_id": notebook.id, "assignment_id": submission}
            for notebook in self.notebooks
            if notebook.id not in there
        ]
        if missing:
            self._connection.execute(insert(table), missing)
        return {row.notebook_id: row.id for row in self._connection.execute(asked)}

    def grade(self, notebook: Notebook, outcome: Outcome) -> float:
        """Write a notebook's grades and automatic comments.

        Returns:
            The notebook's score, with what people gave.
        """
        graded = [cell for cell in notebook.cells if cell.type != "SolutionCell"]
        old = self._rows(GRADE, notebook)
        new = {cell.id: _grade(notebook, cell, outcome, old.get(cell.id)) for cell in graded}
        self._write(GRADE, notebook, old, new)
        commented = [cell for cell in notebook.cells if cell.type != "GradeCell"]
        comments = {
            cell.id: {"auto_comment": outcome.comment(notebook, cell)} for cell in commented
        }
        self._write(COMMENT, notebook, self._rows(COMMENT, notebook), comments)
        return sum(_score(values["auto_score"], old.get(cell)) for cell, values in new.items())

    def score(self, notebook: Notebook) -> float:
        """A notebook's score as it is on record, with what people gave."""
        rows = self._rows(GRADE, notebook).values()
        return sum(_score(row.auto_score, row) for row in rows)

    def penalise(self, notebook: Notebook, penalty: float | None) -> bool:
        """Write what is taken off a notebook because it came late; whether that is new."""
        table = SUBMITTED_NOTEBOOK
        one = table.c.id == self._submitted[notebook.id]
        column = table.c.late_submission_penalty
        if self._connection.execute(select(column).where(one)).scalar() == penalty:
            return False
        self._connection.execute(update(table).where(one).values(late_submission_penalty=penalty))
        return True

    def _rows(self, table: Any, notebook: Notebook) -> dict[str, Row[Any]]:
        """The rows of this submission's notebook in ``table``, by the cell's id."""
        # The index begins with the cell.
        own = table.c.cell_id.in_([cell.id for cell in notebook.cells]) & (
            table.c.notebook_id == self._submitted[notebook.id]
        )
        return {row.cell_id: row for row in self._connection.execute(select(table).where(own))}

    def _write(
        self,
        table: Any,
        notebook: Notebook,
        old: Collection[str],
        new: Mapping[str, dict[str, Any]],
    ) -> None:
        """Update the rows that are there, by the cell's id, and add the others."""
        submitted = self._submitted[notebook.id]
        added = [
            {"cell_id": cell, "notebook_id": submitted, **values}
            for cell, values in new.items()
            if cell not in old
        ]
        if added:
            self._connection.execute(insert(table), added)
        changed = [{"cell": cell, **values} for cell, values in new.items() if cell in old]
        if changed:
            one = (table.c.cell_id == bindparam("cell")) & (table.c.notebook_id == submitted)
            self._connection.execute(update(table).where(one), changed)


def read_scores(
    connection: Connection, assignment: str, student: str
) -> dict[tuple[str, str], tuple[float | None, float | None, bool]]:
    """Automatic score, manual score and whether a person has to look, by notebook and cell."""
    asked = (
        select(
            NOTEBOOK.c.name.label("notebook"),
            BASE_CELL.c.name,
            GRADE.c.auto_score,
            GRADE.c.manual_score,
            GRADE.c.needs_manual_grade,
        )
        .select_from(ASSIGNMENT)
        .join(SUBMISSION, SUBMISSION.c.assignment_id == ASSIGNMENT.c.id)
        .join(NOTEBOOK, NOTEBOOK.c.assignment_id == ASSIGNMENT.c.id)
        .join(
            SUBMITTED_NOTEBOOK,
            (SUBMITTED_NOTEBOOK.c.notebook_id == NOTEBOOK.c.id)
            & (SUBMITTED_NOTEBOOK.c.assignment_id == SUBMISSION.c.id),
        )
        .join(BASE_CELL, BASE_CELL.c.notebook_id == NOTEBOOK.c.id)
        .join(
            GRADE,
            (GRADE.c.cell_id == BASE_CELL.c.id) & (GRADE.c.notebook_id == SUBMITTED_NOTEBOOK.c.id),
        )
        .where(ASSIGNMENT.c.name == assignment, SUBMISSION.c.student_id == student)
    )
    return {
        (row.notebook, row.name): (row.auto_score, row.manual_score, row.needs_manual_grade)
        for row in connection.execute(asked)
    }


def _notebooks(connection: Connection, assignment_id: str) -> tuple[Notebook, ...]:
    """The notebooks of an assignment by name, each with its cells."""
    own = NOTEBOOK.c.assignment_id == assignment_id
    points = func.coalesce(GRADE_CELL.c.max_score, TASK_CELL.c.max_score, 0.0)
    asked_cells = (
        select(BASE_CELL, points.label("points"))
        .join(NOTEBOOK, NOTEBOOK.c.id == BASE_CELL.c.notebook_id)
        .outerjoin(GRADE_CELL, GRADE_CELL.c.id == BASE_CELL.c.id)
        .outerjoin(TASK_CELL, TASK_CELL.c.id == BASE_CELL.c.id)
        .where(own)
    )
    cells: dict[str, list[Cell]] = {}
    for row in connection.execute(asked_cells):
        cell = Cell(row.id, row.name, row.type, float(row.points))
        cells.setdefault(row.notebook_id, []).append(cell)
    asked_checksums = (
        select(SOURCE_CELL.c.notebook_id, SOURCE_CELL.c.name, SOURCE_CELL.c.checksum)
        .join(NOTEBOOK, NOTEBOOK.c.id == SOURCE_CELL.c.notebook_id)
        .where(own)
    )
    checksums: dict[str, dict[str, str | None]] = {}
    for row in connection.execute(asked_checksums):
        checksums.setdefault(row.notebook_id, {})[row.name] = row.checksum
    asked = select(NOTEBOOK.c.id, NOTEBOOK.c.name).where(own).order_by(NOTEBOOK.c.name)
    return tuple(
        Notebook(row.id, row.name, tuple(cells.get(row.id, ())), checksums.get(row.id, {}))
        for row in connection.execute(asked)
    )


def _strange_cells(
    notebook: Notebook, node: Any, scores: Mapping[tuple[str, str], float | None]
) -> list[str]:
    """Cells that feedback would not find in the gradebook, and tests without a verdict."""
    known = notebook.names("GradeCell", "SolutionCell", "TaskCell")
    wrong = []
    for cell in node.cells:
        settings = cell.metadata.get("nbgrader", {})
        marked = settings.get("grade") or settings.get("solution") or settings.get("task")
        if marked and settings["grade_id"] not in known:
            wrong.append(f"{notebook.name}: '{settings['grade_id']}' is not in the gradebook")
    tests = notebook.names("GradeCell") - notebook.names("SolutionCell")
    unjudged = sorted(name for name in tests if (notebook.name, name) not in scores)
    return wrong + [f"{notebook.name}: '{name}' has no score" for name in unjudged]


def _grade(
    notebook: Notebook, cell: Cell, outcome: Outcome, old: Row[Any] | None
) -> dict[str, Any]:
    """The automatic columns of a grade; what people gave is not among them."""
    score = outcome.automatic(notebook, cell)
    if outcome.node is None:
        return {"auto_score": score, "needs_manual_grade": score is None}
    given = old is not None and old.manual_score is not None
    if cell.type == "TaskCell":
        # Only people grade tasks, and nbgrader does not ask them again.
        needed = bool(old.needs_manual_grade) if given and old is not None else True
    else:
        needed = given or score is None
    return {"auto_score": score, "needs_manual_grade": needed}


def _score(automatic: float | None, old: Row[Any] | None) -> float:
    """What a cell counts, as nbgrader's ``Grade.score`` does."""
    manual = old.manual_score if old is not None else None
    extra = (old.extra_credit if old is not None else None) or 0.0
    given = manual if manual is not None else automatic
    return 0.0 if given is None or not math.isfinite(given) else float(given + extra)


def _seconds_late(handed_in: Any, due: Any, extension: Any) -> float:
    """How many seconds after the due time; nbgrader's ``total_seconds_late``."""
    if handed_in is None or due is None:
        return 0.0
    late = handed_in - (due + extension if extension is not None else due)
    return max(0.0, float(late.total_seconds()))
