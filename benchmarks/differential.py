"""Grade the same submissions with stock ``nbgrader autograde`` and with ``deltarule grade``.

Two sources: the notebooks that nbgrader ships for its own tests, each graded against the master
that nbgrader's tests use, and every file of answers in ``tests/submissions``. Run::

    python benchmarks/differential.py [--ours lab04 …]

It writes the table in ``docs/differential.md``. Each difference gets a line; the reasons stand
below the table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbgrader
from nbgrader.api import Gradebook, MissingEntry
from pages import write_between

from deltarule.config import Course
from deltarule.demo import hand_in
from deltarule.grading.classroom import Grading, GradingSettings

ROOT = Path(__file__).resolve().parents[1]
FILES = Path(nbgrader.__file__).parent / "tests" / "apps" / "files"
STUDENT_SECONDS = 180

SHIPPED = {
    # assignment: (master, files beside it, submissions)
    "changed": (
        "submitted-unchanged.ipynb",
        (),
        (
            "submitted-unchanged.ipynb",
            "submitted-changed.ipynb",
            "submitted-grade-cell-changed.ipynb",
            "submitted-locked-cell-changed.ipynb",
            "submitted-cheat-attempt.ipynb",
            "submitted-cheat-attempt-alternative.ipynb",
        ),
    ),
    "hidden": ("test-hidden-tests.ipynb", (), ("test-hidden-tests.ipynb",)),
    "outputs": ("test-with-output.ipynb", (), ("test-with-output.ipynb",)),
    "plain": ("test.ipynb", (), ("test.ipynb",)),
    "effects": ("side-effects.ipynb", (), ("side-effects.ipynb",)),
    "relative": ("open_relative_file.ipynb", ("data.txt",), ("open_relative_file.ipynb",)),
    "waiting": ("timeout.ipynb", (), ("timeout.ipynb",)),
    "endless": ("infinite-loop.ipynb", (), ("infinite-loop.ipynb",)),
    "talking": (
        "infinite-loop-with-output.ipynb",
        (),
        ("infinite-loop-with-output.ipynb",),
    ),
    "autotest": (
        "autotest-multi.ipynb",
        ("autotests.yml",),
        ("autotest-multi-unchanged.ipynb", "autotest-multi-changed.ipynb"),
    ),
    "autotest-hidden": (
        "autotest-hidden.ipynb",
        ("autotests.yml",),
        (
            "autotest-hidden-unchanged.ipynb",
            "autotest-hidden-changed-right.ipynb",
            "autotest-hidden-changed-wrong.ipynb",
        ),
    ),
    "zero": ("validation-zero-points.ipynb", (), ("validation-zero-points.ipynb",)),
    "variable": (
        "validating-environment-variable.ipynb",
        (),
        ("validating-environment-variable.ipynb",),
    ),
}
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "differential"
c.ExecutePreprocessor.timeout = 10
c.ExecutePreprocessor.iopub_timeout = 10
"""
Points = dict[str, float | None]


@dataclass(frozen=True)
class Row:
    """One submission: the automatic points of each test under both, or why there are none."""

    assignment: str
    submission: str
    stock: Points | str
    ours: Points | str

    @property
    def equal(self) -> bool:
        """Whether both give the same points."""
        return self.stock == self.ours


def environment() -> dict[str, str]:
    """The path with this environment's programs first."""
    programs = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([programs, os.environ["PATH"]])}


def points_in(gradebook: Path, assignment: str, student: str) -> Points | str:
    """Automatic points by notebook and test, from a gradebook."""
    with Gradebook(f"sqlite:///{gradebook}") as book:
        try:
            found = book.find_submission(assignment, student)
        except MissingEntry:
            return "no grade at all"
        return {
            f"{notebook.name}/{grade.name}": grade.auto_score
            for notebook in found.notebooks
            for grade in notebook.grades
            if grade.cell.cell_type == "code"
        }


def stock(root: Path, assignment: str, students: list[str], *, one_by_one: bool) -> None:
    """Grade with nbgrader itself; a submission that ends the run takes no other along."""
    for chosen in [[f"--student={one}"] for one in students] if one_by_one else [[]]:
        command = ["nbgrader", "autograde", assignment, "--force", *chosen]
        try:
            subprocess.run(
                command,
                cwd=root,
                env=environment(),
                timeout=STUDENT_SECONDS * (1 if one_by_one else len(students)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"  stock nbgrader did not end: {chosen}")


def compared(
    root: Path, assignment: str, students: dict[str, str], *, one_by_one: bool
) -> Iterator[Row]:
    """Grade a class in both ways; the two gradebooks start alike."""
    course = Course(root)
    gradebook = root / "gradebook.db"
    copy = root.parent / f"{root.name}-stock"
    for result in Grading.of_course(course, assignment, settings=settings(one_by_one)).grade():
        print(f"  ours {result.student} {result.score:g}", flush=True)
    ours = {name: points_in(gradebook, assignment, name) for name in students}
    shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns("autograded"))
    with Gradebook(f"sqlite:///{copy / 'gradebook.db'}") as book:
        for student in students:
            book.remove_submission(assignment, student)
    stock(copy, assignment, list(students), one_by_one=one_by_one)
    for student, submission in students.items():
        theirs = points_in(copy / "gradebook.db", assignment, student)
        yield Row(assignment, submission, theirs, ours[student])


def settings(impatient: bool) -> GradingSettings:
    """As stock nbgrader is set here: ten seconds a cell for its own notebooks."""
    limits = {"cell_seconds": 10.0, "test_seconds": 10.0} if impatient else {}
    return GradingSettings(limits=limits, run_demos=True)


def shipped(place: Path) -> Iterator[Row]:
    """The notebooks of nbgrader's own tests."""
    root = place / "shipped"
    root.mkdir()
    (root / "nbgrader_config.py").write_text(CONFIG)
    for assignment, (master, beside, submissions) in SHIPPED.items():
        print(assignment, flush=True)
        source = root / "source" / assignment
        source.mkdir(parents=True)
        shutil.copyfile(FILES / master, source / "p1.ipynb")
        students = {}
        for name in submissions:
            student = Path(name).stem
            folder = root / "submitted" / student / assignment
            folder.mkdir(parents=True)
            shutil.copyfile(FILES / name, folder / "p1.ipynb")
            students[student] = name
        for name in beside:
            shutil.copyfile(FILES / name, source / name)
            shutil.copyfile(FILES / name, source.parent / name)
            shutil.copyfile(FILES / name, root / name)
        try:
            yield from compared(root, assignment, students, one_by_one=True)
        except Exception as error:  # noqa: BLE001 - said in the table, whatever it is
            said = f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"
            for name in submissions:
                yield Row(assignment, name, "?", said)
        shutil.rmtree(root.parent / "shipped-stock", ignore_errors=True)


def ours(place: Path, assignments: list[str]) -> Iterator[Row]:
    """Every file of answers of our own assignments."""
    for assignment in assignments:
        print(assignment, flush=True)
        root = place / f"own-{assignment}"
        root.mkdir()
        for name in ("source", "release", "solutions"):
            shutil.copytree(ROOT / name / assignment, root / name / assignment)
        shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
        files = sorted((ROOT / "tests" / "submissions" / assignment).glob("*.py"))
        hand_in(Course(root), assignment, files)
        students = {file.stem: file.stem for file in files}
        yield from compared(root, assignment, students, one_by_one=False)


def table(rows: list[Row]) -> str:
    """How many agree, and a line for each that does not."""
    lines = ["| assignment | submissions | equal points |", "|---|---|---|"]
    for assignment in dict.fromkeys(row.assignment for row in rows):
        these = [row for row in rows if row.assignment == assignment]
        lines.append(f"| `{assignment}` | {len(these)} | {sum(row.equal for row in these)} |")
    lines += ["", "| submission | test | stock nbgrader | deltarule |", "|---|---|---|---|"]
    for row in rows:
        if row.equal:
            continue
        if isinstance(row.stock, str) or isinstance(row.ours, str):
            stock_says = row.stock if isinstance(row.stock, str) else "graded"
            ours_say = row.ours if isinstance(row.ours, str) else "graded"
            lines.append(f"| `{row.submission}` | all | {stock_says} | {ours_say} |")
            continue
        for name in sorted(row.stock.keys() | row.ours.keys()):
            one, other = row.stock.get(name), row.ours.get(name)
            if one != other:
                lines.append(f"| `{row.submission}` | `{name}` | {_said(one)} | {_said(other)} |")
    return "\n".join(lines) + "\n"


def _said(points: float | None) -> str:
    return "no grade" if points is None else f"{points:g}"


def main() -> None:
    """Compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", nargs="*", default=["lab04", "gradient_descent", "titanic"])
    parser.add_argument("--no-shipped", action="store_true")
    options = parser.parse_args()
    os.environ["PATH"] = environment()["PATH"]
    with tempfile.TemporaryDirectory() as scratch:
        rows = [] if options.no_shipped else list(shipped(Path(scratch)))
        rows += ours(Path(scratch), options.ours)
    made = table(rows)
    print(made)
    write_between("differential.md", "table", made)


if __name__ == "__main__":
    main()
