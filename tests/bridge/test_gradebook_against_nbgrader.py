"""The same submissions by nbgrader's Autograde and by our writer: every column has to be equal.

Both start from copies of one gradebook. Ours is given what nbgrader's own kernel came to (notebooks
and the points of the tests), so that what differs is the record alone.
"""

import os
import shutil
import stat
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from deltarule.bridge.gradebook import GradebookWriter, Record
from deltarule.bridge.release import course_directory, generate_release, run_converter
from deltarule.config import Course
from deltarule.grading.answers import fill_all, read_answers

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@dataclass
class Both:
    """One course, recorded twice: by nbgrader, and from its outcome by us."""

    root: Path
    assignment: str
    coursedir: Any
    config: Any

    @property
    def books(self):
        return {name: f"sqlite:///{self.root / name}.db" for name in ("theirs", "ours")}

    def fork_gradebook(self):
        """From here on there are two."""
        shutil.copyfile(self.root / "gradebook.db", self.root / "theirs.db")
        shutil.copyfile(self.root / "gradebook.db", self.root / "ours.db")

    def submitted(self, student):
        return self.root / "submitted" / student / self.assignment

    def grade(self, *students):
        """By nbgrader, then what came of it by us."""
        for student in students:
            self.coursedir.student_id = student
            self.coursedir.submitted_directory = str(self.root / "submitted")
            self.coursedir.autograded_directory = str(self.root / "theirs")
            self.coursedir.db_url = self.books["theirs"]
            converter = Autograde(coursedir=self.coursedir, config=self.config)
            converter.force = True
            run_converter(converter)
        with GradebookWriter(
            self.coursedir, self.config, self.assignment, self.books["ours"], self.root / "ours"
        ) as writer:
            for student in students:
                writer.record(self.outcome(student))

    def forget_and_record_again(self, student):
        """As if nothing had been handed in, and then the same as before."""
        record = self.outcome(student)
        with GradebookWriter(
            self.coursedir, self.config, self.assignment, self.books["ours"], self.root / "ours"
        ) as writer:
            writer.record(replace(record, notebooks={}, scores={}))
            writer.record(record)

    def outcome(self, student):
        """nbgrader's notebooks and the points that it read from their outputs."""
        folder = self.root / "theirs" / student / self.assignment
        notebooks = {path.stem: nbformat.read(path, 4) for path in folder.glob("*.ipynb")}
        with Gradebook(self.books["theirs"]) as book:
            scores = {
                (notebook.name, grade.name): grade.auto_score
                for notebook in book.find_submission(self.assignment, student).notebooks
                for grade in notebook.grades
                if notebook.name in notebooks
                and grade.name not in {cell.name for cell in notebook.notebook.solution_cells}
            }
        when = self.coursedir.get_existing_timestamp(str(self.submitted(student)))
        return Record(student, notebooks, scores, when, self.submitted(student))

    def by_hand(self, student, notebook, name, comment="", **values):
        """Grade in both gradebooks, as formgrader does."""
        place = (name, notebook, self.assignment, student)
        for db_url in self.books.values():
            with Gradebook(db_url) as book:
                grade = book.find_grade(*place)
                for key, value in {"needs_manual_grade": False, **values}.items():
                    setattr(grade, key, value)
                if comment:
                    book.find_comment(*place).manual_comment = comment
                book.db.commit()

    def assert_equal(self):
        theirs, ours = (rows(db_url, self.assignment) for db_url in self.books.values())
        assert theirs, "something is recorded"
        assert ours == theirs
        assert files(self.root / "ours") == files(self.root / "theirs")


def columns(thing, *names):
    return {name: getattr(thing, name) for name in names}


def rows(db_url, assignment):
    """All columns that nbgrader has for submissions, computed ones too, but for the ids."""
    found = {}
    with Gradebook(db_url) as book:
        for submission in book.find_assignment(assignment).submissions:
            one = found[submission.student.id] = columns(
                submission, "timestamp", "extension", "score", "max_score", "code_score",
                "written_score", "task_score", "needs_manual_grade", "late_submission_penalty",
                "total_seconds_late",
            )  # fmt: skip
            one["student"] = columns(
                submission.student, "first_name", "last_name", "email", "score"
            )
            for notebook in submission.notebooks:
                one[notebook.name] = columns(
                    notebook, "flagged", "late_submission_penalty", "score", "max_score",
                    "code_score", "written_score", "task_score", "needs_manual_grade",
                    "failed_tests",
                )  # fmt: skip
                for grade in notebook.grades:
                    one[notebook.name, grade.name] = columns(
                        grade, "auto_score", "manual_score", "extra_credit", "needs_manual_grade",
                        "score", "max_score", "failed_tests", "cell_type",
                    )  # fmt: skip
                for comment in notebook.comments:
                    one[notebook.name, comment.name, "comment"] = columns(
                        comment, "auto_comment", "manual_comment", "comment"
                    )
    return found


def files(folder):
    """Every file with its mode and content."""
    return {
        path.relative_to(folder).as_posix(): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- a course that only nbgrader made ----------------------------------------------------------


def marked(cell, name, points=None, *, grade=False, solution=False, locked=False, task=False):
    settings = {"grade_id": name, "grade": grade, "solution": solution, "locked": locked}
    cell.metadata.nbgrader = {**settings, "task": task, "schema_version": 3}
    if points is not None:
        cell.metadata.nbgrader["points"] = points
    cell.id = name
    return cell


def masters():
    solved = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    tested = "assert double(1) == 2\n### BEGIN HIDDEN TESTS\nassert double(4) == 8\n"
    one = [
        marked(new_code_cell(solved), "double", solution=True),
        marked(new_code_cell(f"{tested}### END HIDDEN TESTS"), "test", 2, grade=True, locked=True),
        marked(new_code_cell("min(3, double(1)) / 2"), "part", 1.5, grade=True, locked=True),
        marked(new_markdown_cell("Your answer"), "why", 3, grade=True, solution=True),
        marked(new_markdown_cell("Draw it."), "draw", 4, locked=True, task=True),
        new_markdown_cell("No more."),
    ]
    two = [
        marked(new_code_cell("x = None"), "free", 2, grade=True, solution=True),
        marked(new_code_cell("assert x == 3"), "three", 1, grade=True, locked=True),
    ]
    return {
        name: new_notebook(
            cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        )
        for name, cells in (("one", one), ("two", two))
    }


@pytest.fixture
def both(tmp_path, monkeypatch):
    """Released by nbgrader with its own settings; due at noon, zero points after that."""
    programs = Path(sys.executable).parent  # nbgrader starts alembic by its bare name
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    config.LateSubmissionPlugin.penalty_method = "zero"
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = "ps"
    source = tmp_path / "source" / "ps"
    (source / "data").mkdir(parents=True)
    (source / "data" / "numbers.csv").write_text("1,2\n")
    for name, notebook in masters().items():
        nbformat.write(notebook, source / f"{name}.ipynb")
    run_converter(GenerateAssignment(coursedir=coursedir, config=config))
    with Gradebook(coursedir.db_url) as book:
        book.update_or_create_assignment("ps", duedate=datetime(2026, 3, 1, 12))
        book.add_student("ann", first_name="Ann", last_name="Ames", email="ann@example.org")
    made = Both(tmp_path, "ps", coursedir, config)
    made.fork_gradebook()
    return made


def hand_in(both, student, when, notebooks=("one", "two"), **written):
    folder = both.submitted(student)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if when:
        (folder / "timestamp.txt").write_text(f"2026-03-01 {when} UTC")
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text(student)
    for name in notebooks:
        notebook = nbformat.read(both.root / "release" / "ps" / f"{name}.ipynb", 4)
        for cell in notebook.cells:
            cell.source = written.get(cell.id, cell.source)
        nbformat.write(notebook, folder / f"{name}.ipynb")


RIGHT = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x"


def test_first_and_second_recording_equal_nbgraders(both):
    hand_in(both, "ann", "11:00:00", double=RIGHT, why="Twice.", free="x = 3")
    hand_in(both, "bob", "13:00:00", double=WRONG, free="x = 2 + 1")
    hand_in(both, "cyd", "", ["one"], why="Who knows.")
    both.grade("ann", "bob", "cyd")
    both.assert_equal()
    graded = rows(both.books["ours"], "ps")
    assert graded["ann"]["score"] == 4
    assert (graded["ann"]["one", "part"]["score"], graded["bob"]["one", "part"]["score"]) == (
        1,
        0.5,
    )
    assert graded["bob"]["late_submission_penalty"] == 1.5
    assert graded["bob"]["one", "why", "comment"]["comment"] == "No response."
    assert graded["cyd"]["two", "three"]["failed_tests"] is True

    both.by_hand("ann", "one", "why", manual_score=2.5, extra_credit=0.5, comment="Good.")
    both.by_hand("ann", "one", "draw", manual_score=3)
    both.by_hand("ann", "two", "free", extra_credit=1.0)
    both.by_hand("bob", "one", "test", manual_score=2, comment="")
    both.by_hand("cyd", "two", "three", manual_score=0.5)
    hand_in(both, "ann", "14:00:00", double=WRONG, why="Twice, I mean.", free="x = 3")
    hand_in(both, "bob", "11:00:00", double=RIGHT, why="At last.", free="x = 3")
    both.grade("ann", "bob", "cyd")
    both.assert_equal()
    graded = rows(both.books["ours"], "ps")
    assert graded["ann"]["one", "why"]["needs_manual_grade"] is True
    assert graded["ann"]["one", "why"]["score"] == 3
    assert graded["bob"]["late_submission_penalty"] == 0
    both.forget_and_record_again("bob")
    again = rows(both.books["ours"], "ps")
    assert again["bob"]["one", "draw"]["needs_manual_grade"] is True
    assert again == graded, "nbgrader would leave the task at zero"


def test_lab04_is_recorded_as_by_nbgrader(tmp_path):
    shutil.copytree(ROOT / "source" / "lab04", tmp_path / "source" / "lab04")
    shutil.copyfile(ROOT / "nbgrader_config.py", tmp_path / "nbgrader_config.py")
    course = Course(tmp_path)
    generate_release(course, "lab04")
    both = Both(tmp_path, "lab04", *course_directory(course, "lab04"))
    both.fork_gradebook()
    released = nbformat.read(tmp_path / "release" / "lab04" / "lab04.ipynb", 4)
    solved = nbformat.read(tmp_path / "build" / "source" / "lab04" / "lab04.ipynb", 4)
    for student in ("half_done", "derivations_misunderstood"):
        answers = read_answers(ROOT / "tests" / "submissions" / "lab04" / f"{student}.py")
        folder = both.submitted(student)
        folder.mkdir(parents=True)
        filled = fill_all({"lab04": released}, {"lab04": solved}, answers)
        nbformat.write(filled["lab04"], folder / "lab04.ipynb")
        (folder / "timestamp.txt").write_text("2026-03-01 11:00:00 Europe/Berlin")
    both.grade("half_done", "derivations_misunderstood")
    both.assert_equal()
    graded = rows(both.books["ours"], "lab04")
    assert 0 < graded["half_done"]["code_score"] < 12
    assert graded["derivations_misunderstood"]["needs_manual_grade"] is True
