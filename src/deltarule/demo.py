"""``deltarule demo``: the whole way from a source to a graded class, on a copy of the course.

The class is the files of answers in ``tests/submissions/lab04``: right, differently right,
untouched, half done and wrong in several ways. Nothing outside ``build/demo`` is touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltarule.config import Course
from deltarule.errors import SandboxError, UsageError
from deltarule.grading.results import ClassResult, Result

__all__ = ["Demo", "hand_in", "run_demo"]

ASSIGNMENT = "lab04"
COPIED = ("nbgrader_config.py", "source", "release", "solutions")


@dataclass(frozen=True)
class Demo:
    """What the demo did.

    Attributes:
        assignment: what was graded.
        results: one for each student.
        descriptions: what each student did.
        shown: the demo's folder, as a path to show.
    """

    assignment: str
    results: tuple[Result, ...]
    descriptions: dict[str, str]
    shown: Path

    def as_json(self) -> dict[str, Any]:
        """The class record."""
        return ClassResult(self.assignment, self.results).as_json()


def hand_in(course: Course, assignment: str, files: Sequence[Path]) -> dict[str, str]:
    """Write a submission into ``submitted/`` for every file of answers.

    Args:
        course: release and solutions must be built.
        assignment: its name.
        files: files of answers; each stem becomes a student's name.

    Returns:
        What each student did, by name.
    """
    import nbformat

    from deltarule.grading.answers import fill_all, read_answers

    names = [path.stem for path in course.sources(assignment)]
    release, solution = (
        {name: nbformat.read(folder / assignment / f"{name}.ipynb", as_version=4) for name in names}
        for folder in (course.release, course.solutions)
    )
    descriptions = {}
    for file in files:
        answers = read_answers(file)
        folder = course.submitted / file.stem / assignment
        folder.mkdir(parents=True, exist_ok=True)
        for name, notebook in fill_all(release, solution, answers).items():
            nbformat.write(notebook, folder / f"{name}.ipynb")
        descriptions[file.stem] = " ".join(answers.description.split())
    return descriptions


def run_demo(
    course: Course,
    say: Callable[[str], None],
    collect: Callable[[Iterable[Result], int], list[Result]],
) -> Demo:
    """Copy the course, build it, hand in, grade, and write the feedback.

    Args:
        course: with submissions in ``tests/submissions``.
        say: is told what is done.
        collect: takes the results as they come, and how many there will be.

    Raises:
        UsageError: this course has no submissions to show.
    """
    from deltarule.bridge.build import build_assignment
    from deltarule.bridge.feedback import generate_feedback

    files = sorted((course.root / "tests" / "submissions" / ASSIGNMENT).glob("*.py"))
    if not files:
        raise UsageError("the demo grades tests/submissions/lab04/*.py, and there are none here")
    place = course.build / "demo"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in COPIED:
        source = course.root / name
        if source.is_dir():
            shutil.copytree(source, place / name)
        elif source.is_file():
            shutil.copyfile(source, place / name)
    copy = Course(place)
    for assignment in copy.assignments():
        build_assignment(copy, assignment, say)
    say(f"{ASSIGNMENT}: handing in {len(files)} submissions")
    descriptions = hand_in(copy, ASSIGNMENT, files)
    results = _graded(copy, say, collect)
    say(f"{ASSIGNMENT}: feedback")
    generate_feedback(copy, ASSIGNMENT)
    shown = place.relative_to(course.root)
    return Demo(ASSIGNMENT, tuple(results), descriptions, shown)


def _graded(
    course: Course,
    say: Callable[[str], None],
    collect: Callable[[Iterable[Result], int], list[Result]],
) -> list[Result]:
    """Grade in a sandbox; without one where none holds, since these submissions are our own."""
    from deltarule.grading.classroom import Grading, GradingSettings

    for sandbox in ("auto", "none"):
        settings = GradingSettings(jobs=os.cpu_count() or 1, sandbox=sandbox)
        grading = Grading.of_course(course, ASSIGNMENT, settings=settings)
        try:
            results = collect(grading.grade(), len(grading.students()))
        except SandboxError as error:
            if sandbox == "none":
                raise
            say(f"grading the demo's own submissions without a sandbox: {error}")
        else:
            return sorted(results, key=lambda result: result.student)
    raise AssertionError("unreachable")
