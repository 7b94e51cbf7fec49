"""``deltarule collect``: an LMS's download of one assignment, laid out under ``submitted/``."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from deltarule.config import Course
from deltarule.errors import MachineryError, UsageError
from deltarule.grading.plan import plan_assignment
from deltarule.lms.archive import Archive
from deltarule.lms.placing import Placed, place
from deltarule.lms.rosters import Roster, read_roster
from deltarule.lms.sorting import Left, sort_download
from deltarule.lms.systems import the_system

__all__ = ["Collected", "collect_download"]


@dataclass(frozen=True)
class Collected:
    """What came of a download. Every file of it is in ``placed`` or in ``left``.

    Attributes:
        assignment: its name.
        system: where it comes from.
        placed: files that are a student's notebook, sorted by student.
        left: the others, with reasons.
        missing: by student, notebooks of the assignment that the student has not handed in.
        absent: persons of the roster of whom the download has nothing.
        dry_run: whether nothing was written.
    """

    assignment: str
    system: str
    placed: tuple[Placed, ...]
    left: tuple[Left, ...]
    missing: dict[str, tuple[str, ...]]
    absent: tuple[str, ...]
    dry_run: bool

    @property
    def students(self) -> list[str]:
        """Who has something placed."""
        return sorted({one.taken.student for one in self.placed})

    @property
    def to_look_at(self) -> list[str]:
        """What a person has to decide, one line each."""
        kept = [
            f"{one.taken.student}: {one.taken.member}: {one.why}"
            for one in self.placed
            if one.outcome == "kept"
        ]
        return kept + [f"{one.member}: {one.why}" for one in self.left if not one.expected]

    @property
    def untimed_late(self) -> list[str]:
        """Students whom the system calls late without saying when they handed in."""
        late = {p.taken.student for p in self.placed if p.taken.late and p.taken.when is None}
        return sorted(late)

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "assignment": self.assignment,
            "from": self.system,
            "dry_run": self.dry_run,
            "placed": [one.as_json() for one in self.placed],
            "left": [asdict(one) for one in self.left],
            "missing": {student: list(names) for student, names in self.missing.items()},
            "absent": list(self.absent),
            "late_without_time": self.untimed_late,
        }


def collect_download(
    course: Course,
    assignment: str,
    file: Path,
    system_name: str,
    *,
    roster_file: Path | None = None,
    zone: tzinfo | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> Collected:
    """Lay a download out under ``submitted/``.

    Args:
        course: with the assignment.
        assignment: its name.
        file: the zip file.
        system_name: where it comes from: ``canvas``, ``moodle`` or ``brightspace``.
        roster_file: the system's own export of its gradebook; says who is who.
        zone: of the times in it; None for this machine's.
        force: write over whatever is there.
        dry_run: write nothing.

    Raises:
        UsageError: there is no such assignment, the file is no download of this system, or the
            roster is none.
        AuthoringError: a source of the assignment has mistakes.
        MachineryError: the disk is full or cannot be written.
    """
    system = the_system(system_name)
    roster = read_roster(roster_file, system) if roster_file is not None else None
    plan = plan_assignment(course, assignment)
    try:
        with Archive(file) as archive, tempfile.TemporaryDirectory() as scratch:
            found = sort_download(
                plan,
                archive,
                system,
                Path(scratch),
                roster=roster,
                known=_known_students(course, assignment),
                zone=zone,
            )
            placed = place(course, assignment, found.taken, force=force, dry_run=dry_run)
    except OSError as error:
        raise MachineryError(f"{error}; make room on the disk and type it again") from error
    has: dict[str, set[str]] = {}
    for one in placed:
        has.setdefault(one.taken.student, set()).add(one.taken.notebook)
    names = [notebook.name for notebook in plan.notebooks]
    missing = {
        student: left_out
        for student, own in sorted(has.items())
        if (left_out := tuple(name for name in names if name not in own))
    }
    return Collected(
        assignment,
        system.name,
        tuple(placed),
        found.left,
        missing,
        _absent(roster, set(has)),
        dry_run,
    )


def _known_students(course: Course, assignment: str) -> set[str]:
    """The students of whom the course has something already, and those of the gradebook."""
    from deltarule.bridge.class_grades import read_class_grades
    from deltarule.bridge.release import course_directory

    there = course.submitted.iterdir() if course.submitted.is_dir() else ()
    names = {path.name for path in there if path.is_dir()}
    coursedir, _ = course_directory(course, assignment)
    try:
        grades = read_class_grades(coursedir.db_url, assignment)
    except UsageError:  # nothing is on record yet
        return names
    return names | {one.student for one in (*grades.submitted, *grades.absent)}


def _absent(roster: Roster | None, students: set[str]) -> tuple[str, ...]:
    """Who is on the roster and has nothing in the download."""
    if roster is None:
        return ()
    return tuple(
        person.name or person.ids[0] for person in roster.people if not students & person.all_names
    )
