"""``deltarule check``: all gates of an assignment, as one report.

::

    sources ──parse──► papers ──► runs of the solution, the release, variants, submissions ──► gates
                             └──► mutants ──► trial ──► gates about tests
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deltarule.authoring import Notebook, parse
from deltarule.config import Course
from deltarule.errors import AuthoringError, Problem, UsageError
from deltarule.grading.answers import Answers, read_answers
from deltarule.grading.runner import run_all, warm
from deltarule.proving import gates
from deltarule.proving.bank import bank_mutants
from deltarule.proving.gates import Gate
from deltarule.proving.mutants import mutants_of
from deltarule.proving.papers import Paper
from deltarule.proving.trials import Survivor, Trial, try_mutants

__all__ = ["CHECK_SCHEMA", "CheckReport", "run_check"]

CHECK_SCHEMA = "deltarule/check/v1"

SEEDS = 3
"""Seeds under which variants have to earn every point."""


@dataclass(frozen=True)
class CheckReport:
    """What came of one assignment.

    Attributes:
        assignment: its name.
        gates: in the order of the table.
        mutants: how many there are.
        killed: how many lose points in some test.
        equivalent: how many are the solution in other words.
        survivors: the rest, explained or not.
        seconds: of the whole check.
    """

    assignment: str
    gates: tuple[Gate, ...]
    mutants: int
    killed: int
    equivalent: int
    survivors: tuple[Survivor, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def explained(self) -> int:
        """How many survivors have their reason in the header."""
        return sum(bool(one.reason) for one in self.survivors)

    @property
    def surviving(self) -> int:
        """How many survivors have none."""
        return len(self.survivors) - self.explained

    def rows(self) -> list[tuple[str, str, str]]:
        """The table: gate, outcome, first line of detail."""
        return [
            (gate.name, "passed" if gate.passed else "FAILED", gate.details[0].split("\n")[0])
            if gate.details
            else (gate.name, "passed" if gate.passed else "FAILED", "")
            for gate in self.gates
        ]

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        counts = {"total": self.mutants, "killed": self.killed, "equivalent": self.equivalent}
        return {
            "schema": CHECK_SCHEMA,
            "assignment": self.assignment,
            "passed": self.passed,
            "gates": [asdict(gate) for gate in self.gates],
            "mutants": {**counts, "explained": self.explained, "surviving": self.surviving},
            "survivors": [
                {
                    "id": one.mutant.id,
                    "task": one.mutant.task,
                    "operator": one.mutant.operator,
                    "line": one.mutant.line,
                    "diff": one.mutant.diff,
                    "where": one.where,
                    "reason": one.reason,
                }
                for one in self.survivors
            ],
            "seconds": round(self.seconds, 2),
        }


def run_check(
    course: Course,
    assignment: str,
    *,
    seeds: int = SEEDS,
    seed: int = 0,
    jobs: int = 2,
    say: Callable[[str], None] = lambda _: None,
) -> CheckReport:
    """Check one assignment.

    Args:
        course: the course; variants stand in ``tests/variants/<assignment>``, labelled submissions
            in ``tests/submissions/<assignment>``.
        assignment: its name.
        seeds: under how many seeds variants have to earn every point.
        seed: the first of them, and that of all other secret inputs.
        jobs: how many processes run at a time.
        say: told about progress, in short lines.

    Raises:
        AuthoringError: a source does not parse.
        UsageError: there is no such assignment, or a file of answers fits no notebook.
    """
    began = time.monotonic()
    warm()
    papers = [Paper.of(notebook) for notebook in _parse_all(course, assignment)]
    variants = _answers(course, "variants", assignment)
    labelled = _answers(course, "submissions", assignment)
    found: list[Gate] = []
    trials: list[Trial] = []
    for paper in papers:
        say(f"{paper.notebook.name}: the solution")
        made, trial = _check_paper(
            paper,
            _fitting(paper, papers, variants),
            _fitting(paper, papers, labelled),
            range(seed, seed + max(1, seeds)),
            jobs,
            say,
        )
        found += made
        trials.append(trial)
    say("leaks")
    found.append(gates.nothing_leaks(course, assignment, [paper.notebook for paper in papers]))
    return CheckReport(
        assignment,
        tuple(found),
        sum(len(trial.mutants) for trial in trials),
        sum(len(trial.killed) for trial in trials),
        sum(len(trial.equivalent) for trial in trials),
        tuple(one for trial in trials for one in trial.survivors),
        time.monotonic() - began,
    )


def _check_paper(
    paper: Paper,
    variants: Sequence[Answers],
    labelled: Sequence[Answers],
    seeds: Sequence[int],
    jobs: int,
    say: Callable[[str], None],
) -> tuple[list[Gate], Trial]:
    """All gates of one notebook."""
    seed = seeds[0]
    whole = paper.submission("solution", demos=True, to_the_end=True, seed=seed)
    run = next(run_all([whole], 1))
    made = [
        gates.solution_earns_everything(paper, run),
        gates.untouched_earns_nothing(paper, seed),
        gates.stubs_are_reached(paper, seed),
        gates.points_add_up(paper.notebook),
        gates.demos_stand_alone(paper),
        gates.limits_are_kept(paper, run),
    ]
    say(f"{paper.notebook.name}: {len(variants)} variants, {len(labelled)} submissions")
    made += [
        gates.variants_earn_everything(paper, variants, seeds, jobs),
        gates.same_under_two_seeds(paper, labelled, (seed, seed + 1), jobs),
    ]
    mutants = bank_mutants(paper.notebook) + mutants_of(paper.notebook)
    say(f"{paper.notebook.name}: {len(mutants)} mutants")
    trial = try_mutants(paper, mutants, seed=seed, jobs=jobs, say=say)
    made += [
        gates.every_test_kills(paper, trial),
        gates.every_survivor_is_explained(trial),
        gates.bank_is_named(trial),
    ]
    return made, trial


def _parse_all(course: Course, assignment: str) -> list[Notebook]:
    problems: list[Problem] = []
    notebooks = []
    for path in course.sources(assignment):
        try:
            notebooks.append(parse(path, shown=path.relative_to(course.root))[0])
        except AuthoringError as error:
            problems += error.problems
    if problems:
        raise AuthoringError(problems)
    return notebooks


def _answers(course: Course, kind: str, assignment: str) -> list[Answers]:
    folder: Path = course.root / "tests" / kind / assignment
    return [read_answers(path) for path in sorted(folder.glob("*.py"))]


def _fitting(paper: Paper, papers: Sequence[Paper], files: Sequence[Answers]) -> list[Answers]:
    """The files of answers that belong to a notebook: those that fit it.

    Raises:
        UsageError: one fits no notebook of the assignment.
    """
    chosen = []
    for answers in files:
        try:
            paper.filled(answers)
        except UsageError:
            if len(papers) == 1 or not any(_fits(other, answers) for other in papers):
                raise
        else:
            chosen.append(answers)
    return chosen


def _fits(paper: Paper, answers: Answers) -> bool:
    try:
        paper.filled(answers)
    except UsageError:
        return False
    return True
