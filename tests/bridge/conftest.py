"""A toy course of two assignments, small enough that a test can afford to run nbgrader on it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from deltarule.config import Course

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
SECONDS = 120
"""No command on a toy course takes a tenth of this; a deadlock shall fail, not hang."""

TOY = '''\
---
jupyter:
  deltarule:
    points:
      automatic: 2
      manual: 3
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

# Doubling

Write a function that doubles a number.

```python
def double(number):
    """Twice the number."""
    #!TAG HWBEGIN
    #!MSG Add it to itself.
    twice_the_number = number + number
    return twice_the_number
    #!TAG HWEND
```

```python
#!TAG TEST double points=2
assert double(1) == 2, "one and one are two"
### BEGIN HIDDEN TESTS
assert double(21) == 42, "that is not the answer"
### END HIDDEN TESTS
```

Why is that right?

<!-- #region -->
#!TAG ANSWER why points=3
### BEGIN MARK SCHEME
**3 points**: says that each number is *counted* twice.
### END MARK SCHEME
#!TAG HWBEGIN
Because a sum of two equal terms counts the term twice.
#!TAG HWEND
<!-- #endregion -->
'''

OTHER = """\
# Squaring

```python
def square(number):
    #!TAG HWBEGIN
    return number * number
    #!TAG HWEND
```

```python
#!TAG TEST square points=1
assert square(1) == 1
### BEGIN HIDDEN TESTS
assert square(-3) == 9
### END HIDDEN TESTS
```
"""

BROKEN = "#!TAG TEST double points=two"
RIGHT = "def double(number):\n    return 2 * number"
WRONG = "def double(number):\n    return number + 1"


@dataclass(frozen=True)
class Toy:
    """A course in a temporary folder, and what an instructor does in it."""

    course: Course

    @property
    def root(self) -> Path:
        return self.course.root

    @property
    def source(self) -> Path:
        return self.course.source / "toy" / "toy.md"

    def edit(self, old: str, new: str) -> None:
        text = self.source.read_text(encoding="utf-8")
        assert old in text
        self.source.write_text(text.replace(old, new), encoding="utf-8")

    def break_source(self) -> None:
        """Misspell the points of the test, in the line that ``broken_line`` gives."""
        self.edit("#!TAG TEST double points=2", BROKEN)

    @property
    def broken_line(self) -> int:
        return self.source.read_text(encoding="utf-8").split("\n").index(BROKEN) + 1

    def mend_source(self) -> None:
        self.source.write_text(TOY, encoding="utf-8")

    def files(self, *folders: str) -> dict[str, bytes]:
        """Everything in some folders of the course, byte for byte."""
        return {
            f"{folder}/{name}": data
            for folder in folders
            for name, data in snapshot(self.root / folder).items()
        }

    def gradebook_rows(self) -> list[str]:
        """All that the gradebook holds."""
        with closing(sqlite3.connect(self.course.gradebook)) as connection:
            return list(connection.iterdump())

    def cell(self, path: str, cell_id: str) -> Any:
        notebook = nbformat.read(self.root / path, as_version=4)
        return next(cell for cell in notebook.cells if cell.id == cell_id)

    def type(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Type a command in the course folder, with no venv activated."""
        return run(BIN / command[0], *command[1:], cwd=cwd or self.root)

    def nbgrader(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.type("nbgrader", *arguments)

    def hand_in(self, student: str, answer: str) -> Path:
        """Hand in the released notebook with one cell filled in."""
        notebook = nbformat.read(self.course.release / "toy" / "toy.ipynb", as_version=4)
        for cell in notebook.cells:
            if cell.id == "solution-double":
                cell.source = answer
        folder = self.course.submitted / student / "toy"
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / "toy.ipynb")
        return folder

    def scores(self, assignment: str = "toy") -> dict[str, dict[str, float | None]]:
        return recorded_scores(self.course, assignment)


def run(
    program: Path, *arguments: str, cwd: Path, **settings: Any
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **settings.pop("env", {})}
    environment["PATH"] = "/usr/bin:/bin"
    return subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
        **settings,
    )


def recorded_scores(course: Course, assignment: str) -> dict[str, dict[str, float | None]]:
    """Automatic scores in the gradebook, by student and test."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        return {
            submission.student.id: {
                grade.name: grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.cell.cell_type != "markdown"
            }
            for submission in gradebook.find_assignment(assignment).submissions
        }


def snapshot(folder: Path) -> dict[str, bytes]:
    """The files of a folder, byte for byte."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_toy(root: Path) -> Toy:
    for name, text in (("toy", TOY), ("other", OTHER)):
        folder = root / "source" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    data = root / "source" / "toy" / "data"
    data.mkdir()
    (data / "numbers.csv").write_text("number,double\n1,2\n", encoding="utf-8")
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    return Toy(Course(root))


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Two sources and ``nbgrader_config.py``, nothing else."""
    return make_toy(tmp_path / "course")


@pytest.fixture(scope="session")
def _released(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Both assignments released, in this process."""
    from deltarule.bridge.release import generate_release

    toy = make_toy(tmp_path_factory.mktemp("released") / "course")
    for assignment in ("other", "toy"):
        generate_release(toy.course, assignment)
    return toy


@pytest.fixture(scope="session")
def _graded(_released: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Two submissions, one right and one wrong, graded by the typed commands."""
    toy = _copied(_released, tmp_path_factory.mktemp("graded"))
    toy.hand_in("ann", RIGHT)
    toy.hand_in("bob", WRONG)
    for command in ("autograde", "generate_feedback"):
        done = toy.nbgrader(command, "toy")
        assert done.returncode == 0, done.stderr
    return toy


def _copied(toy: Toy, folder: Path) -> Toy:
    shutil.copytree(toy.root, folder / "course")
    return Toy(Course(folder / "course"))


@pytest.fixture
def released(_released: Toy, tmp_path: Path) -> Toy:
    """A course of one's own in which both assignments are released."""
    return _copied(_released, tmp_path)


@pytest.fixture
def graded(_graded: Toy, tmp_path: Path) -> Toy:
    """A course of one's own with graded submissions of ann (right) and bob (wrong)."""
    return _copied(_graded, tmp_path)
