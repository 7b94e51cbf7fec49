"""What came of a cell that ran in a sandbox: its outputs, its error, the limit that it hit.

What the child claims about an error is a student's to forge: every entry is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deltarule.grading.sandbox.outputs import number

__all__ = ["CellError", "CellOutcome", "Over", "Struck", "claimed"]

ERRORS = {"MemoryError": "memory", 11: "processes", 12: "memory", 27: "disk", 28: "disk"}
"""Errors that say that a limit was hit: names of types, and numbers of operating system errors."""

SAYINGS = {"can't start new thread": "processes", "can't allocate memory": "memory"}
"""Parts of messages that say so where neither type nor number does: of threading, of torch."""

LONGEST_NAME, LONGEST_MESSAGE = 500, 2000

NAMES = {
    "memory": "there was no more memory to be had",
    "processes": "no more processes or threads could be started",
    "disk": "no more could be written to files",
}


@dataclass(frozen=True)
class CellError:
    """What a cell raised: its type's name, the text, and where in the notebook."""

    type: str
    message: str
    cell: str
    line: int


@dataclass(frozen=True)
class Struck:
    """A limit that ended a cell.

    Attributes:
        limit: ``time``, ``memory``, ``processes``, ``disk``, or ``ended`` where the process ended
            itself.
        message: what happened, for the student.
        cell: the cell of the last line that ran, or "".
        line: that line, or 0 where it is not known.
    """

    limit: str
    message: str
    cell: str = ""
    line: int = 0


@dataclass(frozen=True)
class CellOutcome:
    """What came of a cell.

    Attributes:
        cell: its id.
        outputs: nbformat outputs; a later cell's display update changes them in place.
        error: what it raised.
        struck: the limit that it hit; with an error, the limit that the error speaks of.
        seconds: it took.
        count: its execution count, or None where it did not come to its end or is empty.
        finished: whether it came to its end, with an error or without.
    """

    cell: str
    outputs: list[dict[str, Any]]
    error: CellError | None
    struck: Struck | None
    seconds: float
    count: int | None = None
    finished: bool = False


class Over(Exception):
    """A limit that the grader watches was exceeded."""

    def __init__(self, limit: str, message: str) -> None:
        self.limit, self.message = limit, message
        super().__init__(message)


def claimed(
    cell: str, items: list[dict[str, Any]], answer: dict[str, Any], seconds: float
) -> CellOutcome:
    """The outcome that a runner claims, with every entry checked."""
    told, count = answer.get("error"), answer.get("count")
    error, struck = None, None
    if isinstance(told, dict):
        error = CellError(
            _text(told, "type", LONGEST_NAME),
            _text(told, "message", LONGEST_MESSAGE),
            _text(told, "cell", LONGEST_NAME),
            number(told.get("line")) or 0,
        )
        code = told.get("errno")
        limit = ERRORS.get(error.type) or ERRORS.get(code if isinstance(code, int) else 0)
        for saying, which in SAYINGS.items():
            limit = which if saying in error.message else limit
        if limit is not None:
            struck = Struck(limit, NAMES[limit], error.cell, error.line)
    return CellOutcome(cell, items, error, struck, seconds, number(count), finished=True)


def _text(record: dict[str, Any], name: str, longest: int) -> str:
    value = record.get(name)
    return value[:longest].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
