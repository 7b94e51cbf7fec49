"""The processes below one: who they are, how much memory they take, and how to end them all.

Used by the grader, and by the fork server of a tier without namespaces. Everything is read from
``/proc``; a process that ends meanwhile is passed over.
"""

# Called every tenth of a second, on hundreds of files.
# ruff: noqa: PTH116, PTH123, PTH208

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection

__all__ = [
    "Family",
    "children",
    "descendants",
    "lives",
    "memory",
    "sweep",
    "tasks_of_user",
]

PAGE = os.sysconf("SC_PAGE_SIZE")
THREADS = 17
"""Where the number of threads stands in ``stat``, counted from the letter of state."""

ENDED = ("", "Z", "X")
"""Letters of state of what has ended, and "" for what is gone."""

STOPPED = ("T", "t")
ROUNDS, ROUNDS_TO_STOP = 300, 100
CLEAN_ROUNDS = 2
PAUSE = 0.002
LOOKS_BEFORE_ALL_ARE_READ = 20
"""A process number that was a stranger's may come to be one of ours: all are read now and then."""


def _numbers() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read(1 << 16)
    except OSError:
        return b""


def _state_and_parent(pid: int) -> tuple[str, int]:
    """Its letter of state and its parent; "" where it is gone.

    A process whose first thread has ended while others go on is shown as ended, too, and is not.
    """
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    if len(fields) <= THREADS:
        return "", 0
    state, parent = fields[0].decode(), int(fields[1])
    return ("S" if state == "Z" and int(fields[THREADS]) > 1 else state), parent


class Family:
    """The processes below one, looked at again and again without reading about every stranger.

    Who is below ``root`` was started by one that is, and whose parent ends gets another parent
    below it: a stranger stays one as long as it lives.

    Args:
        root: the process; itself it does not count.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self._strangers: set[int] = set()
        self._looks = 0

    def look(self) -> dict[int, tuple[str, int]]:
        """The living ones, each with its letter of state and its parent."""
        if self._looks % LOOKS_BEFORE_ALL_ARE_READ == 0:
            self._strangers = {self.root}
        self._looks += 1
        numbers = _numbers()
        self._strangers.intersection_update(numbers)
        found = {pid: _state_and_parent(pid) for pid in numbers if pid not in self._strangers}
        read = {pid: (state, up) for pid, (state, up) in found.items() if state}
        own = {self.root}
        while more := {pid for pid, (_, up) in read.items() if up in own and pid not in own}:
            own |= more
        # One whose parent has ended meanwhile is neither: it is read again at the next look.
        seen = {0, *self._strangers} - {self.root}
        while more := {pid for pid, (_, up) in read.items() if up in seen and pid not in seen}:
            seen |= more
        self._strangers = (seen - {0}) | {self.root}
        own.discard(self.root)
        return {pid: read[pid] for pid in own if read[pid][0] not in ENDED}

    def below(self, pid: int) -> set[int]:
        """Those below one of the family."""
        looked = self.look()
        found = {pid}
        while more := {one for one, (_, up) in looked.items() if up in found and one not in found}:
            found |= more
        return found - {pid}


def descendants(root: int) -> list[int]:
    """Every living process below ``root``, itself not counted."""
    return list(Family(root).look())


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    return _state_and_parent(pid)[0] not in ENDED


def children(root: int) -> list[int]:
    """The living processes whose parent is ``root``."""
    return [pid for pid, (_, up) in Family(root).look().items() if up == root]


def sweep(root: int, keep: Collection[int]) -> bool:
    """Kill every process below ``root`` but those to keep; whether that succeeded.

    None is killed before all have stopped: those that stand still cannot fork, and as long as they
    are there, the limit on processes keeps the others from it. A process whose parent ends while
    the table is read can be missed, so that nobody must be found twice.
    """
    clean, family = 0, Family(root)
    for number in range(ROUNDS):
        found = {pid: state for pid, (state, _) in family.look().items() if pid not in keep}
        clean = 0 if found else clean + 1
        if clean == CLEAN_ROUNDS:
            return True
        moving = [pid for pid, state in found.items() if state not in STOPPED]
        stop = bool(moving) and number < ROUNDS_TO_STOP
        for pid in moving if stop else found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP if stop else signal.SIGKILL)
        time.sleep(PAUSE if found else 0)
    return False


def memory(pids: Collection[int], enough: int) -> int:
    """Bytes of memory of some processes together.

    Resident memory counts pages that processes share once for each. Only where that sum is more
    than ``enough`` are shares counted exactly, which is slow.
    """
    resident = {pid: _resident(pid) for pid in pids}
    total = sum(resident.values())
    if total <= enough:
        return total
    return sum(_share(pid, size) for pid, size in resident.items())


def _resident(pid: int) -> int:
    """Bytes of memory; asked of another thread where the first has ended."""
    fields = _read(pid, "statm").split()
    if fields[1:] and fields[0] == b"0":
        with contextlib.suppress(OSError):
            others = [name for name in os.listdir(f"/proc/{pid}/task") if name != str(pid)]
            fields = next((_read(pid, f"task/{name}/statm").split() for name in others), fields)
    return int(fields[1]) * PAGE if len(fields) > 1 else 0


def _share(pid: int, resident: int) -> int:
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return resident


def tasks_of_user(user: int) -> int:
    """Threads of all processes of a user, as the limit on processes counts them."""
    count = 0
    for pid in _numbers():
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == user:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count
