"""Every error that Deltarule raises on purpose, and the exit code that each ends a command with.

::

    DeltaruleError
    ├── UsageError           exit 2   the command was called wrongly
    ├── AuthoringError       exit 2   a source has mistakes; carries all of them, with file:line
    ├── ReleaseRefusedError  exit 2   a release would orphan submissions that already exist
    ├── MachineryError       exit 3   nbgrader, a kernel or the disk failed; no answer is wrong
    │   └── SandboxError     exit 3   there is no sandbox here in which students' code may run
    └── JudgingError         exit 3   a hidden test is written wrongly; never points for the student

Messages say what happened and what to do. Anything that is not a ``DeltaruleError`` is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "AuthoringError",
    "DeltaruleError",
    "JudgingError",
    "MachineryError",
    "Problem",
    "ReleaseRefusedError",
    "SandboxError",
    "UsageError",
]


class DeltaruleError(Exception):
    """The root of the hierarchy."""

    exit_code = 3


class UsageError(DeltaruleError):
    """The command line or the configuration asks for something that is not there."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a source: where it stands, what it is, and what to write instead.

    Attributes:
        path: the source file as the author knows it.
        line: line number, counted from 1; 0 where the whole file is meant.
        message: what is wrong and what to write instead.
        text: the offending line, without its line break.
    """

    path: Path
    line: int
    message: str
    text: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else str(self.path)
        shown = f"\n    {self.text.strip()}" if self.text.strip() else ""
        return f"{where}: {self.message}{shown}"


class AuthoringError(DeltaruleError):
    """A source does not compile. ``problems`` holds every mistake of the file, in file order."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ReleaseRefusedError(DeltaruleError):
    """Graded cells were added or removed although submissions of the assignment exist."""

    exit_code = 2


class MachineryError(DeltaruleError):
    """Something that Deltarule relies on failed."""


class SandboxError(MachineryError):
    """No sandbox of those that were allowed holds on this machine."""


class JudgingError(DeltaruleError):
    """A hidden test cannot give a verdict as it is written."""
