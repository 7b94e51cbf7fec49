"""Lay files out as ``submitted/<student>/<assignment>/<notebook>.ipynb``, and lose none there.

What lies there already is exchanged only for what surely came later: by its time, or by the number
that the system gave the file. That number is noted in ``build/collected/``, together with the
content it belongs to; where the note is lost, or somebody changed the file, only ``--force`` writes
over it. Files are written one by one, each whole or not at all, and whoever is stopped in the
middle types the command again.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltarule.config import Course, write_atomic
from deltarule.errors import MachineryError
from deltarule.grading.inbox import handed_in_at, obstacle
from deltarule.lms.sorting import Taken

__all__ = ["Placed", "place"]

TIME_FILE = "timestamp.txt"
WRITTEN = frozenset({"new", "later", "forced"})


@dataclass(frozen=True)
class Placed:
    """What became of a file.

    Attributes:
        taken: the file.
        outcome: ``new``, ``later`` (than what was there), ``same``, ``forced``, or ``kept``: what
            is there stays.
        why: what to know about it.
    """

    taken: Taken
    outcome: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        one = self.taken
        return {
            "student": one.student,
            "name": one.name,
            "notebook": one.notebook,
            "member": one.member,
            "handed_in": one.when.astimezone(UTC).isoformat() if one.when else None,
            "late": one.late,
            "outcome": self.outcome,
            "notes": [note for note in (self.why, one.note) if note],
        }


def place(
    course: Course, assignment: str, files: Iterable[Taken], *, force: bool, dry_run: bool
) -> list[Placed]:
    """Put files into ``submitted/``.

    Args:
        course: whose folder it is.
        assignment: its name.
        files: one at most for each student and notebook.
        force: write over whatever is there.
        dry_run: say what would be done.

    Raises:
        MachineryError: a file cannot be read or written; what was written before stands.
    """
    notes = _Notes.read(course, assignment)
    students: dict[str, list[Taken]] = defaultdict(list)
    for one in files:
        students[one.student].append(one)
    placed: list[Placed] = []
    try:
        for student, own in sorted(students.items()):
            folder = course.submitted / student / assignment
            decided = _decided(folder, own, notes, force)
            if not dry_run:
                _write(folder, decided)
                notes.keep(decided)
            placed += decided
    except OSError as error:
        raise MachineryError(
            f"{error}\nMake room on the disk, or see who may write there; then type the command "
            "again. What was placed before stands."
        ) from error
    finally:
        if not dry_run:
            notes.write()
    return placed


def _decided(folder: Path, own: Sequence[Taken], notes: _Notes, force: bool) -> list[Placed]:
    for place_ in (folder.parent, folder):
        problem = obstacle(place_) if place_.is_symlink() or place_.exists() else ""
        if problem:
            return [Placed(one, "kept", problem) for one in own]
    there, _ = handed_in_at(folder)
    decided = []
    for one in own:
        path = folder / f"{one.notebook}.ipynb"
        outcome, why = _outcome(path, one, there, notes, force)
        if outcome in WRITTEN and outcome != "new" and one.when is None and there is not None:
            why = f"{why}; {TIME_FILE} was of the earlier one, and is removed".lstrip("; ")
        decided.append(Placed(one, outcome, why))
    return decided


def _outcome(
    path: Path, one: Taken, there: datetime | None, notes: _Notes, force: bool
) -> tuple[str, str]:
    """Whether a file goes to a place, and why, or why not."""
    if path.is_symlink() or path.is_dir():
        return "kept", f"{path} is a link or a folder; move it away"
    if not path.exists():
        return "new", ""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest == one.digest:
        return "same", ""
    if force:
        return "forced", ""
    order = notes.order(one, digest)
    if one.when is not None and there is not None:
        later = one.when.astimezone(UTC).replace(tzinfo=None) - there.replace(tzinfo=None)
        seconds = later.total_seconds()
    elif one.order is not None and order is not None:
        seconds = one.order - order
    else:
        return "kept", "another one is there, and nothing says which is later; see --force"
    if seconds > 0:
        return "later", ""
    return "kept", "the one that is there was handed in later; see --force"


def _write(folder: Path, decided: Sequence[Placed]) -> None:
    """Write the files, and the time of the last of them as nbgrader reads it."""
    written = [one for one in decided if one.outcome in WRITTEN]
    for one in written:
        content = one.taken.path.read_bytes()
        write_atomic(folder / f"{one.taken.notebook}.ipynb", content)
    times = [one.taken.when for one in decided if one.outcome != "kept" and one.taken.when]
    there, _ = handed_in_at(folder)
    if times:
        last = max(times).astimezone(UTC)
        if written or there is None or there.replace(tzinfo=UTC) < last:
            write_atomic(folder / TIME_FILE, f"{last:%Y-%m-%d %H:%M:%S} UTC\n")
    elif any(one.outcome in ("later", "forced") for one in written):
        (folder / TIME_FILE).unlink(missing_ok=True)


class _Notes:
    """What is known about the files that were placed: their contents and the system's numbers."""

    def __init__(self, path: Path, read: Mapping[str, Any]) -> None:
        self._path = path
        self._notes = dict(read)

    @classmethod
    def read(cls, course: Course, assignment: str) -> _Notes:
        path = course.build / "collected" / f"{assignment}.json"
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            read = {}
        return cls(path, read if isinstance(read, dict) else {})

    def order(self, one: Taken, digest: str) -> int | None:
        """The number of what lies in a file's place, if it is still what was placed there."""
        note = self._notes.get(f"{one.student}/{one.notebook}")
        if not isinstance(note, dict) or note.get("sha256") != digest:
            return None
        order = note.get("order")
        return order if isinstance(order, int) else None

    def keep(self, decided: Iterable[Placed]) -> None:
        """Note what was placed now."""
        for one in decided:
            if one.outcome != "kept" and one.taken.order is not None:
                key = f"{one.taken.student}/{one.taken.notebook}"
                self._notes[key] = {"order": one.taken.order, "sha256": one.taken.digest}

    def write(self) -> None:
        """Put the notes on the disk."""
        if self._notes:
            write_atomic(self._path, json.dumps(self._notes, indent=1, sort_keys=True))
