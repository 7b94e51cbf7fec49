"""A paper: one notebook of an assignment, ready to be handed in with other answers.

::

    Notebook ──► cells as graded (solution, tests, demos) ──► Submission: answers exchanged,
                                                              demos in or out, some tests only

A file of answers may write on several papers of an assignment; :func:`hand_in` deals them out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from deltarule import authoring
from deltarule.authoring import Notebook, Role
from deltarule.authoring.syntax import transformed
from deltarule.grading.answers import Answers, fill_all, lost_tests
from deltarule.grading.runner import CodeCell, Limits, Submission

__all__ = ["QUIETLY", "HandedIn", "Paper", "hand_in"]

QUIETLY = {"DELTARULE_DIAGNOSE": "0"}
"""Mutants need no diagnosis, and the search for pairs takes time."""


@dataclass(frozen=True)
class Paper:
    """A parsed notebook with the cells that grading runs.

    Attributes:
        notebook: the source.
        cells: code cells with the solution, tests as they are compiled.
        points: of each test, in order.
        demos: ids of the demo cells.
        folder: what lies beside the notebook, or None.
    """

    notebook: Notebook
    cells: tuple[CodeCell, ...]
    points: dict[str, float]
    demos: frozenset[str]
    folder: Path | None = None

    @classmethod
    def of(cls, notebook: Notebook, folder: Path | None = None) -> Paper:
        """Prepare a notebook."""
        made = [cell for cell in authoring.master(notebook).cells if cell.cell_type == "code"]
        cells = []
        for cell in made:
            settings = cell.metadata.get("nbgrader", {})
            graded = settings.get("grade") and not settings.get("solution")
            points = float(settings.get("points", 0)) if graded else None
            cells.append(CodeCell(cell.id, cell.source, points))
        return cls(
            notebook,
            tuple(cells),
            {cell.id: cell.points for cell in cells if cell.points is not None},
            frozenset(cell.id for cell in made if "demo" in cell.metadata.get("tags", ())),
            folder,
        )

    @property
    def limits(self) -> Limits:
        """What the header allows one cell and one test."""
        seconds = self.notebook.header.limits.get("cell_seconds")
        return Limits() if seconds is None else Limits(seconds, seconds)

    def submission(
        self,
        key: str,
        answers: Mapping[str, str] | None = None,
        *,
        tests: Collection[str] | None = None,
        demos: bool = False,
        to_the_end: bool = False,
        seed: int = 0,
        stop_early: bool = False,
        diagnose: bool = True,
        limits: Limits | None = None,
        finish: Callable[[dict[str, Any]], Any] | None = None,
    ) -> Submission:
        """The paper with some cells exchanged.

        Args:
            key: how the outcome is recognised.
            answers: texts by cell id; a cell that is exchanged with "" is empty.
            tests: which tests to run; all by default.
            demos: whether demo cells are run.
            to_the_end: whether cells after the last test are run; no test can see them.
            seed: of the secret inputs.
            stop_early: whether to stop at the first test that takes points away.
            diagnose: whether wrong gradients are explained.
            limits: time limits; the header's by default.
            finish: see :class:`~deltarule.grading.runner.Submission`.
        """
        answers = answers or {}
        wanted = set(self.points if tests is None else tests)
        chosen: list[CodeCell] = []
        end = 0
        for cell in self.cells:
            if cell.points is not None and cell.id not in wanted:
                continue
            if cell.id in self.demos and not demos:
                continue
            chosen.append(CodeCell(cell.id, answers.get(cell.id, cell.source), cell.points))
            if cell.points is not None:
                end = len(chosen)
        if to_the_end or not wanted:
            end = len(chosen)
        environment = {} if diagnose else QUIETLY
        return Submission(
            key,
            tuple(chosen[:end]),
            seed,
            stop_early,
            environment,
            limits or self.limits,
            self.folder,
            finish,
        )

    def modules(self) -> list[str]:
        """The modules that the cells import."""
        found: dict[str, None] = {}
        for cell in self.cells:
            for node in ast.walk(ast.parse(transformed(cell.source))):
                if isinstance(node, ast.Import):
                    found.update((alias.name, None) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found[node.module] = None
        return list(found)

    @cached_property
    def versions(self) -> tuple[Any, Any]:
        """The notebook as students get it, and the solution."""
        return authoring.student(self.notebook), authoring.solution(self.notebook)

    def untouched(self) -> dict[str, str]:
        """The answers of a student who wrote nothing."""
        return self.answers(self.versions[0])

    def answers(self, handed_in: Any) -> dict[str, str]:
        """Texts of the solution cells of a student's notebook; one that is not there is empty."""
        texts = {cell.id: cell.source for cell in handed_in.cells}
        return {
            cell.name: texts.get(cell.name, "")
            for cell in self.notebook.cells
            if cell.kind == "code" and cell.role is Role.SOLUTION
        }


@dataclass(frozen=True)
class HandedIn:
    """What a file of answers comes to on one paper.

    Attributes:
        name: the file's stem.
        answers: texts by cell id.
        loses: the tests of this notebook that should take points away.
    """

    name: str
    answers: dict[str, str]
    loses: frozenset[str]


def hand_in(papers: Sequence[Paper], files: Sequence[Answers]) -> dict[str, list[HandedIn]]:
    """Deal files of ``tests/submissions`` or ``tests/variants`` out to the papers they write on.

    A file writes on a paper whose code it changes, or in which it should lose points; one that does
    neither anywhere counts for all papers.

    Returns:
        For each notebook, by name, what is handed in.

    Raises:
        UsageError: a file names what the assignment does not have.
    """
    versions = {paper.notebook.name: paper.versions for paper in papers}
    student, solution = ({name: pair[at] for name, pair in versions.items()} for at in (0, 1))
    dealt: dict[str, list[HandedIn]] = {name: [] for name in versions}
    for file in files:
        lost = lost_tests(file, {paper.notebook.name: paper.points for paper in papers})
        filled = fill_all(student, solution, file)
        base = student if file.base == "release" else solution
        found: dict[str, HandedIn] = {}
        changed = set()
        for paper in papers:
            name = paper.notebook.name
            if name in filled:
                found[name] = HandedIn(file.path.stem, paper.answers(filled[name]), lost[name])
                if lost[name] or found[name].answers != paper.answers(base[name]):
                    changed.add(name)
        for name in changed or found:
            dealt[name].append(found[name])
    return dealt
