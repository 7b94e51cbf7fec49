"""Try every mutant: which test takes points away, and what becomes of those that none does.

::

    mutant ──its own test──► killed
             └─► all others ─► killed
                              └─► survivor ──probe──► equivalent
                                                      └─► explained in the header, or a gap
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deltarule.authoring.syntax import transformed
from deltarule.grading.branches import run_branches
from deltarule.grading.results import TestResult
from deltarule.grading.runner import KILLED, Limits, Run, Submission
from deltarule.proving.equivalence import Probe, Reference
from deltarule.proving.mutants import Mutant
from deltarule.proving.papers import Paper
from deltarule.proving.sameness import SAME, VALUES

__all__ = [
    "MUTANT_LIMITS",
    "Survivor",
    "Trial",
    "mutant_limits",
    "mutants_with_tests",
    "try_mutants",
]

MUTANT_LIMITS = Limits(10.0, 10.0, 60.0)
"""Mutated loops may run for ever; a right cell takes far less, or else :func:`mutant_limits`."""

SLOWER = 3.0
"""How many times the solution's slowest cell a mutant's may take: epochs may be twice as many."""

CANDIDATES = 16
"""How many killed mutants are looked at to find a quiet one, for each test."""

OTHERS = 60
"""How many mutants that another test has killed are shown to a test that killed no quiet one."""


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test kills and that is not the solution in other words.

    Attributes:
        mutant: the mutant.
        where: the probe that tells it from the solution.
        reason: why that is right, from the header; "" where the gate fails.
    """

    mutant: Mutant
    where: str
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The survivor as plain data."""
        return {
            "id": self.mutant.id,
            "task": self.mutant.task,
            "operator": self.mutant.operator,
            "line": self.mutant.line,
            "diff": self.mutant.diff,
            "where": self.where,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Trial:
    """What became of the mutants of one notebook.

    Attributes:
        mutants: all of them, the bank's included.
        killed: by id, the test that took points away, or the cell that did not end.
        equivalent: ids of those that behave like the solution.
        survivors: the rest.
        quiet: by test, a mutant that it kills and that raises nothing and keeps shapes and types.
        named: by id of a bank mutant that was killed in a test with diagnosis, what it was called.
        stale: ids under ``survivors:`` in the header that survive no longer.
    """

    mutants: tuple[Mutant, ...]
    killed: dict[str, str]
    equivalent: tuple[str, ...]
    survivors: tuple[Survivor, ...]
    quiet: dict[str, str]
    named: dict[str, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()

    @property
    def explained(self) -> int:
        """How many survivors have their reason in the header."""
        return sum(bool(one.reason) for one in self.survivors)

    def counts(self) -> dict[str, int]:
        """How many mutants came to which end."""
        return {
            "total": len(self.mutants),
            "killed": len(self.killed),
            "equivalent": len(self.equivalent),
            "explained": self.explained,
            "surviving": len(self.survivors) - self.explained,
        }


def mutant_limits(paper: Paper, solution: Run) -> Limits:
    """What a mutant's cells may take: more than the solution's, never more than students' cells.

    Args:
        paper: says what the header allows.
        solution: its own run, to the end.
    """

    def allowed(seconds: list[float]) -> float:
        enough = max(MUTANT_LIMITS.cell_seconds, SLOWER * max(seconds, default=0.0))
        return min(enough, paper.notebook.header.limits.get("cell_seconds", enough))

    return Limits(
        allowed([cell.seconds for cell in solution.cells]),
        allowed([test.duration_s or 0.0 for test in solution.tests]),
        MUTANT_LIMITS.finish_seconds + SLOWER * solution.seconds,
    )


def mutants_with_tests(paper: Paper, mutant: Mutant) -> list[str]:
    """The tests that are tried first on a mutant: those named after its task."""
    names = {mutant.task, mutant.task.split(".")[-1]}
    return [test for test in _tests_after(paper, mutant) if test in names]


def _tests_after(paper: Paper, mutant: Mutant) -> list[str]:
    """The tests behind the cell that is changed; those before it cannot see the change."""
    ids = [cell.id for cell in paper.cells]
    return [test for test in ids[ids.index(mutant.cell) :] if test in paper.points]


@dataclass(frozen=True)
class _Trier:
    """Runs mutants of one paper: as branches of the solution's run."""

    paper: Paper
    seed: int
    jobs: int
    limits: Limits

    def _trunk(self) -> Submission:
        return self.paper.submission("solution", tests=(), seed=self.seed, limits=self.limits)

    def attempt(self, chosen: Iterable[tuple[Mutant, Sequence[str]]]) -> Iterator[Run]:
        """Run some tests on each mutant, up to the first that takes points away."""
        submissions = [
            self.paper.submission(
                mutant.id,
                {mutant.cell: mutant.text},
                tests=tests,
                seed=self.seed,
                stop_early=True,
                diagnose=bool(mutant.misconception),
                limits=self.limits,
            )
            for mutant, tests in chosen
            if tests
        ]
        return run_branches(self._trunk(), submissions, self.jobs)

    def probe(
        self, mutants: Sequence[Mutant], *, thorough: bool = False
    ) -> dict[str, tuple[str, str]]:
        """By id: how a mutant's behaviour differs from the solution's, and where."""
        paper = self.paper
        tasks = tuple(
            dict.fromkeys(
                region.task
                for cell in paper.notebook.cells
                if cell.kind == "code"
                for region in cell.homework
            )
        )
        reference = Reference(paper.submission("reference").cells, tasks)

        def submission(mutant: Mutant) -> Submission:
            cells = self._cells_of(mutant.task)
            last = len(cells) - 1
            own = cells.index(mutant.cell) if mutant.cell in cells else last
            first = (mutant.task, *(task for task in tasks if task != mutant.task))
            alone = thorough or own < last
            made = paper.submission(
                mutant.id,
                {mutant.cell: mutant.text},
                tests=(),
                seed=self.seed,
                limits=self.limits,
                finish=Probe(
                    reference,
                    first[:1] if alone else first,
                    thorough,
                    _bound(mutant.text),
                    own if own < last else -1,
                ),
            )
            if own == last:
                return made
            end = [cell.id for cell in made.cells].index(cells[own + 1])
            return replace(made, cells=made.cells[:end])

        found: dict[str, tuple[str, str]] = {}
        chosen = [submission(mutant) for mutant in mutants]
        for run in run_branches(self._trunk(), chosen, self.jobs, reference.record):
            extra = run.extra or {}
            broken = [cell for cell in run.cells if cell.error]
            if broken and "status" not in extra:
                found[run.key] = ("loud", f"{broken[0].id} raises {broken[0].error}")
            else:
                found[run.key] = (extra.get("status", "loud"), extra.get("where", "it never ends"))
        return found

    def _cells_of(self, task: str) -> list[str]:
        """The cells with homework of a task; more than one where it is defined anew."""
        return [
            cell.name
            for cell in self.paper.notebook.cells
            if cell.kind == "code" and any(region.task == task for region in cell.homework)
        ]

    def quiet(self, mutants: Sequence[Mutant], killed: Mapping[str, str]) -> dict[str, str]:
        """For each test one mutant that it kills and whose answers look right from outside.

        Likely ones come first in ``mutants``.
        """
        tests = self.paper.points
        ranked = [mutant for mutant in mutants if mutant.id in killed]
        own = {test: [m for m in ranked if killed[m.id] == test] for test in tests}
        quiet = self._first_quiet(own)
        also = {
            test: self._killed_by(test, [m for m in ranked if killed[m.id] != test][:OTHERS])
            for test in tests
            if test not in quiet
        }
        return quiet | self._first_quiet(also)

    def _first_quiet(self, candidates: Mapping[str, Sequence[Mutant]]) -> dict[str, str]:
        """For each test the first quiet one of its candidates; a few of each at a time."""
        found: dict[str, str] = {}
        left = {test: list(mutants[:CANDIDATES]) for test, mutants in candidates.items()}
        while left := {test: m for test, m in left.items() if m and test not in found}:
            tried = {test: mutants[: self.jobs] for test, mutants in left.items()}
            chosen = {mutant.id: mutant for mutants in tried.values() for mutant in mutants}
            status = self.probe(list(chosen.values()), thorough=True)
            for test, mutants in tried.items():
                right = [mutant.id for mutant in mutants if status[mutant.id][0] == VALUES]
                found.update({test: right[0]} if right else {})
            left = {test: mutants[self.jobs :] for test, mutants in left.items()}
        return found

    def _killed_by(self, test: str, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Those mutants from which one test takes points, asked on its own."""
        asked = [(m, [test]) for m in mutants if test in _tests_after(self.paper, m)]
        lost = {run.key for run in self.attempt(asked) if run.lost}
        return [mutant for mutant in mutants if mutant.id in lost]


def try_mutants(
    paper: Paper,
    mutants: Sequence[Mutant],
    *,
    seed: int = 0,
    jobs: int = 2,
    limits: Limits = MUTANT_LIMITS,
    say: Callable[[str], None] = lambda _: None,
) -> Trial:
    """Run the tests on all mutants, and the probe on those that survive.

    Args:
        paper: the notebook.
        mutants: of its solution.
        seed: of the secret inputs.
        jobs: how many processes run at a time.
        limits: see :func:`mutant_limits`.
        say: told about progress.
    """
    trier = _Trier(paper, seed, jobs, limits)
    by_id = {mutant.id: mutant for mutant in mutants}
    killed: dict[str, str] = {}
    kills: dict[str, TestResult] = {}

    def attempt(what: str, chosen: Iterable[tuple[Mutant, Sequence[str]]]) -> None:
        for number, run in enumerate(trier.attempt(chosen), 1):
            if run.lost:
                kills[run.key] = run.lost[0]
                killed[run.key] = run.lost[0].name
            elif endless := [cell.id for cell in run.cells if cell.error == KILLED]:
                killed[run.key] = f"cell {endless[0]}"
            if number % 50 == 0:
                say(f"{what}: {number} done")

    own = {mutant.id: mutants_with_tests(paper, mutant) for mutant in mutants}
    attempt("own tests", [(mutant, own[mutant.id]) for mutant in mutants])
    left = [mutant for mutant in mutants if mutant.id not in killed]
    others = {m.id: [t for t in _tests_after(paper, m) if t not in own[m.id]] for m in left}
    attempt("all tests", [(mutant, others[mutant.id]) for mutant in left])
    compared = {key for key, test in kills.items() if test.margin is not None}
    named = {
        key: test.diagnosis["name"] if test.diagnosis else ""
        for key, test in kills.items()
        if by_id[key].misconception
    }
    left = [mutant for mutant in mutants if mutant.id not in killed]
    say(f"{len(left)} mutants that no test kills")
    status = trier.probe(left)
    reasons = paper.notebook.header.survivors
    survivors = [
        Survivor(mutant, status[mutant.id][1], _reason(mutant.id, reasons))
        for mutant in left
        if status[mutant.id][0] != SAME
    ]
    unkilled = {survivor.mutant.id for survivor in survivors}
    stale = [key for key in sorted(reasons) if not fnmatch.filter(unkilled, key)]
    return Trial(
        tuple(mutants),
        killed,
        tuple(mutant.id for mutant in left if mutant.id not in unkilled),
        tuple(survivors),
        trier.quiet(_likely_first(mutants, compared), killed),
        named,
        tuple(stale),
    )


def _reason(mutant_id: str, reasons: Mapping[str, str]) -> str:
    """Why the header says that a mutant may survive: by its id, else by a pattern that it fits."""
    fitting = [key for key in reasons if fnmatch.fnmatchcase(mutant_id, key)]
    return reasons.get(mutant_id) or next((reasons[key] for key in fitting), "")


def _bound(text: str) -> tuple[str, ...]:
    """The variables that a cell binds outside functions and classes."""
    found: dict[str, None] = {}
    inside = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    waiting: list[ast.AST] = list(ast.parse(transformed(text)).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, inside):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        waiting += ast.iter_child_nodes(node)
    return tuple(found)


QUIET_FIRST = ("wrong-factor", "bank", "flip-operator", "change-function", "change-constant")


def _likely_first(mutants: Sequence[Mutant], compared: set[str]) -> list[Mutant]:
    """Mutants with those first that are likely to run and to keep shapes and types."""

    def rank(mutant: Mutant) -> tuple[bool, int]:
        operator = mutant.operator
        place = QUIET_FIRST.index(operator) if operator in QUIET_FIRST else len(QUIET_FIRST)
        return mutant.id not in compared, place

    return sorted(mutants, key=rank)
