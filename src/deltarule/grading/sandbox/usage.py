"""What a submission takes of the machine: processes, memory, files, seen from outside.

Limits of the kernel hold for single processes; here a whole submission is added up, a few times a
second while the grader waits for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deltarule.grading.child import processes
from deltarule.grading.child.settings import Limits
from deltarule.grading.sandbox.cell_outcomes import CellOutcome, Over
from deltarule.grading.sandbox.channel import Channel, Gone, Silent
from deltarule.grading.sandbox.places import remove, size_of, trimmed
from deltarule.grading.sandbox.recording import Recording

__all__ = ["ANSWER_SECONDS", "Handles", "Usage"]

ANSWER_SECONDS = 20.0
"""How long a process may take to say that it is ready; it normally takes milliseconds."""

MOST_DISKS = 2
"""How many times the limit on files those may take that were written before it struck."""


@dataclass(frozen=True)
class Handles:
    """What the fork server's client hands over.

    Attributes:
        keeper: channel to process 1 of the sandbox.
        pid: that process, in the grader's numbers.
        recording: the files through which its outputs come.
        folder: the child's folder where the grader can see it, or None.
        end: ends the sandbox with all that is in it.
    """

    keeper: Channel
    pid: int
    recording: Recording
    folder: Path | None
    end: Callable[[], None]


class Usage:
    """Compares what a submission takes with what it may.

    Args:
        handles: of its sandbox.
        limits: what it may take.

    Attributes:
        family: its processes.
    """

    def __init__(self, handles: Handles, limits: Limits) -> None:
        self.family = processes.Family(handles.pid)
        self._handles = handles
        self._limits = limits
        self._disk = limits.disk_bytes

    def check(self) -> None:
        """See whether the submission takes more than it may.

        Raises:
            Over: it does.
            Gone: its process 1 has ended.
        """
        limits = self._limits
        below = self.family.look()
        if len(below) > limits.processes:
            raise Over("processes", f"more than {limits.processes} processes were started")
        folder = self._handles.folder
        if folder is not None and size_of(folder, self._disk) > self._disk:
            said = f"more than {_mb(limits.disk_bytes)} were written to files"
            raise Over("disk", said)
        free = limits.memory_bytes - self._handles.recording.held()
        in_files = limits.disk_bytes + limits.shared_bytes if folder is None else 0
        used = processes.memory(below, free - in_files)
        if used + in_files > free and used + self._memory_in_files() > free:
            said = f"more than {_mb(limits.memory_bytes)} of memory were in use"
            raise Over("memory", said)

    def allow_files(self, outcome: CellOutcome) -> None:
        """What a cell has written beyond the limit is not held against those that follow.

        It stays, but for folders that nobody can count, and for the newest of what is more than
        :data:`MOST_DISKS` allow. In the tier ``namespaces`` the disk is full then, and there is
        nothing to do.
        """
        folder, disk = self._handles.folder, self._limits.disk_bytes
        if folder is None or outcome.struck is None or outcome.struck.limit != "disk":
            return
        with contextlib.suppress(OSError):
            for one in (inner for outer in folder.iterdir() for inner in outer.iterdir()):
                try:
                    if one.is_dir() and not one.is_symlink():
                        size_of(one, MOST_DISKS * disk)
                except Over:
                    remove(one)
        with contextlib.suppress(Over, OSError):
            left = trimmed(folder, MOST_DISKS * disk - disk // 10)
            self._disk = min(MOST_DISKS * disk, max(self._disk, left) + disk // 10)

    def _memory_in_files(self) -> int:
        """Bytes of the work folder and of shared memory, where these take memory."""
        try:
            used = self._handles.keeper.ask({"usage": True}, ANSWER_SECONDS).get("used")
        except Silent:
            raise Gone("process 1 does not answer") from None
        return used if isinstance(used, int) else 0


def _mb(size: int) -> str:
    return f"{size / 2**20:.0f} MB"
