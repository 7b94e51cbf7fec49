"""Grade submissions with nbgrader's own autograding, and read what came of it.

One student at a time, so that one broken notebook is a clear result for its author and never the
end of the run. An unchanged submission keeps its result, seed included, until ``force``.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from deltarule.config import Course, assignment_fingerprint, package_hash, write_atomic
from deltarule.errors import MachineryError, UsageError
from deltarule.grading.results import Result, TestResult
from deltarule.judging import SEED_VARIABLE, VERDICT_MIME

__all__ = ["Grading", "grade_notebooks", "students_with_submissions"]

SANDBOX = "none"
_EXCEPTION = re.compile(r"[\w.]*(?:Error|Exception|Timeout|JSON)\b.*: ")


@dataclass(frozen=True)
class Grading:
    """One grading run: where submissions come from and where the records go.

    Attributes:
        course: the course.
        assignment: its name.
        submitted: ``<student>/<assignment>/<notebook>.ipynb`` below this folder.
        autograded: nbgrader's recorded notebooks.
        db_url: the gradebook.
        seed: of the secret inputs; drawn afresh where None.
        force: grade again what has not changed.
    """

    course: Course
    assignment: str
    submitted: Path
    autograded: Path
    db_url: str
    seed: int | None = None
    force: bool = False

    @classmethod
    def of_course(
        cls, course: Course, assignment: str, submitted: Path | None, seed: int | None, force: bool
    ) -> Grading:
        """Grade into the course's own gradebook and ``autograded/``."""
        return cls(
            course,
            assignment,
            (submitted or course.submitted).resolve(),
            course.root / "autograded",
            f"sqlite:///{course.gradebook}",
            seed,
            force,
        )

    def grade(self, student: str) -> Result:
        """Grade one student's submission, or return the kept result if nothing changed."""
        kept = self.course.build / "graded" / self.assignment / f"{student}.json"
        key = self._key(student)
        if not self.force and self._recorded(student):
            record = _read_record(kept, key)
            if record is not None:
                return self._with_manual_scores(record)
        seed = secrets.randbits(32) if self.seed is None else self.seed
        started = time.perf_counter()
        problems = self._autograde(student, seed)
        tests = tuple(self._read_tests(student, problems))
        result = Result(
            self.assignment,
            student,
            SANDBOX,
            seed,
            time.perf_counter() - started,
            _environment(),
            tests,
        )
        if not problems:
            write_atomic(kept, json.dumps({"key": key, "result": result.as_json()}, indent=1))
        return result

    def _recorded(self, student: str) -> bool:
        """Whether gradebook and ``autograded/`` still hold this student's submission."""
        from nbgrader.api import Gradebook, MissingEntry

        if not (self.autograded / student / self.assignment).is_dir():
            return False
        with Gradebook(self.db_url) as gradebook:
            try:
                gradebook.find_submission(self.assignment, student)
            except MissingEntry:
                return False
        return True

    def _with_manual_scores(self, record: Result) -> Result:
        """A kept result with the points that people have given since."""
        scores = self._scores(record.student)
        tests = []
        for test in record.tests:
            auto, manual = scores.get((test.notebook, test.name), (None, None))
            if test.status == "manual":
                test = replace(test, score=manual if manual is not None else auto)
            tests.append(test)
        return replace(record, tests=tuple(tests))

    def _key(self, student: str) -> str:
        """A hash of all that decides a result: answers, tests, packages, places."""
        digest = hashlib.sha256(assignment_fingerprint(self.course, self.assignment).encode())
        judge = package_hash("engine", "judging")
        digest.update(json.dumps([_environment(), judge, self.db_url, self.seed]).encode())
        for path in sorted((self.submitted / student / self.assignment).rglob("*")):
            if path.is_file():
                digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _autograde(self, student: str, seed: int) -> dict[str, str]:
        """Grade what was handed in; returns nbgrader's log for each notebook where that failed.

        nbgrader gives a whole submission up for one notebook that it cannot read or run. Then each
        notebook is tried on its own, and those that work are graded without the others.
        """
        log = self._convert(student, seed, self.submitted)
        handed_in, _ = self._handed_in(student)
        if not log:
            return {}
        if len(handed_in) < 2:
            return dict.fromkeys(handed_in or self._notebooks(), log)
        problems = {}
        for name in handed_in:
            if log := self._convert_only(student, seed, [name]):
                problems[name] = log
        right = [name for name in handed_in if name not in problems]
        if right and (log := self._convert_only(student, seed, right)):
            problems |= dict.fromkeys(right, log)
        return problems

    def _notebooks(self) -> list[str]:
        """The names of the assignment's notebooks."""
        return sorted(
            path.stem for path in (self.course.compiled / self.assignment).glob("*.ipynb")
        )

    def _handed_in(self, student: str) -> tuple[list[str], list[str]]:
        """The assignment's notebooks that a student handed in, and others that nobody asked for."""
        known = self._notebooks()
        folder = self.submitted / student / self.assignment
        found = sorted(path.stem for path in folder.glob("*.ipynb"))
        return [n for n in found if n in known], [n for n in found if n not in known]

    def _convert_only(self, student: str, seed: int, names: Sequence[str]) -> str:
        """As :meth:`_convert`, as if only some notebooks had been handed in."""
        with tempfile.TemporaryDirectory(dir=self.course.build, prefix="grade-") as scratch:
            folder = Path(scratch) / student / self.assignment
            shutil.copytree(self.submitted / student / self.assignment, folder)
            for path in folder.glob("*.ipynb"):
                if path.stem not in names:
                    path.unlink()
            return self._convert(student, seed, Path(scratch))

    def _convert(self, student: str, seed: int, submitted: Path) -> str:
        """Run nbgrader's Autograde for one student; returns its log if it failed, else ""."""
        from nbgrader.converters import Autograde

        from deltarule.bridge.release import course_directory, run_converter

        coursedir, config = course_directory(self.course, self.assignment)
        coursedir.student_id = student
        coursedir.submitted_directory = str(submitted)
        coursedir.autograded_directory = str(self.autograded)
        coursedir.db_url = self.db_url
        converter = Autograde(coursedir=coursedir, config=config)
        converter.force = True
        with _environment_variable(SEED_VARIABLE, str(seed)):
            try:
                run_converter(converter)
            except MachineryError as error:
                return str(error)
        return ""

    def _read_tests(self, student: str, problems: Mapping[str, str]) -> Iterator[TestResult]:
        """One result for every graded cell of the assignment, in the order of the sources."""
        import nbformat

        handed_in, others = self._handed_in(student)
        graded = set(handed_in) - set(problems)
        scores = self._scores(student) if graded else {}
        unasked = "".join(f"; there is no {name}.ipynb in the assignment" for name in others)
        for notebook in self._notebooks():
            compiled = self.course.compiled / self.assignment / f"{notebook}.ipynb"
            recorded = self.autograded / student / self.assignment / compiled.name
            cells = {}
            if recorded.is_file() and notebook in graded:
                for cell in nbformat.read(recorded, as_version=4).cells:
                    cells[cell.metadata.get("nbgrader", {}).get("grade_id")] = cell
            for cell in nbformat.read(compiled, as_version=4).cells:
                meta = cell.metadata.get("nbgrader", {})
                if not meta.get("grade"):
                    continue
                name = meta["grade_id"]
                base = TestResult(
                    notebook=notebook,
                    name=name,
                    points=float(meta["points"]),
                    score=0.0,
                    status="error",
                    verdict_in="kernel",
                    cell=name,
                )
                auto, manual = scores.get((notebook, name), (None, None))
                if meta["solution"]:
                    score = manual if manual is not None else auto
                    yield replace(base, status="manual", score=score)
                elif notebook not in handed_in:
                    message = f"{compiled.name} was not handed in{unasked}"
                    yield replace(base, status="failed", message=message)
                elif notebook in problems:
                    said = _last(problems[notebook])
                    yield replace(base, message=f"nbgrader could not grade this: {said}")
                else:
                    yield _judged(base, cells.get(name), auto)

    def _scores(self, student: str) -> dict[tuple[str, str], tuple[float | None, float | None]]:
        """Automatic and manual scores by (notebook, grade_id)."""
        from nbgrader.api import Gradebook

        with Gradebook(self.db_url) as gradebook:
            submission = gradebook.find_submission(self.assignment, student)
            return {
                (notebook.name, grade.name): (grade.auto_score, grade.manual_score)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }


def _judged(base: TestResult, cell: Any, auto: float | None) -> TestResult:
    """The result of an autograder test, from its recorded cell."""
    if cell is None or auto is None:
        return replace(base, message="the test cell is missing from the graded notebook")
    score = float(auto)
    status = "passed" if score >= base.points else "partial" if score > 0 else "failed"
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            status = "failed" if output.ename == "AssertionError" else "error"
            message = f"{output.ename}: {output.evalue}".removeprefix("AssertionError: ")
            return replace(base, score=score, status=status, message=message)
        verdict = output.get("data", {}).get(VERDICT_MIME)
        if verdict:
            return replace(
                base,
                score=score,
                status=status,
                message=str(verdict["message"]),
                margin=verdict.get("margin"),
                diagnosis=verdict.get("diagnosis"),
            )
    message = "" if score else "the test cell wrote to stderr"
    return replace(base, score=score, status=status, message=message)


def students_with_submissions(grading: Grading) -> list[str]:
    """The students who handed in at least one notebook of the assignment.

    Raises:
        UsageError: nobody did.
    """
    found = sorted(
        {
            path.parent.parent.name
            for path in grading.submitted.glob(f"*/{grading.assignment}/*.ipynb")
        }
    )
    if not found:
        raise UsageError(
            f"no submissions: expected {grading.submitted}/<student>/{grading.assignment}/*.ipynb"
        )
    return found


def grade_notebooks(
    course: Course, assignment: str, files: Sequence[Path], student: str, seed: int | None
) -> Result:
    """Grade loose notebook files as one submission, with a gradebook of their own.

    Args:
        course: its sources must compile.
        assignment: its name.
        files: one for each notebook, with its name; a single file may have any name if the
            assignment has one notebook.
        student: shown in the result.
        seed: of the secret inputs; drawn afresh where None.

    Raises:
        UsageError: a file is not there, does not belong to the assignment, or is there twice.
    """
    from deltarule.bridge.release import generate_release

    chosen = _matched([path.stem for path in course.sources(assignment)], files, assignment)
    course.build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=course.build, prefix="grade-") as scratch:
        place = Path(scratch)
        db_url = f"sqlite:///{place / 'gradebook.db'}"
        generate_release(course, assignment, release=place / "release", db_url=db_url)
        folder = place / "submitted" / student / assignment
        folder.mkdir(parents=True)
        for name, file in chosen.items():
            shutil.copyfile(file, folder / f"{name}.ipynb")
        grading = Grading(
            course,
            assignment,
            place / "submitted",
            place / "autograded",
            db_url,
            seed=seed,
            force=True,
        )
        return grading.grade(student)


def _matched(names: Sequence[str], files: Sequence[Path], assignment: str) -> dict[str, Path]:
    """The file of each notebook, by the notebook's name."""
    complaints = [f"{file} does not exist" for file in files if not file.is_file()]
    if len(names) == len(files) == 1:
        chosen = {names[0]: files[0]}
    else:
        known = ", ".join(f"{name}.ipynb" for name in names)
        chosen = {}
        for file in files:
            if file.suffix != ".ipynb" or file.stem not in names:
                complaints.append(
                    f"{file} is not a notebook of '{assignment}' ({known}); rename it"
                )
            elif file.stem in chosen:
                complaints.append(f"{chosen[file.stem]} and {file} are the same notebook")
            else:
                chosen[file.stem] = file
    if complaints:
        raise UsageError("\n".join(complaints))
    return chosen


def _read_record(path: Path, key: str) -> Result | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Result.from_json(record["result"]) if record.get("key") == key else None


def _last(text: str) -> str:
    """The line of nbgrader's log that says what went wrong: the last that names an exception."""
    lines = [line.strip() for line in text.strip().split("\n") if line.strip()]
    named = [line for line in lines if _EXCEPTION.match(line) and "NbGraderException" not in line]
    return (named or lines or [""])[-1][:300]


def _environment() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("deltarule", "nbgrader", "numpy", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
