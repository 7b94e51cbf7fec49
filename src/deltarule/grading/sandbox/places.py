"""Folders outside of a sandbox: for one fork server, removed whatever a student left there.

A grader that is killed cannot remove its own; the next one does. A lock tells which are in use.
"""

# Everything below is done by descriptors and single names: a student's path can be longer than any
# call takes, and deeper than Python recurses.
# ruff: noqa: PTH106, PTH208

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import tempfile
from pathlib import Path

from deltarule.grading.sandbox.cell_outcomes import Over

__all__ = ["Place", "remove", "size_of", "trimmed"]

PREFIX = "deltarule-sandbox-"
LOCK = "lock"
MOST_ROUNDS = 5000
"""Levels of folders that are removed before it is given up."""

DEEPEST = 64
LEAST = 16 * 1024
"""Bytes that an entry of a folder counts for at least, so that their number is limited too."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Place:
    """A folder of the grader's that only one fork server uses.

    Attributes:
        path: it can be entered by everybody, and read by nobody else.
    """

    def __init__(self) -> None:
        _remove_left_ones()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.path.chmod(0o711)
        unlocked = self.path / "unlocked"
        self._lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unlocked.rename(self.path / LOCK)  # nobody finds it before it is locked

    def close(self) -> None:
        """Remove it."""
        remove(self.path)
        os.close(self._lock)


def _remove_left_ones() -> None:
    """Remove the folders of graders that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid != os.geteuid():
                continue
            lock = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(path)
            finally:
                os.close(lock)


def remove(folder: Path) -> None:
    """Remove a folder that no process uses any more; follows no links."""
    with contextlib.suppress(OSError):
        top = os.open(folder, FOLDER)
        try:
            for _ in range(MOST_ROUNDS):
                names = os.listdir(top)
                if not names:
                    os.rmdir(folder)
                    break
                for name in names:
                    _take_away(top, name)
        finally:
            os.close(top)


def _take_away(top: int, name: str) -> None:
    """Remove a file; of a folder, move what is in it up to ``top``, where its turn comes."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=top)
            return
        os.chmod(name, stat.S_IRWXU, dir_fd=top)
        inside = os.open(name, FOLDER, dir_fd=top)
        try:
            for below in os.listdir(inside):
                if stat.S_ISDIR(os.stat(below, dir_fd=inside, follow_symlinks=False).st_mode):
                    os.chmod(below, stat.S_IRWXU, dir_fd=inside)  # or it cannot be moved
                new = f"removed-{os.urandom(8).hex()}"
                os.rename(below, new, src_dir_fd=inside, dst_dir_fd=top)
        finally:
            os.close(inside)
        os.rmdir(name, dir_fd=top)


def size_of(folder: Path, enough: int) -> int:
    """Bytes of the files below a folder; stops counting above ``enough``; follows no links.

    Raises:
        Over: folders are nested so deeply, or closed, that nobody can count.
    """
    total, waiting = 0, [(folder, 0)]
    while waiting and total <= enough:
        path, depth = waiting.pop()
        if depth > DEEPEST:
            raise Over("disk", f"folders were nested more than {DEEPEST} deep")
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    total += LEAST
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append((path / entry.name, depth + 1))
                        used = entry.stat(follow_symlinks=False).st_blocks * 512
                        total += max(0, used - LEAST)
                    if total > enough:
                        break
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Over("disk", f"a folder cannot be read: {error.strerror}") from None
    return total


def trimmed(folder: Path, most: int) -> int:
    """Remove the newest of what is in a sandbox's folders until it takes no more than ``most``.

    Args:
        folder: with the folders in which a submission writes.
        most: bytes that may stay.

    Returns:
        Bytes that are left.

    Raises:
        Over: somebody has made folders that nobody can count.
    """
    left = size_of(folder, sys.maxsize)
    if left <= most:
        return left
    entries = [inner for outer in folder.iterdir() for inner in outer.iterdir()]
    for one in sorted(entries, key=lambda one: one.lstat().st_mtime_ns, reverse=True):
        if one.is_dir() and not one.is_symlink():
            left -= size_of(one, sys.maxsize)
            remove(one)
        else:
            left -= max(LEAST, one.lstat().st_blocks * 512)
            one.unlink()
        if left <= most:
            break
    return size_of(folder, sys.maxsize)
