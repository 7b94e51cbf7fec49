"""All that is on record of an assignment: results, points that people gave, late penalties.

::

    build/graded/  ──results: messages, diagnoses──┐
                                                   ├──gather──► Gathered ──► report, export
    gradebook.db   ──points, people's, penalties───┘

nbgrader's gradebook is the system of record. Points are always its own; what is kept of a grading
run adds what it has no place for. A submission that only nbgrader has graded, or whose kept result
was deleted, is there with its points and without messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from deltarule.config import Course
from deltarule.errors import UsageError
from deltarule.grading.results import Result, TestResult

if TYPE_CHECKING:
    from deltarule.bridge.class_grades import CellGrade, StudentGrades

__all__ = ["Gathered", "Person", "Submission", "gather"]

SAME_POINTS = 1e-6
"""Two recorded scores that differ by less are one."""


@dataclass(frozen=True)
class Person:
    """A student as the gradebook has them: the id, and "" for what it does not know."""

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


@dataclass(frozen=True)
class Submission:
    """One submission with everything that counts.

    Attributes:
        person: who handed it in.
        result: written answers have the points that people gave, None until they did.
        overruled: what people gave in the place of a test's own points, by notebook and name.
        extra_credit: what people gave on top, all cells together.
        penalties: points taken off for being late, by notebook.
        handed_in: UTC, or None where nothing says so.
    """

    person: Person
    result: Result
    overruled: Mapping[tuple[str, str], float] = field(default_factory=dict)
    extra_credit: float = 0.0
    penalties: Mapping[str, float] = field(default_factory=dict)
    handed_in: datetime | None = None

    @property
    def student(self) -> str:
        """nbgrader's id."""
        return self.person.student

    @property
    def automatic(self) -> float:
        """Points of the tests, with what people gave in the place of some."""
        return sum(self._points(test) for test in self.result.automatic)

    @property
    def manual(self) -> float:
        """Points of the written answers that are graded so far."""
        return sum(test.score or 0.0 for test in self.result.manual)

    @property
    def waiting(self) -> tuple[TestResult, ...]:
        """Written answers that nobody has graded yet."""
        return tuple(test for test in self.result.manual if test.score is None)

    @property
    def penalty(self) -> float:
        """Points taken off for being late."""
        return sum(self.penalties.values())

    @property
    def total(self) -> float:
        """What nbgrader exports: all points and extra credit, less the penalty, at least 0."""
        return max(0.0, self.automatic + self.manual + self.extra_credit - self.penalty)

    @property
    def max_total(self) -> float:
        """Points to be had, without extra credit."""
        return sum(test.points for test in self.result.tests)

    def _points(self, test: TestResult) -> float:
        return self.overruled.get((test.notebook, test.name), test.score or 0.0)


@dataclass(frozen=True)
class Gathered:
    """An assignment's class.

    Attributes:
        assignment: its name.
        submissions: sorted by student.
        absent: students of the gradebook who handed nothing in.
        ungraded: those with a folder in ``submitted/`` of which nothing is on record.
    """

    assignment: str
    submissions: tuple[Submission, ...]
    absent: tuple[Person, ...] = ()
    ungraded: tuple[Person, ...] = ()

    @property
    def results(self) -> tuple[Result, ...]:
        """The results, sorted by student."""
        return tuple(submission.result for submission in self.submissions)


def gather(course: Course, assignment: str) -> Gathered:
    """Read all that is on record of an assignment; nothing is graded, and nothing written.

    Raises:
        UsageError: there is no such assignment, or nothing of it is on record.
        MachineryError: the gradebook cannot be read.
    """
    from deltarule.bridge.class_grades import read_class_grades
    from deltarule.bridge.release import course_directory
    from deltarule.grading.inbox import shown_name, students_of
    from deltarule.grading.kept import kept_results

    coursedir, _ = course_directory(course, assignment)
    grades = read_class_grades(coursedir.db_url, assignment)
    if not grades.submitted:
        raise UsageError(
            f"no submission of '{assignment}' is on record; "
            f"run 'deltarule grade {assignment}' first"
        )
    kept = kept_results(course, assignment)
    made = tuple(_submission(assignment, one, kept.get(one.student)) for one in grades.submitted)
    there = {one.student for one in grades.submitted}
    waiting = [name for name in students_of(course.submitted, assignment) if name not in there]
    others = {one.student: _person(one) for one in grades.absent}
    ungraded = tuple(others.pop(name, Person(shown_name(name))) for name in waiting)
    return Gathered(assignment, made, tuple(others.values()), ungraded)


def _person(grades: StudentGrades) -> Person:
    names = (grades.first_name, grades.last_name)
    return Person(grades.student, *names, grades.email, grades.lms_user_id)


def _submission(assignment: str, grades: StudentGrades, kept: Result | None) -> Submission:
    result = _from_gradebook(assignment, grades) if kept is None else _agreeing(kept, grades)
    tests = {(test.notebook, test.name) for test in result.automatic}
    overruled = {
        key: grade.manual
        for key, grade in grades.cells.items()
        if key in tests and grade.manual is not None
    }
    extra = sum(grade.extra for grade in grades.cells.values())
    return Submission(_person(grades), result, overruled, extra, grades.penalties, grades.handed_in)


def _agreeing(result: Result, grades: StudentGrades) -> Result:
    """A kept result with the gradebook's cells and points; what explains other points goes."""
    kept = {(test.notebook, test.name): test for test in result.tests}
    keys = [key for key in kept if key in grades.cells]
    keys += [key for key in grades.cells if key not in kept]
    tests = [_test(kept.get(key), key, grades.cells[key]) for key in keys]
    others = [
        result.title(test)
        for key, test in zip(keys, tests, strict=True)
        if test.status != "manual" and test is not kept.get(key)
    ]
    others += [result.title(test) for key, test in kept.items() if key not in grades.cells]
    notes = result.notes
    if others:
        said = "the gradebook holds other points than the grading run that is kept"
        notes = (*notes, f"{', '.join(others)}: {said}; the gradebook's are shown")
    return replace(result, tests=tuple(tests), notes=notes)


def _test(kept: TestResult | None, key: tuple[str, str], grade: CellGrade) -> TestResult:
    """One cell of the gradebook, as the kept test says it where both say the same."""
    if kept is None or abs(kept.points - grade.points) > SAME_POINTS:
        return _bare(*key, grade)
    if kept.status == "manual":
        return replace(kept, score=_written_points(grade))
    if grade.automatic is not None:
        differs = abs(float(grade.automatic) - (kept.score or 0.0)) > SAME_POINTS
        return _bare(*key, grade) if differs else kept
    return kept


def _from_gradebook(assignment: str, grades: StudentGrades) -> Result:
    """A result of a submission of which no grading run is kept: points, and no messages."""
    tests = tuple(_bare(*key, grade) for key, grade in grades.cells.items())
    note = "no result of 'deltarule grade' is kept, so there are points and no messages"
    return Result(assignment, grades.student, "none", 0, 0.0, {}, tests, (note,))


def _bare(notebook: str, name: str, grade: CellGrade) -> TestResult:
    unjudged = grade.automatic is None and grade.manual is None  # a person has to look
    if grade.written or unjudged:
        status, score = "manual", _written_points(grade)
    else:
        score = float(grade.automatic or 0.0)
        full = score >= grade.points - SAME_POINTS
        status = "passed" if full else "partial" if score > 0 else "failed"
    return TestResult(notebook, name, grade.points, score, status, "kernel", cell=name)


def _written_points(grade: CellGrade) -> float | None:
    """The points of a written answer: a person's, else those of one that was left empty."""
    if grade.manual is not None:
        return grade.manual
    return None if grade.waiting else grade.automatic
