"""A small course of two notebooks, downloads made from it, and a gradebook without any grading."""

import json
import shutil
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from deltarule.config import Course
from deltarule.grading.plan import plan_assignment
from deltarule.lms.collecting import collect_download

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class School:
    """A course with the assignment ``line`` (``fitting`` and ``predicting``), and its folder."""

    course: Course
    plan: object

    @property
    def root(self):
        return self.course.root

    def notebook(self, name, answer=""):
        """What a student hands in: the released notebook, with a cell of the student's own."""
        plan = next(one for one in self.plan.notebooks if one.name == name)
        cells = [
            {
                "cell_type": cell.cell_type,
                "id": cell.id,
                "metadata": {"nbgrader": {"grade_id": cell.grade_id}} if cell.grade_id else {},
                "source": cell.visible,
            }
            for cell in plan.cells
            if cell.released
        ]
        cells.append({"cell_type": "markdown", "id": "own", "metadata": {}, "source": answer})
        return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})

    def download(self, *members, name="download.zip"):
        """A zip file with members of names and contents."""
        path = self.root / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member, content in members:
                file.writestr(member, content)
        return path

    def collect(self, system, *members, **how):
        """Collect a download that has these members."""
        return self.collect_file(system, self.download(*members), **how)

    def collect_file(self, system, file, **how):
        if "roster" in how:
            how["roster_file"] = self.save("roster.csv", how.pop("roster"))
        return collect_download(self.course, "line", file, system, **how)

    def save(self, name, text):
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    def submitted(self):
        """All files below ``submitted/``, by path, as texts."""
        folder = self.course.submitted
        return {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    root = tmp_path_factory.mktemp("lms") / "course"
    shutil.copytree(ROOT / "tests" / "two_notebooks", root)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    course = Course(root)
    return School(course, plan_assignment(course, "line"))


@pytest.fixture
def school(compiled, tmp_path):
    """A course of one's own to collect in."""
    shutil.copytree(compiled.root, tmp_path / "course")
    return School(Course(tmp_path / "course"), compiled.plan)


@dataclass(frozen=True)
class Graded:
    """What the gradebook is to hold of one student; None is what nobody has graded."""

    tests: float = 3.0
    answer: float | None = 2.0
    penalty: float = 0.0
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    lms_user_id: str | None = None
    timestamp: datetime | None = None


TESTS, ANSWERS = 6.0, 4.0
"""Points of the recorded assignment's test ``slope`` and written answer ``why``."""


@pytest.fixture(scope="session")
def gradebook_file(tmp_path_factory):
    """A gradebook that knows the assignment and nobody; nbgrader takes seconds to make one."""
    from nbgrader.api import Gradebook

    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}") as gradebook:
        gradebook.add_assignment("line")
        gradebook.add_notebook("fitting", "line")
        gradebook.add_grade_cell("slope", "fitting", "line", max_score=TESTS, cell_type="code")
        gradebook.add_grade_cell("why", "fitting", "line", max_score=ANSWERS, cell_type="markdown")
        gradebook.add_solution_cell("why", "fitting", "line")
    return path


def record(course, students, absent=()):
    """Write a class into the gradebook as grading and formgrader would."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        for student in absent:
            gradebook.add_student(student)
        for student, got in students.items():
            known = ("first_name", "last_name", "email", "lms_user_id")
            gradebook.add_student(student, **{name: getattr(got, name) for name in known})
            submission = gradebook.add_submission("line", student, timestamp=got.timestamp)
            submission.notebooks[0].late_submission_penalty = got.penalty or None
            for grade in submission.notebooks[0].grades:
                if grade.name == "slope":
                    grade.auto_score = got.tests
                else:
                    grade.manual_score = got.answer
                grade.needs_manual_grade = grade.name == "why" and got.answer is None
        gradebook.db.commit()


@pytest.fixture
def recorded(school, gradebook_file):
    """Records a class in the course's gradebook, from points by student."""
    shutil.copyfile(gradebook_file, school.course.gradebook)
    return lambda students, **how: record(school.course, students, **how)


@pytest.fixture(scope="session")
def graded():
    """How a student's points are written down."""
    return Graded
