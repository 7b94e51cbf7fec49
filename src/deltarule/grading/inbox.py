"""What lies in ``submitted/``: who handed something in, when, and whether it has changed.

Folders and names here are students' work, or were unpacked from it. Whatever they are, looking at
them takes a bounded time and ends in an answer or in a sentence about that one student.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from datetime import datetime
from pathlib import Path

__all__ = ["content_hash", "handed_in_at", "obstacle", "shown_name", "students_of"]

LONGEST_TIME = 200
"""Characters of a time; what is longer is none."""

LARGEST_READ = 64 * 2**20
"""Bytes of a file read to see whether it has changed; of a larger one, size and date count."""

MOST_ENTRIES = 10_000
DEEPEST = 50

_TIME = re.compile(r"(?!.*(?:\.\.|\s/))[\w:.,+ /-]+", re.ASCII)
"""What a time consists of. A zone that is a path would be opened as a file."""


def students_of(submitted: Path, assignment: str) -> list[str]:
    """The folders that have something for the assignment, or may have and cannot be looked into."""
    if not submitted.is_dir():
        return []
    with os.scandir(submitted) as entries:
        return sorted(entry.name for entry in entries if _has(Path(entry.path, assignment)))


def _has(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return True
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def shown_name(student: str) -> str:
    """A folder's name as a text that any file and terminal can hold."""
    return os.fsencode(student).decode("utf-8", "replace")


def obstacle(folder: Path) -> str:
    """Why a submission's folder is not looked into, and what to do; "" if it can be.

    A link may lead to the work of somebody else.
    """
    student = folder.parent.name
    if shown_name(student) != student:
        return f"{student!r} is not in UTF-8 and no name for a gradebook; rename the folder"
    if folder.is_symlink():
        return f"{folder} is a link; put the files themselves there"
    try:
        os.scandir(folder).close()
    except NotADirectoryError:
        return f"{folder} is no folder; put the notebooks into one"
    except OSError as error:
        return f"{folder} cannot be read: {error.strerror}"
    return ""


def content_hash(folder: Path) -> str:
    """A hash of the names and contents of what was handed in; no link is followed."""
    digest = hashlib.sha256()
    waiting, room = [(folder, 0)], MOST_ENTRIES
    while waiting and room > 0:
        place, depth = waiting.pop()
        try:
            with os.scandir(place) as entries:
                names = sorted(entry.name for entry, _ in zip(entries, range(room), strict=False))
        except OSError as error:
            names = []
            digest.update(f"{place.name!r} {error.errno}".encode())
        room -= len(names)
        for name in names:
            path = place / name
            digest.update(f"{os.fspath(path.relative_to(folder))!r} {_told(path)}\n".encode())
            if depth < DEEPEST and not path.is_symlink() and path.is_dir():
                waiting.append((path, depth + 1))
    return digest.hexdigest()


def _told(path: Path) -> str:
    """What a file is: a hash of its content, or what can be said without reading it."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return f"kind {stat.S_IFMT(status.st_mode)}"
        if status.st_size > LARGEST_READ:
            return f"{status.st_size} bytes of {status.st_mtime_ns}"
        with open(path, "rb", opener=opener) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable {error.errno}"


def handed_in_at(folder: Path) -> tuple[datetime | None, str]:
    """When a submission was handed in (UTC), from the file that nbgrader reads.

    Returns:
        The time, or None; and a note where the file is there and holds none. Without a time the
        one on record stays, as with nbgrader, and without one there nobody is late.
    """
    path = folder / "timestamp.txt"

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    try:
        with open(path, "rb", opener=opener) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise IsADirectoryError(0, "it is no plain file")
            content = file.read(4 * LONGEST_TIME)
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"timestamp.txt cannot be read ({error.strerror}), and no time was recorded"
    text = content.decode("utf-8", "replace").strip()
    found = _parsed(text)
    if found is not None:
        return found, ""
    shown = "".join(c if c.isprintable() else "?" for c in text[:60])
    return None, (
        f"timestamp.txt says '{shown}', which is no time, and none was recorded; write e.g. "
        "2026-11-21 12:00 UTC"
    )


def _parsed(text: str) -> datetime | None:
    from nbgrader.utils import parse_utc

    if len(text) > LONGEST_TIME or not _TIME.fullmatch(text):
        return None
    try:
        found: datetime = parse_utc(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found
