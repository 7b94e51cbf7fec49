"""The files in memory through which a child's outputs come: the grader holds them open too.

Nothing has to be asked of the child, so that what a cell printed is there after a crash or a kill.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from typing import Any

from deltarule.grading.sandbox.outputs import STREAMS, Outputs, records

__all__ = ["Recording"]

TRACE_SECONDS = 0.5
"""How long a process may take to say which line it is at; it cannot where it is stopped."""

LOG_OVERHEAD = 1 << 20
"""Bytes of a log beyond what the outputs themselves may take."""

LONGEST_TRACE = 1 << 16
MOST_FILES = 10_000
PAUSE = 0.002
TRACE_LINE = re.compile(rb'File "([^"]+)", line (\d+) in ')


class Recording:
    """The files of one child.

    Attributes:
        descriptors: of the log, of what is behind descriptors 1 and 2, of the traces.
        names: under which file names cells were compiled, with the cell of each.
    """

    def __init__(self) -> None:
        self.descriptors = tuple(map(_file, ("log", "out", "err", "trace")))
        self.names: dict[str, str] = {}

    def clear(self) -> None:
        """Empty all files, for a new cell."""
        for descriptor in self.descriptors:
            os.ftruncate(descriptor, 0)

    def close(self) -> None:
        """Let go of the files; a second time does nothing."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()

    def held(self) -> int:
        """Bytes of memory that the files take."""
        return sum(os.fstat(one).st_blocks * 512 for one in self.descriptors)

    def read(self, most: int, displays: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The outputs of the cell that ran last, no more than ``most`` bytes.

        Args:
            most: bytes of output that are kept.
            displays: outputs of the whole notebook by display id.
        """
        log, *sources, _ = self.descriptors
        outputs = Outputs(most, displays)
        outputs.take(records(_read_at(log, 0, 2 * most + LOG_OVERHEAD), most))
        for name, source in zip(STREAMS, sources, strict=True):
            data = _read_at(source, outputs.seen[name], most + 1)
            outputs.rest(name, data.decode("utf-8", "replace"))
        if len(self.names) < MOST_FILES:
            self.names.update(outputs.files)
        return outputs.items

    def wait_for_trace(self) -> None:
        """Wait until the process has written its trace, but not for long."""
        end = time.monotonic() + TRACE_SECONDS
        while os.fstat(self.descriptors[-1]).st_size == 0 and time.monotonic() < end:
            time.sleep(PAUSE)
        time.sleep(PAUSE)  # the rest of it

    def last_line(self) -> tuple[str, int]:
        """The cell and the line of the innermost frame in a trace; ("", 0) without one.

        Call :meth:`read` before: it takes in the name of the cell that ran.
        """
        for name, line in TRACE_LINE.findall(_read_at(self.descriptors[-1], 0, LONGEST_TRACE)):
            cell = self.names.get(name.decode("utf-8", "replace"))
            if cell is not None:
                return cell, int(line)
        return "", 0


def _file(name: str) -> int:
    """A file in memory; what is written goes to its end."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_APPEND)
    return descriptor


def _read_at(descriptor: int, offset: int, most: int) -> bytes:
    """Up to ``most`` bytes of a file from ``offset`` on; the other side may change it meanwhile."""
    pieces = []
    while most > 0 and (data := os.pread(descriptor, min(most, 1 << 20), offset)):
        pieces.append(data)
        offset, most = offset + len(data), most - len(data)
    return b"".join(pieces)
