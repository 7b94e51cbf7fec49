"""Lay files out as ``submitted/<student>/<assignment>/<notebook>.ipynb``, and lose none there.

What lies there already is exchanged only for what surely came later: by its time, or by the number
that the system gave the file. Both are noted in ``build/collected/`` for each notebook, together
with the content they belong to. Where the note is lost, the folder's ``timestamp.txt`` counts, if
there is one; where somebody changed the file, only ``--force`` writes over it.

That file has one time for all notebooks of a student: the last of theirs. Files are written one by
one, each whole or not at all, and whoever is stopped in the middle types the command again.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
                _write(folder, decided, notes)
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
    there = _time_there(folder)
    decided = []
    for one in own:
        path = folder / f"{one.notebook}.ipynb"
        decided.append(Placed(one, *_outcome(path, one, there, notes, force)))
    if there is not None and _time_after(folder, decided, notes) is None:
        removed = f"{TIME_FILE} was of the earlier one, and is removed"
        decided = [
            replace(one, why=removed) if one.outcome in ("later", "forced") else one
            for one in decided
        ]
    return decided


def _outcome(
    path: Path, one: Taken, there: datetime | None, notes: _Notes, force: bool
) -> tuple[str, str]:
    """Whether a file goes to a place, and why, or why not."""
    if path.is_symlink() or path.is_dir():
        return "kept", f"{path} is a link or a folder; move it away"
    if not path.exists():
        return "new", ""
    digest = _digest(path)
    if digest == one.digest:
        return "same", ""
    if force:
        return "forced", ""
    note = notes.of(one.student, one.notebook)
    unknown = "kept", "another one is there, and nothing says which is later; see --force"
    if note is not None and note.digest != digest:  # somebody changed it
        return unknown
    noted, order = (note.when, note.order) if note is not None else (None, None)
    when = noted or there
    if one.when is not None and when is not None:
        seconds = (one.when - when).total_seconds()
    elif one.order is not None and order is not None:
        seconds = one.order - order
    else:
        return unknown
    if seconds > 0:
        return "later", ""
    if seconds == 0:
        return unknown
    if one.when is not None and noted is None:
        return "kept", f"{TIME_FILE} there has a later time; see --force"
    return "kept", "the one that is there was handed in later; see --force"


def _write(folder: Path, decided: Sequence[Placed], notes: _Notes) -> None:
    """Write the files, and the time of the last of them as nbgrader reads it."""
    there, when = _time_there(folder), _time_after(folder, decided, notes)
    for one in decided:
        if one.outcome in WRITTEN:
            content = one.taken.path.read_bytes()
            write_atomic(folder / f"{one.taken.notebook}.ipynb", content)
    if when is not None and when != there:
        write_atomic(folder / TIME_FILE, f"{when:%Y-%m-%d %H:%M:%S} UTC\n")
    elif when is None and any(one.outcome in ("later", "forced") for one in decided):
        (folder / TIME_FILE).unlink(missing_ok=True)


def _time_there(folder: Path) -> datetime | None:
    """The time that a folder has."""
    there, _ = handed_in_at(folder)
    return there.replace(tzinfo=UTC) if there is not None else None


def _time_after(folder: Path, decided: Sequence[Placed], notes: _Notes) -> datetime | None:
    """The time that a folder is to have: the last of the notebooks that will lie there.

    One of which no time is noted has the folder's. The time goes back only by force, or where a
    file without a time takes another one's place.
    """
    there = _time_there(folder)
    placed = {one.taken.notebook: one for one in decided if one.outcome != "kept"}
    if not placed:
        return there
    times = [notes.after(one).when for one in placed.values()]
    student = decided[0].taken.student
    others = [path for path in folder.glob("*.ipynb") if path.stem not in placed]
    times += [notes.time_of(student, path) or there for path in others]
    if not any(_may_set_back(one) for one in placed.values()):
        times.append(there)
    return max((one for one in times if one is not None), default=None)


def _may_set_back(one: Placed) -> bool:
    return one.outcome == "forced" or (one.outcome == "later" and one.taken.when is None)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class _Note:
    """What is known about a file that was placed.

    Attributes:
        digest: SHA-256 of its content.
        order: the system's number; None if it has none.
        when: when it was handed in, in UTC; None if nothing said so.
    """

    digest: str
    order: int | None
    when: datetime | None


class _Notes:
    """What is known about the files that were placed, by student and notebook."""

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

    def of(self, student: str, notebook: str) -> _Note | None:
        """What was noted when a notebook was placed; None if nothing was."""
        note = self._notes.get(f"{student}/{notebook}")
        if not isinstance(note, dict):
            return None
        order = note.get("order")
        when = _read_time(note.get("when"))
        return _Note(str(note.get("sha256")), order if isinstance(order, int) else None, when)

    def time_of(self, student: str, path: Path) -> datetime | None:
        """The time of what lies in a file's place, if it is still what was placed there."""
        note = self.of(student, path.stem)
        if note is None or path.is_symlink() or not path.is_file():
            return None
        return note.when if note.digest == _digest(path) else None

    def after(self, one: Placed) -> _Note:
        """What is to be noted of a file that was placed; the same one again is no older by it."""
        taken = one.taken
        order, when = taken.order, taken.when.astimezone(UTC) if taken.when is not None else None
        note = self.of(taken.student, taken.notebook)
        if one.outcome == "same" and note is not None and note.digest == taken.digest:
            order = max((n for n in (order, note.order) if n is not None), default=None)
            when = max((t for t in (when, note.when) if t is not None), default=None)
        return _Note(taken.digest, order, when)

    def keep(self, decided: Iterable[Placed]) -> None:
        """Note what was placed now."""
        for one in decided:
            if one.outcome != "kept":
                note = self.after(one)
                when = note.when.isoformat() if note.when is not None else None
                told = {"order": note.order, "sha256": note.digest, "when": when}
                key = f"{one.taken.student}/{one.taken.notebook}"
                self._notes[key] = {what: said for what, said in told.items() if said is not None}

    def write(self) -> None:
        """Put the notes on the disk."""
        if self._notes:
            write_atomic(self._path, json.dumps(self._notes, indent=1, sort_keys=True))


def _read_time(said: object) -> datetime | None:
    """A noted time; None where there is none, as in the notes of an earlier version."""
    try:
        when = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return when if when is not None and when.tzinfo is not None else None
