"""A paper: one notebook of an assignment, ready to be handed in with other answers.

::

    Notebook ──► cells as graded (solution, tests, demos) ──► Submission: answers exchanged,
                                                              demos in or out, some tests only
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from deltarule import authoring
from deltarule.authoring import Notebook, Role
from deltarule.grading.answers import Answers, fill
from deltarule.grading.runner import CodeCell, Limits, Submission

__all__ = ["QUIETLY", "Paper"]

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
    """

    notebook: Notebook
    cells: tuple[CodeCell, ...]
    points: dict[str, float]
    demos: frozenset[str]

    @classmethod
    def of(cls, notebook: Notebook) -> Paper:
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
            finish,
        )

    @cached_property
    def _versions(self) -> tuple[Any, Any]:
        """What students get, and the solution."""
        return authoring.student(self.notebook), authoring.solution(self.notebook)

    def untouched(self) -> dict[str, str]:
        """The answers of a student who wrote nothing."""
        return self._answers(self._versions[0])

    def filled(self, answers: Answers) -> dict[str, str]:
        """The answers in a file of ``tests/submissions`` or ``tests/variants``."""
        return self._answers(fill(*self._versions, answers))

    def _answers(self, handed_in: Any) -> dict[str, str]:
        """Texts of the solution cells of a student's notebook; one that is not there is empty."""
        texts = {cell.id: cell.source for cell in handed_in.cells}
        return {
            cell.name: texts.get(cell.name, "")
            for cell in self.notebook.cells
            if cell.kind == "code" and cell.role is Role.SOLUTION
        }
