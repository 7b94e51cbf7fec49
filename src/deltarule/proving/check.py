"""``deltarule check``: all gates of an assignment, as one report.

::

    sources ──parse──► papers ──► runs of the solution, the release, variants, submissions ──► gates
                             └──► mutants ──► trial ──► gates about tests
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deltarule.bridge.compiled import copy_extra_files, parse_assignment
from deltarule.config import Course
from deltarule.grading.answers import Answers, read_answers
from deltarule.grading.runner import run_all, warm
from deltarule.proving import gates
from deltarule.proving.bank import bank_mutants
from deltarule.proving.gates import Gate
from deltarule.proving.mutants import mutants_of
from deltarule.proving.papers import HandedIn, Paper, hand_in
from deltarule.proving.trials import Survivor, Trial, mutant_limits, try_mutants

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
        trials: what became of the mutants of each notebook, by its name.
        seconds: of the whole check.
    """

    assignment: str
    gates: tuple[Gate, ...]
    trials: dict[str, Trial]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def survivors(self) -> tuple[Survivor, ...]:
        """Mutants that no test kills and that are not equivalent, explained or not."""
        return tuple(one for trial in self.trials.values() for one in trial.survivors)

    def counts(self) -> dict[str, int]:
        """How many mutants of all notebooks came to which end."""
        sums: Counter[str] = Counter()
        for trial in self.trials.values():
            sums.update(trial.counts())
        return dict(sums)

    def title(self, gate: Gate) -> str:
        """A gate's name; with its notebook where the assignment has several."""
        several = gate.notebook and len(self.trials) > 1
        return f"{gate.notebook}: {gate.name}" if several else gate.name

    def rows(self) -> list[tuple[str, str, str]]:
        """The table: gate, outcome, first line of detail."""
        return [
            (
                self.title(gate),
                "passed" if gate.passed else "FAILED",
                gate.details[0].split("\n")[0] if gate.details else "",
            )
            for gate in self.gates
        ]

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "schema": CHECK_SCHEMA,
            "assignment": self.assignment,
            "passed": self.passed,
            "gates": [asdict(gate) for gate in self.gates],
            "mutants": self.counts(),
            "notebooks": [
                {"name": name, "mutants": trial.counts()} for name, trial in self.trials.items()
            ],
            "survivors": [
                {"notebook": name, **survivor.as_json()}
                for name, trial in self.trials.items()
                for survivor in trial.survivors
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
        UsageError: there is no such assignment, or a file of answers names what it does not have.
    """
    began = time.monotonic()
    notebooks = parse_assignment(course, assignment)
    with _files_beside(course, assignment) as folder:
        papers = [Paper.of(notebook, folder) for notebook in notebooks]
        variants = hand_in(papers, _answers(course, "variants", assignment))
        labelled = hand_in(papers, _answers(course, "submissions", assignment))
        warm(module for paper in papers for module in paper.modules())
        found = [gates.points_add_up(notebooks)]
        trials: dict[str, Trial] = {}
        for paper in papers:
            name = paper.notebook.name
            say(f"{name}: the solution")
            made, trials[name] = _check_paper(
                paper,
                variants[name],
                labelled[name],
                range(seed, seed + max(1, seeds)),
                jobs,
                say,
            )
            found += [replace(gate, notebook=name) for gate in made]
    say("leaks")
    found.append(gates.nothing_leaks(course, assignment, notebooks))
    return CheckReport(assignment, tuple(found), trials, time.monotonic() - began)


@contextmanager
def _files_beside(course: Course, assignment: str) -> Iterator[Path]:
    """The assignment's data and figures as a folder of links to copies.

    Every run of a notebook gets the links, which cost nothing; the copies are made once, so that
    no cell can reach the sources.
    """
    with tempfile.TemporaryDirectory(prefix="deltarule-") as made:
        copies, links = Path(made) / "copies", Path(made) / "links"
        links.mkdir()
        copy_extra_files(course, assignment, copies)
        for path in copies.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
                link = links / path.relative_to(copies)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
        yield links


def _check_paper(
    paper: Paper,
    variants: Sequence[HandedIn],
    labelled: Sequence[HandedIn],
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
    limits = mutant_limits(paper, run)
    trial = try_mutants(paper, mutants, seed=seed, jobs=jobs, limits=limits, say=say)
    made += [
        gates.every_test_kills(paper, trial),
        gates.every_survivor_is_explained(trial),
        gates.bank_is_named(trial),
    ]
    return made, trial


def _answers(course: Course, kind: str, assignment: str) -> list[Answers]:
    folder: Path = course.root / "tests" / kind / assignment
    return [read_answers(path) for path in sorted(folder.glob("*.py"))]
