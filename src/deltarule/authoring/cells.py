"""What a source means: cells with a role, made of given text and homework.

::

    Notebook
    └── Cell  (plain | solution | question | answer | test | demo)
        └── parts:  Given  lines that everybody sees
                    Homework  lines of the solution, and messages for students
                    Secret  hidden tests or a mark scheme

Every version of a notebook is made from this: with the homework, with stand-ins for it, with the
secrets or without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deltarule.authoring.source import Header, Line

__all__ = ["Cell", "Given", "Homework", "Notebook", "Part", "Role", "Secret", "join", "trimmed"]


class Role(StrEnum):
    """What a cell is for."""

    PLAIN = "plain"
    SOLUTION = "solution"  # code that students complete; a test cell judges it
    QUESTION = "question"  # locked text before a written answer; holds the mark scheme
    ANSWER = "answer"  # graded by hand
    TEST = "test"  # graded by the autograder
    DEMO = "demo"  # to be run and looked at


@dataclass(frozen=True)
class Given:
    """Lines that are in every version."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Homework:
    """A homework region, or the part of one that lies in this cell.

    Attributes:
        lines: the solution.
        messages: what students read in its place.
        line: line number of ``HWBEGIN``.
        indent: white space in front of the ``HWBEGIN`` tag.
        name: the name that stands after ``HWBEGIN``, or "".
        task: what an unsolved stub calls the task, e.g. ``NeuralNetwork.backward``.
        continued: the region began in an earlier cell.
    """

    lines: tuple[Line, ...]
    messages: tuple[str, ...]
    line: int
    indent: str = ""
    name: str = ""
    task: str = ""
    continued: bool = False

    @property
    def begin(self) -> Line:
        """The line of its ``HWBEGIN``."""
        return Line(self.line, f"{self.indent}#!TAG HWBEGIN {self.name}".rstrip())


@dataclass(frozen=True)
class Secret:
    """A region between nbgrader's markers, with them: hidden tests, or a mark scheme."""

    lines: tuple[Line, ...]


Part = Given | Homework | Secret


@dataclass(frozen=True)
class Cell:
    """A cell of a course notebook.

    Attributes:
        kind: ``code``, ``markdown`` or ``raw``.
        role: what it is for.
        name: cell id and ``grade_id``; "" only for plain cells, which get an id when written.
        points: of a test or an answer.
        skip: not executed when the student version is executed.
        tags: the cell's own Jupyter tags (``hide-input`` and the like).
        tag: the line that says TEST, ANSWER or DEMO.
    """

    kind: str
    role: Role
    parts: tuple[Part, ...]
    line: int
    name: str = ""
    points: float | None = None
    skip: bool = False
    tags: tuple[str, ...] = ()
    tag: Line | None = None

    @property
    def homework(self) -> tuple[Homework, ...]:
        """The homework regions in this cell."""
        return tuple(part for part in self.parts if isinstance(part, Homework))

    @property
    def solution_lines(self) -> tuple[Line, ...]:
        """The lines of the solution, without secrets."""
        return tuple(
            line for part in self.parts if not isinstance(part, Secret) for line in part.lines
        )

    @property
    def solution(self) -> str:
        """The text of the solution version."""
        return join(self.solution_lines)

    @property
    def master(self) -> str:
        """The text with the solution and the secrets, as nbgrader's source notebook has it."""
        return join(line for part in self.parts for line in part.lines)


@dataclass(frozen=True)
class Notebook:
    """A parsed source file: what the student, solution and master notebooks are made from."""

    path: Path
    name: str
    header: Header
    kernelspec: dict[str, str]
    cells: tuple[Cell, ...] = field(repr=False)

    def total(self, role: Role) -> float:
        """The sum of the points of all cells of one role."""
        return sum(cell.points or 0.0 for cell in self.cells if cell.role is role)


def join(lines: Iterable[Line]) -> str:
    """The text of some lines to the letter, without blank lines at either end."""
    return trimmed(line.text for line in lines)


def trimmed(rows: Iterable[str]) -> str:
    """Rows as one text, without blank ones at either end."""
    texts = list(rows)  # to the letter: two blanks at a row's end are a break in Markdown
    while texts and not texts[0].strip():
        texts.pop(0)
    while texts and not texts[-1].strip():
        texts.pop()
    return "\n".join(texts)
