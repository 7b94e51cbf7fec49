"""The folder of one graded submission: made aside, exchanged in one step, given back on failure.

::

    autograded/ann/.lab04-recording-x1y2/new   is filled ──► autograded/ann/lab04
    autograded/ann/.lab04-recording-x1y2/old   what stood there, until the exchange is kept

Nothing in a submission's folder is trusted: links, pipes, sockets and devices are not copied, nor
what exceeds the sizes that nbgrader's configuration allows.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

__all__ = ["CopyRules", "copy_submitted", "copy_tree", "exchanged", "set_permissions", "staging"]

MOST_ENTRIES = 10_000
"""Files and folders of a submission: beyond what any course asks for, and copied in seconds."""

DEEPEST = 50
"""Levels of folders; deeper ones are there to break whoever walks through them."""

DISK_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})
"""What is wrong with this machine, and not with one file of a submission."""


@dataclass(frozen=True)
class CopyRules:
    """What is copied of a folder.

    Attributes:
        ignore: patterns for the names of files and folders that are left out.
        largest_file: bytes.
        largest_total: bytes of all files together.
    """

    ignore: tuple[str, ...]
    largest_file: int
    largest_total: int

    def ignores(self, name: str) -> bool:
        """Whether a file or folder of this name is left out."""
        return any(fnmatch(name, pattern) for pattern in self.ignore)


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """An empty folder beside ``target``, on its disk, to be filled and then exchanged with it.

    What a killed process left beside ``target`` is put right first: an old folder that was aside
    goes back to its place if that is empty, the rest is removed.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}-recording-"
    for left_over in list(target.parent.iterdir()):
        if left_over.name.startswith(prefix):
            _put_back(left_over / "old", target)
            shutil.rmtree(left_over, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    try:
        new = scratch / "new"
        new.mkdir()
        yield new
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def exchanged(new: Path, target: Path) -> Iterator[None]:
    """Put the finished folder ``new`` in the place of ``target``.

    If the body raises, or the exchange itself fails, both are where they were before. The old
    folder goes with the staging folder that ``new`` stands in.

    Raises:
        OSError: a folder cannot be moved.
    """
    old = new.with_name("old")
    try:
        if target.exists():
            target.replace(old)
        new.replace(target)
        yield
    except BaseException:
        if not new.exists():
            target.replace(new)
        _put_back(old, target)
        raise


def _put_back(old: Path, target: Path) -> None:
    if old.exists() and not target.exists():
        old.replace(target)


def copy_tree(source: Path, target: Path, rules: CopyRules, leave_out: Collection[Path]) -> None:
    """Copy an author's files; these are trusted, and every one is needed.

    Args:
        source: where they are.
        target: where they go.
        rules: only ``ignore`` counts.
        leave_out: files that are not copied, relative to ``source``.

    Raises:
        OSError: a file cannot be read or written.
    """
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not rules.ignores(name)]
        for name in names:
            path = Path(folder) / name
            relative = path.relative_to(source)
            if not rules.ignores(name) and relative not in leave_out:
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / relative)


def copy_submitted(source: Path, target: Path, rules: CopyRules) -> list[str]:
    """Copy what a student handed in beside the notebooks, where nothing stands yet.

    Args:
        source: the submission's folder.
        target: a folder that nobody else writes into.
        rules: what is left out, and how much is too much.

    Returns:
        What is too large, too much or unreadable and was not copied, for a log.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    left_out: list[str] = []
    total = 0
    for path, size in _regular_files(source, rules, left_out):
        relative = path.relative_to(source)
        if size > rules.largest_file or total + size > rules.largest_total:
            left_out.append(f"{relative} ({size} bytes)")
            continue
        total += size
        try:
            _copy_new(path, target / relative)
        except OSError as error:
            if error.errno in DISK_FAULTS:
                raise
            left_out.append(f"{relative} ({error.strerror})")
    return left_out


def _regular_files(
    source: Path, rules: CopyRules, left_out: list[str]
) -> Iterator[tuple[Path, int]]:
    """The regular files below ``source`` with their sizes, sorted; no link is followed."""
    waiting = [(source, 0)]
    room = MOST_ENTRIES
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(islice(found, room + 1), key=lambda entry: entry.name)
        except OSError as error:
            left_out.append(f"{folder.relative_to(source)} ({error.strerror})")
            continue
        for entry in entries:
            room -= 1
            if room < 0:
                left_out.append(f"what comes after {MOST_ENTRIES} files and folders")
                return
            if rules.ignores(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                yield Path(entry.path), entry.stat(follow_symlinks=False).st_size
            elif entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                waiting.append((Path(entry.path), depth + 1))


def _copy_new(source: Path, target: Path) -> None:
    """Copy one file; what stands at ``target`` already is the author's and stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read:
        try:
            written = target.open("xb")
        except FileExistsError:
            return
        with written:
            shutil.copyfileobj(read, written)


def set_permissions(folder: Path, files: int, group: bool) -> None:
    """Set the modes below ``folder``, as nbgrader does.

    Args:
        folder: the folder of one submission.
        files: mode of every file.
        group: whether the folders are to be writable for, and inherited by, their group.
    """
    for name, _, names in os.walk(folder):
        for file in names:
            Path(name, file).chmod(files)
        if group:
            share(Path(name))


def share(folder: Path) -> None:
    """Let the group of a folder write into it; somebody else's folder stays as it is."""
    mode = folder.stat().st_mode & 0o7777
    if mode & 0o2770 != 0o2770:
        try:
            folder.chmod(mode | 0o2770)
        except PermissionError:
            return
