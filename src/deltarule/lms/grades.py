"""What each student gets, and whether it is final: the class as an export needs it.

A grade is held back while a written answer waits for its points, or while a later submission waits
to be graded. It is then exported only on demand, and never without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deltarule.config import Course
from deltarule.grading.inbox import content_hash, handed_in_at
from deltarule.grading.kept import kept_content
from deltarule.reporting.gathered import Gathered, Person, Submission, gather

__all__ = ["ClassGrades", "Grade", "read_grades"]

SHOWN = 4
"""How many names of ungraded answers a line gives."""


@dataclass(frozen=True)
class Grade:
    """One student's grade for an assignment.

    Attributes:
        person: the student.
        automatic: points of the tests, with what people gave in the place of some.
        manual: points of the written answers that are graded so far.
        extra: extra credit.
        penalty: taken off for being late.
        score: all that together, at least 0.
        handed_in: UTC, or None.
        held: why this is not final; "" if it is.
        graded: whether there is anything on record.
    """

    person: Person
    automatic: float = 0.0
    manual: float = 0.0
    extra: float = 0.0
    penalty: float = 0.0
    score: float = 0.0
    handed_in: datetime | None = None
    held: str = ""
    graded: bool = True

    @property
    def student(self) -> str:
        """nbgrader's id."""
        return self.person.student

    @property
    def name(self) -> str:
        """First and last name, or "" where the gradebook knows none."""
        return f"{self.person.first_name} {self.person.last_name}".strip()

    @property
    def ids(self) -> tuple[str, ...]:
        """All that may identify the student elsewhere."""
        return (self.student, self.person.lms_user_id, self.person.email)

    def said(self, what: str) -> str:
        """What the gradebook says of the student: ``student``, ``email``, ``name``, … or ""."""
        if what == "sortable_name":
            last, first = self.person.last_name, self.person.first_name
            return f"{last}, {first}" if last and first else self.name or self.student
        return str(getattr(self.person, what, "")) if what else ""


@dataclass(frozen=True)
class ClassGrades:
    """An assignment's class.

    Attributes:
        assignment: its name.
        grades: of all who handed something in, sorted by student.
        absent: students of the gradebook who did not.
        max_automatic: points of the tests.
        max_manual: points of the written answers.
    """

    assignment: str
    grades: tuple[Grade, ...]
    absent: tuple[Person, ...]
    max_automatic: float
    max_manual: float

    @property
    def max_score(self) -> float:
        """Points to be had, without extra credit."""
        return self.max_automatic + self.max_manual


def read_grades(course: Course, assignment: str) -> ClassGrades:
    """Read a class's grades from the gradebook.

    Raises:
        UsageError: there is no such assignment, or nothing of it is on record.
        MachineryError: the gradebook cannot be read.
    """
    gathered = gather(course, assignment)
    grades = [_grade(course, assignment, one) for one in gathered.submissions]
    grades += [
        Grade(person, held="handed in, and not graded yet", graded=False)
        for person in gathered.ungraded
    ]
    automatic, manual = _most(gathered)
    return ClassGrades(
        assignment,
        tuple(sorted(grades, key=lambda grade: grade.student)),
        gathered.absent,
        automatic,
        manual,
    )


def _most(gathered: Gathered) -> tuple[float, float]:
    """Points of tests and of written answers.

    They are the same for the whole class, but for who was graded before a cell was added.
    """
    results = [one.result for one in gathered.submissions]
    return max((result.max_score, sum(test.points for test in result.manual)) for result in results)


def _grade(course: Course, assignment: str, submission: Submission) -> Grade:
    return Grade(
        submission.person,
        submission.automatic,
        submission.manual,
        submission.extra_credit,
        submission.penalty,
        submission.total,
        submission.handed_in,
        _held(course, assignment, submission),
    )


def _held(course: Course, assignment: str, submission: Submission) -> str:
    waiting = [submission.result.title(test) for test in submission.waiting]
    if waiting:
        listed = ", ".join(waiting[:SHOWN]) + (", …" if len(waiting) > SHOWN else "")
        return f"waiting for points: {listed}"
    again = _is_changed(course, assignment, submission)
    return "handed in again, and that is not graded yet" if again else ""


def _is_changed(course: Course, assignment: str, submission: Submission) -> bool:
    """Whether what lies there is not what was graded; by its time where nothing else is kept."""
    folder = course.submitted / submission.student / assignment
    graded = kept_content(course, assignment, submission.student)
    if graded and folder.is_dir():
        return content_hash(folder) != graded
    later, _ = handed_in_at(folder)
    if later is None or submission.handed_in is None:
        return False
    return later.replace(tzinfo=None) > submission.handed_in.replace(tzinfo=None)
