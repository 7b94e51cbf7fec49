"""The result of grading, ``deltarule/result/v1``: the one record that every report is made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["CLASS_SCHEMA", "RESULT_SCHEMA", "ClassResult", "Result", "Stopped", "TestResult"]

RESULT_SCHEMA = "deltarule/result/v1"
CLASS_SCHEMA = "deltarule/class/v1"


@dataclass(frozen=True)
class TestResult:
    """One graded cell.

    Attributes:
        notebook: the notebook's name; unique together with ``name``.
        name: the cell's ``grade_id``.
        points: what the cell is worth.
        score: what it earned; None for a written answer that nobody has graded yet.
        status: ``passed``, ``partial``, ``failed``, ``error``, ``manual`` or ``skipped``.
        verdict_in: where the verdict was computed: ``grader``, ``fork`` or ``kernel``.
        message: for the student.
        diagnosis: the misconception that explains a wrong gradient: ``name`` and ``hint``.
        margin: how many times closer than needed (above 1), or further than allowed (below 1).
        duration_s: seconds, where they were measured.
        cell: the id of the cell in the notebook.
        visible_passed: whether the released part of the cell ran without an error where the
            student's code runs, which is what the student saw; None where it has nothing to run or
            was not reached. No points depend on it.
    """

    __test__ = False  # not a test class of pytest's

    notebook: str
    name: str
    points: float
    score: float | None
    status: str
    verdict_in: str
    message: str = ""
    diagnosis: dict[str, str] | None = None
    margin: float | None = None
    duration_s: float | None = None
    cell: str = ""
    visible_passed: bool | None = None

    @property
    def advice(self) -> str:
        """The message, and what the diagnosis adds to it."""
        if self.diagnosis is None:
            return self.message
        added = (self.diagnosis.get("explanation", ""), self.diagnosis["hint"])
        return " ".join(part for part in (self.message, *added) if part)


@dataclass(frozen=True)
class Stopped:
    """A cell or a test that a limit has ended.

    Attributes:
        notebook: the notebook's name.
        cell: the cell's name, or its number.
        limit: ``time``, ``memory``, ``processes``, ``disk``, or ``ended`` where the process ended
            by itself.
        message: what happened, for the student.
    """

    notebook: str
    cell: str
    limit: str
    message: str


@dataclass(frozen=True)
class Result:
    """One submission. Points are those of automatic tests only; manual ones stand apart.

    ``notes`` say what was put right in the notebook, and what else its reader should know;
    ``stopped`` says which limits it ran into.
    """

    assignment: str
    student: str
    sandbox: str
    seed: int
    duration_s: float
    environment: dict[str, str]
    tests: tuple[TestResult, ...] = field(default=())
    notes: tuple[str, ...] = ()
    stopped: tuple[Stopped, ...] = ()

    @property
    def automatic(self) -> tuple[TestResult, ...]:
        """The tests that the autograder judges."""
        return tuple(test for test in self.tests if test.status != "manual")

    @property
    def manual(self) -> tuple[TestResult, ...]:
        """The answers that a person grades."""
        return tuple(test for test in self.tests if test.status == "manual")

    @property
    def score(self) -> float:
        """Automatic points earned."""
        return sum(test.score or 0.0 for test in self.automatic)

    @property
    def max_score(self) -> float:
        """Automatic points to be had."""
        return sum(test.points for test in self.automatic)

    @property
    def manual_score(self) -> float | None:
        """Manual points, once every answer is graded."""
        scores = [test.score for test in self.manual]
        if not scores or any(score is None for score in scores):
            return None
        return sum(score for score in scores if score is not None)

    def title(self, test: TestResult) -> str:
        """A test's name; with its notebook where the assignment has several."""
        several = len({one.notebook for one in self.tests}) > 1
        return f"{test.notebook}/{test.name}" if several else test.name

    @property
    def everything_passed(self) -> bool:
        """Whether every automatic test earned its points."""
        return all(test.status == "passed" for test in self.automatic)

    def as_json(self) -> dict[str, Any]:
        """The record as the published schema has it."""
        return {
            "schema": RESULT_SCHEMA,
            "assignment": self.assignment,
            "student": self.student,
            "score": round(self.score, 6),
            "max_score": self.max_score,
            "manual_score": self.manual_score,
            "max_manual": sum(test.points for test in self.manual),
            "sandbox": self.sandbox,
            "seed": self.seed,
            "duration_s": round(self.duration_s, 3),
            "environment": self.environment,
            "tests": [asdict(test) for test in self.tests],
            "notes": list(self.notes),
            "stopped": [asdict(one) for one in self.stopped],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Result:
        """Read a record back."""
        keys = ("assignment", "student", "sandbox", "seed", "duration_s", "environment")
        tests = tuple(TestResult(**test) for test in record["tests"])
        notes = tuple(record.get("notes", ()))
        stopped = tuple(Stopped(**one) for one in record.get("stopped", ()))
        return cls(**{key: record[key] for key in keys}, tests=tests, notes=notes, stopped=stopped)


@dataclass(frozen=True)
class ClassResult:
    """All submissions of one assignment."""

    assignment: str
    results: tuple[Result, ...]

    def as_json(self) -> dict[str, Any]:
        """The record as the published schema has it."""
        return {
            "schema": CLASS_SCHEMA,
            "assignment": self.assignment,
            "results": [result.as_json() for result in self.results],
        }
