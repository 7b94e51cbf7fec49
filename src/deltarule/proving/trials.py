"""Try every mutant: which test takes points away, and what becomes of those that none does.

::

    mutant ──its own test──► killed
             └─► all others ─► killed
                              └─► survivor ──probe──► equivalent
                                                      └─► explained in the header, or a gap
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from deltarule.grading.results import TestResult
from deltarule.grading.runner import Limits, Submission, run_all
from deltarule.proving.equivalence import Probe
from deltarule.proving.mutants import Mutant
from deltarule.proving.papers import Paper
from deltarule.proving.sameness import SAME, VALUES

__all__ = ["MUTANT_LIMITS", "Survivor", "Trial", "mutants_with_tests", "try_mutants"]

MUTANT_LIMITS = Limits(10.0, 10.0)
"""Mutated loops may run for ever; a right cell before the last test takes far less."""

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


@dataclass(frozen=True)
class Trial:
    """What became of the mutants of one notebook.

    Attributes:
        mutants: all of them, the bank's included.
        killed: by id, the test that took points away.
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


def mutants_with_tests(paper: Paper, mutant: Mutant) -> list[str]:
    """The tests that are tried first on a mutant: those named after its task."""
    names = {mutant.task, mutant.task.split(".")[-1]}
    return [test for test in paper.points if test in names]


def try_mutants(
    paper: Paper,
    mutants: Sequence[Mutant],
    *,
    seed: int = 0,
    jobs: int = 2,
    say: Callable[[str], None] = lambda _: None,
) -> Trial:
    """Run the tests on all mutants, and the probe on those that survive."""
    by_id = {mutant.id: mutant for mutant in mutants}
    kills: dict[str, TestResult] = {}

    def attempt(what: str, chosen: Iterable[Submission]) -> None:
        for number, run in enumerate(run_all(chosen, jobs), 1):
            if run.lost:
                kills[run.key] = run.lost[0]
            if number % 50 == 0:
                say(f"{what}: {number} done")

    own = {mutant.id: mutants_with_tests(paper, mutant) for mutant in mutants}
    attempt("own tests", (_attempt(paper, m, own[m.id], seed) for m in mutants if own[m.id]))
    left = [mutant for mutant in mutants if mutant.id not in kills]
    others = ((m, [test for test in paper.points if test not in own[m.id]]) for m in left)
    attempt("all tests", (_attempt(paper, m, tests, seed) for m, tests in others if tests))
    killed = {key: test.name for key, test in kills.items()}
    compared = {key for key, test in kills.items() if test.margin is not None}
    named = {
        key: test.diagnosis["name"] if test.diagnosis else ""
        for key, test in kills.items()
        if by_id[key].misconception
    }
    left = [mutant for mutant in mutants if mutant.id not in killed]
    status = _probe(paper, left, jobs, seed)
    reasons = paper.notebook.header.survivors
    survivors = [
        Survivor(mutant, status[mutant.id][1], reasons.get(mutant.id, ""))
        for mutant in left
        if status[mutant.id][0] != SAME
    ]
    unkilled = {survivor.mutant.id for survivor in survivors}
    return Trial(
        tuple(mutants),
        killed,
        tuple(mutant.id for mutant in left if mutant.id not in unkilled),
        tuple(survivors),
        _quiet(paper, _likely_first(mutants, compared), killed, jobs, seed),
        named,
        tuple(sorted(set(reasons) - unkilled)),
    )


def _attempt(paper: Paper, mutant: Mutant, tests: Sequence[str], seed: int) -> Submission:
    return paper.submission(
        mutant.id,
        {mutant.cell: mutant.text},
        tests=tests,
        seed=seed,
        stop_early=True,
        diagnose=bool(mutant.misconception),
        limits=MUTANT_LIMITS,
    )


def _probe(
    paper: Paper, mutants: Sequence[Mutant], jobs: int, seed: int, *, thorough: bool = False
) -> dict[str, tuple[str, str]]:
    """By id: how a mutant's behaviour differs from the solution's, and where."""
    tasks = tuple(
        dict.fromkeys(
            region.task
            for cell in paper.notebook.cells
            if cell.kind == "code"
            for region in cell.homework
        )
    )
    reference = paper.submission("reference").cells
    plain = [cell.id for cell in reference if cell.points is None]
    found: dict[str, tuple[str, str]] = {}
    # The probe is the work of one last "cell": it gets the time of all of them.
    limits = Limits(6 * MUTANT_LIMITS.cell_seconds, MUTANT_LIMITS.test_seconds)

    def submission(mutant: Mutant) -> Submission:
        whole = paper.submission(mutant.id, {mutant.cell: mutant.text}, seed=seed)
        cells = tuple(cell for cell in whole.cells if cell.id in plain)
        first = (mutant.task, *(task for task in tasks if task != mutant.task))
        probe = Probe(reference, first[:1] if thorough else first, thorough)
        return Submission(
            mutant.id, cells, seed, environment=whole.environment, limits=limits, finish=probe
        )

    for run in run_all(map(submission, mutants), jobs):
        extra = run.extra or {}
        broken = [cell for cell in run.cells if cell.error]
        if broken and "status" not in extra:
            found[run.key] = ("loud", f"{broken[0].id} raises {broken[0].error}")
        else:
            found[run.key] = (extra.get("status", "loud"), extra.get("where", "it never ends"))
    return found


QUIET_FIRST = ("wrong-factor", "bank", "flip-operator", "change-function", "change-constant")


def _likely_first(mutants: Sequence[Mutant], compared: set[str]) -> list[Mutant]:
    """Mutants with those first that are likely to run and to keep shapes and types."""

    def rank(mutant: Mutant) -> tuple[bool, int]:
        operator = mutant.operator
        place = QUIET_FIRST.index(operator) if operator in QUIET_FIRST else len(QUIET_FIRST)
        return mutant.id not in compared, place

    return sorted(mutants, key=rank)


def _quiet(
    paper: Paper, mutants: Sequence[Mutant], killed: dict[str, str], jobs: int, seed: int
) -> dict[str, str]:
    """For each test one mutant that it kills and whose answers look right from outside.

    Likely ones come first in ``mutants``.
    """
    ranked = [mutant for mutant in mutants if mutant.id in killed]
    quiet: dict[str, str] = {}
    for test in paper.points:
        own = [mutant for mutant in ranked if killed[mutant.id] == test]
        found = _first_quiet(paper, own[:CANDIDATES], jobs, seed)
        if not found:
            others = [mutant for mutant in ranked if killed[mutant.id] != test][:OTHERS]
            also = _killed_by(paper, test, others, jobs, seed)
            found = _first_quiet(paper, also[:CANDIDATES], jobs, seed)
        if found:
            quiet[test] = found
    return quiet


def _first_quiet(paper: Paper, mutants: Sequence[Mutant], jobs: int, seed: int) -> str:
    for begin in range(0, len(mutants), jobs):
        batch = mutants[begin : begin + jobs]
        status = _probe(paper, batch, jobs, seed, thorough=True)
        for mutant in batch:
            if status[mutant.id][0] == VALUES:
                return mutant.id
    return ""


def _killed_by(
    paper: Paper, test: str, mutants: Sequence[Mutant], jobs: int, seed: int
) -> list[Mutant]:
    """Those mutants from which one test takes points, asked on its own."""
    chosen = (
        paper.submission(
            mutant.id,
            {mutant.cell: mutant.text},
            tests=[test],
            seed=seed,
            diagnose=False,
            limits=MUTANT_LIMITS,
        )
        for mutant in mutants
    )
    lost = {run.key for run in run_all(chosen, jobs) if run.lost}
    return [mutant for mutant in mutants if mutant.id in lost]
