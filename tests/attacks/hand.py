"""A notebook that is handed in, and the register of all attacks.

An attack starts from the full solution of ``course/source/bank`` and changes it: a wrong answer
with a trick that is to hide it, an extra cell that reaches for something, a file that is none.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POINTS = {"double": 2.0, "countdown": 1.0, "scale": 2.0, "account": 2.0, "sigmoid": 2.0}
"""The automatic tests of the course, with their points."""

REACHED = "REACHED"
"""What an attack prints where it has got at something."""

SECRET = "nightingale-4711"
"""Stands in the environment of the grader."""

ATTACKS: dict[str, Attack] = {}


@dataclass(frozen=True)
class Target:
    """What attacks aim at on the machine that grades.

    Attributes:
        course: the course's folder.
        outside: a folder that everybody may write into, with a file ``canary``.
        grader: process id of the grader.
        port: of a TCP socket that listens on loopback.
        abstract: the name of a Unix socket that listens.
    """

    course: Path
    outside: Path
    grader: int
    port: int
    abstract: str


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: the student's name.
        what: what it tries, in a sentence.
        row: the row of the table in ``docs/attacks.md`` that it belongs to.
        make: changes a solved notebook.
        deserves: points by test; the tests that are left out deserve all of theirs.
        spares_stock: whether stock nbgrader is spared it, since it could harm the machine.
    """

    name: str
    what: str
    row: str
    make: Callable[[Handed], None]
    deserves: dict[str, float]
    spares_stock: bool

    @property
    def expected(self) -> dict[str, float]:
        """Points by test."""
        return {**POINTS, **self.deserves}


def attack(
    row: str, *, spares_stock: bool = False, **deserves: float
) -> Callable[[Callable[[Handed], None]], Callable[[Handed], None]]:
    """Register an attack under the name of its function; the docstring says what it tries."""

    def register(make: Callable[[Handed], None]) -> Callable[[Handed], None]:
        name = make.__name__
        what = " ".join((make.__doc__ or "").split())
        assert what, f"{name} does not say what it tries"
        assert name not in ATTACKS, f"there are two attacks {name}"
        assert not set(deserves) - set(POINTS), name
        ATTACKS[name] = Attack(name, what, row, make, deserves, spares_stock)
        return make

    return register


@dataclass
class Handed:
    """A submission in the making.

    Attributes:
        notebook: as JSON.
        folder: where it will lie; other files can be put there.
        target: what attacks aim at.
        content: bytes instead of the notebook, or None; b"" leaves the file out.
    """

    notebook: dict[str, Any]
    folder: Path
    target: Target
    content: bytes | None = None
    _count: int = field(default=0)

    @property
    def cells(self) -> list[dict[str, Any]]:
        return self.notebook["cells"]

    def cell(self, name: str) -> dict[str, Any]:
        """A cell of the course by its id."""
        return next(cell for cell in self.cells if cell["id"] == name)

    def answer(self, name: str, source: str) -> None:
        """Write a solution cell anew; ``name`` is that of its test."""
        names = {"account": "Account", "steepest": "steepest"}
        solved = names.get(name, name)
        self.cell("steepest" if name == "steepest" else f"solution-{solved}")["source"] = source

    def before(self, name: str, source: str, kind: str = "code") -> dict[str, Any]:
        """Put a cell of the student's own before one of the course's."""
        self._count += 1
        cell: dict[str, Any] = {"cell_type": kind, "id": f"extra-{self._count}", "metadata": {}}
        cell["source"] = source
        if kind == "code":
            cell.update(outputs=[], execution_count=None)
        self.cells.insert(self.cells.index(self.cell(name)), cell)
        return cell

    def first(self, source: str) -> dict[str, Any]:
        """Put a cell after the imports."""
        return self.before("solution-double", source)

    def write(self) -> None:
        """Hand in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "bank.ipynb"
        if self.content is None:
            path.write_text(json.dumps(self.notebook), encoding="utf-8")
        elif self.content:
            path.write_bytes(self.content)


def hand_in(one: Attack | None, solution: dict[str, Any], folder: Path, target: Target) -> None:
    """Hand in an attack, or the honest solution."""
    handed = Handed(copy.deepcopy(solution), folder, target)
    for cell in handed.cells:
        cell["source"] = "".join(cell["source"])
    folder.mkdir(parents=True, exist_ok=True)
    if one is not None:
        one.make(handed)
    handed.write()
