"""The tables of nbgrader's gradebook, for statements that go past its object layer."""

from __future__ import annotations

from nbgrader import api

__all__ = [
    "ASSIGNMENT",
    "BASE_CELL",
    "COMMENT",
    "GRADE",
    "GRADE_CELL",
    "NOTEBOOK",
    "SOLUTION_CELL",
    "SOURCE_CELL",
    "STUDENT",
    "SUBMISSION",
    "SUBMITTED_NOTEBOOK",
    "TASK_CELL",
]

ASSIGNMENT = api.Assignment.__table__
BASE_CELL = api.BaseCell.__table__
COMMENT = api.Comment.__table__
GRADE = api.Grade.__table__
GRADE_CELL = api.GradeCell.__table__
NOTEBOOK = api.Notebook.__table__
SOLUTION_CELL = api.SolutionCell.__table__
SOURCE_CELL = api.SourceCell.__table__
STUDENT = api.Student.__table__
SUBMISSION = api.SubmittedAssignment.__table__
SUBMITTED_NOTEBOOK = api.SubmittedNotebook.__table__
TASK_CELL = api.TaskCell.__table__
