"""One submission: run its cells in a sandbox, judge its tests beside it, and keep what both said.

::

    paper ──cells──► child ──outputs──► recorded notebook
                       └──fork before each test──► bench ──► result of the test

A test is judged against a fork of the process as it is just before the test cell; then the child
runs the released part of that cell like any other, for its outputs and for what later cells need.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deltarule.errors import MachineryError
from deltarule.grading.child import processes
from deltarule.grading.messages import plain_message
from deltarule.grading.paper import Paper, PaperCell, read_papers
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell, has_code
from deltarule.grading.recorded import MOST_OUTPUT, left_out, output_size, recorded_notebook
from deltarule.grading.remote.bench import Bench, Cell
from deltarule.grading.remote.names import Imports
from deltarule.grading.remote.where import needs_fork
from deltarule.grading.results import Result, Stopped, TestResult
from deltarule.grading.sandbox.cell_outcomes import CellOutcome, Struck
from deltarule.grading.sandbox.channel import Gone
from deltarule.grading.sandbox.sandboxed import Child
from deltarule.grading.sandbox.zygote import Zygote

BY_HAND = ("manual", "task")
ENVIRONMENT = {"NBGRADER_EXECUTION": "autograde"}
"""What nbgrader sets where it runs a notebook, for cells that ask."""

WORTH_A_SPARE = 0.5
"""Seconds of cells that would be run again after an accident; a copy before each costs 20 ms."""

NOTEBOOK_SEEDS = 1024

REFERENCE_SEED = 1
"""Of the inputs that the reference solution is asked about when places are decided."""

__all__ = [
    "Allowance",
    "Graded",
    "given_up",
    "grade_reference",
    "grade_submission",
    "notebook_seed",
]


@dataclass(frozen=True)
class Allowance:
    """Seconds that a submission may take.

    Attributes:
        cell_seconds: one cell.
        test_seconds: one test.
        submission_seconds: all cells and tests of one notebook; then the rest is not run.
    """

    cell_seconds: float = 60.0
    test_seconds: float = 60.0
    submission_seconds: float = 900.0


@dataclass(frozen=True)
class Graded:
    """What came of a submission.

    Attributes:
        result: the published record.
        notebooks: each graded notebook, in nbformat 4, by name; none for one that cannot be read.
        lasting: False where the machine is to blame, so that it is graded again next time.
        lost: whether a process of it ended and no limit says why: its own code, or somebody else.
    """

    result: Result
    notebooks: dict[str, dict[str, Any]]
    lasting: bool = True
    lost: bool = False


def grade_submission(
    plan: AssignmentPlan,
    folder: Path,
    student: str,
    *,
    zygote: Zygote,
    seed: int,
    allowance: Allowance,
    environment: dict[str, str],
    run_demos: bool = False,
) -> Graded:
    """Run and judge what a student handed in.

    Args:
        plan: of the assignment.
        folder: with the student's notebooks.
        student: shown in the result.
        zygote: where children come from.
        seed: of the secret inputs.
        allowance: of time.
        environment: versions, for the record.
        run_demos: whether to run cells that only show something.
    """
    began = time.perf_counter()
    tests: list[TestResult] = []
    notes: list[str] = []
    stopped: list[Stopped] = []
    notebooks = {}
    lost = False
    try:
        papers = read_papers(plan, folder, run_demos=run_demos)
    except MachineryError as error:
        return given_up(plan, student, seed, environment, str(error))
    for notebook, paper in zip(plan.notebooks, papers, strict=True):
        notes += [f"{notebook.name}: {note}" for note in paper.notes]
        if paper.problem:
            tests += _unreadable(notebook, paper.problem)
            continue
        run = _NotebookRun(plan, notebook, paper, seed, allowance)
        try:
            found = run.run(zygote)
            notebooks[notebook.name] = recorded_notebook(notebook, paper, run.outcomes, found)
        except MachineryError:
            raise
        except Exception as error:  # noqa: BLE001 - no submission may end the class
            return given_up(plan, student, seed, environment, _defect(error))
        tests += found
        stopped += run.stopped
        lost |= run.lost
    seconds = time.perf_counter() - began
    result = Result(
        plan.assignment,
        student,
        zygote.tier,
        seed,
        seconds,
        environment,
        tuple(tests),
        tuple(notes),
        tuple(stopped),
    )
    return Graded(result, notebooks, lost=lost)


def _defect(error: Exception) -> str:
    """What is said where grading itself fails: a defect of ours, which somebody has found."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"grading it failed ({type(error).__name__} in {where}); please look at it by hand"


def given_up(
    plan: AssignmentPlan, student: str, seed: int, environment: dict[str, str], why: str
) -> Graded:
    """The result of a submission that could not be graded through no fault of the student's."""
    tests = tuple(
        replace(test, status="error") if test.status == "failed" else test
        for notebook in plan.notebooks
        for test in _unreadable(notebook, why)
    )
    result = Result(plan.assignment, student, "none", seed, 0.0, environment, tests)
    return Graded(result, {}, lasting=False)


def grade_reference(plan: AssignmentPlan, zygote: Zygote, allowance: Allowance) -> AssignmentPlan:
    """Decide where each test is judged, by its source and by the reference solution.

    On the trusted side where the solution passes there; in the fork where its source says so, or
    where the solution passes only there.
    """
    notebooks = []
    for notebook in plan.notebooks:
        decided = {
            cell.grade_id: "fork" if needs_fork(cell.source, notebook.imports) else "grader"
            for cell in notebook.cells
            if cell.kind == "test"
        }
        for where in ("grader", "fork"):
            placed = _placed(notebook, decided)
            run = _NotebookRun(plan, placed, _solution(placed), REFERENCE_SEED, allowance)
            for test in run.run(zygote):
                if test.status not in ("passed", "manual") and decided[test.name] == where:
                    # A solution that passes nowhere says nothing: then it is the trusted side.
                    decided[test.name] = "fork" if where == "grader" else "grader"
            if "fork" not in decided.values():
                break
        notebooks.append(_placed(notebook, decided))
    return replace(plan, notebooks=tuple(notebooks))


def _placed(notebook: NotebookPlan, decided: dict[str, str]) -> NotebookPlan:
    cells = tuple(
        replace(cell, verdict_in=decided.get(cell.grade_id, cell.verdict_in))
        if cell.kind == "test"
        else cell
        for cell in notebook.cells
    )
    return replace(notebook, cells=cells)


def _solution(notebook: NotebookPlan) -> Paper:
    """The reference solution as if it had been handed in."""
    cells = tuple(
        PaperCell(cell.cell_type, cell.id, cell.source, _solved(cell), cell)
        for cell in notebook.cells
    )
    return Paper(notebook.name, cells)


def _solved(cell: PlannedCell) -> str | None:
    """What the reference solution has run in a cell; of a test, what students see of it."""
    if cell.cell_type != "code":
        return None
    return cell.visible if cell.kind == "test" else cell.source


def _unreadable(notebook: NotebookPlan, problem: str) -> Iterator[TestResult]:
    """The tests of a notebook that cannot be graded, each with the reason."""
    for cell in notebook.cells:
        if cell.kind == "test":
            yield _blank(notebook, cell, "failed", problem)
        elif cell.kind in BY_HAND:
            yield replace(_blank(notebook, cell, "manual", ""), score=None)


def _blank(notebook: NotebookPlan, cell: PlannedCell, status: str, message: str) -> TestResult:
    return TestResult(
        notebook=notebook.name,
        name=cell.grade_id,
        points=cell.points,
        score=0.0,
        status=status,
        verdict_in=cell.verdict_in,
        message=message,
        cell=cell.grade_id,
    )


def notebook_seed(seed: int) -> int:
    """What the generators of a notebook start from, from 0 to 1023.

    A notebook can read it. It depends on the seed of the secret inputs, so that a run can be
    repeated, but far too many of those have the same for anybody to tell which one it was.
    """
    digest = hashlib.sha256(f"notebook {seed}".encode()).digest()
    return int.from_bytes(digest[:2]) % NOTEBOOK_SEEDS


class _NotebookRun:
    """One notebook of one submission."""

    def __init__(
        self,
        plan: AssignmentPlan,
        notebook: NotebookPlan,
        paper: Paper,
        seed: int,
        allowance: Allowance,
    ) -> None:
        self.plan = plan
        self.notebook = notebook
        self.paper = paper
        self.seed = seed
        self.allowance = allowance
        self.bench = Bench(Imports(notebook.imports), seed, allowance.test_seconds)
        self.outcomes: dict[int, CellOutcome] = {}
        self.end = time.monotonic() + allowance.submission_seconds
        self.trouble = ""
        self.stopped: list[Stopped] = []
        self.unsaved = 0.0
        self.lost = False
        self.room = MOST_OUTPUT

    def run(self, zygote: Zygote) -> list[TestResult]:
        """Run every cell, judge every test; the results in the order of the source."""
        found: dict[str, TestResult] = {}
        with zygote.child(notebook_seed(self.seed), ENVIRONMENT) as child:
            for name, path in self.plan.files:
                child.put(name, path)
            for at, cell in enumerate(self.paper.cells):
                planned = cell.planned
                if planned is not None and planned.kind == "test":
                    found.setdefault(planned.grade_id, self._judge(child, planned))
                if cell.run is not None:
                    self._run_cell(child, at, cell)
                    if planned is not None and planned.grade_id in found:
                        seen = self._visible_passed(at, planned)
                        test = found[planned.grade_id]
                        found[planned.grade_id] = replace(test, visible_passed=seen)
        results = []
        for planned in self.notebook.cells:
            if planned.kind in BY_HAND:
                blank = _blank(self.notebook, planned, "manual", "")
                results.append(replace(blank, score=None))
            elif planned.kind == "test":
                gone = _blank(self.notebook, planned, "error", "the test was not reached")
                results.append(found.get(planned.grade_id, gone))
        return results

    def _run_cell(self, child: Child, at: int, cell: PaperCell) -> None:
        assert cell.run is not None
        left = self.end - time.monotonic()
        if left <= 0:
            return
        spare = self.unsaved > WORTH_A_SPARE
        limit = self.allowance.cell_seconds
        outcome = child.run(cell.id, cell.run, min(left, limit), spare=spare)
        self.unsaved = outcome.seconds if spare else self.unsaved + outcome.seconds
        if left < limit and outcome.struck is not None and outcome.struck.limit == "time":
            said = f"the notebook took more than {self.allowance.submission_seconds:g} s"
            outcome = replace(outcome, struck=replace(outcome.struck, message=said))
        self.room -= output_size(outcome.outputs)
        if self.room < 0:
            outcome = replace(outcome, outputs=left_out())
        self.outcomes[at] = outcome
        self.lost |= outcome.struck is not None and outcome.struck.limit == "ended"
        if outcome.struck is not None:
            self.trouble = self.trouble or self._where(outcome.struck, at)
            struck = outcome.struck
            self._stop(self._cell_name(at), struck.limit, struck.message)

    def _visible_passed(self, at: int, planned: PlannedCell) -> bool | None:
        """Whether the released part of a test, which has just run, raised nothing."""
        outcome = self.outcomes.get(at)
        if outcome is None or not has_code(planned.visible):
            return None
        return outcome.finished and outcome.error is None and outcome.struck is None

    def _stop(self, cell: str, limit: str, message: str) -> None:
        """Note a limit; that a process has ended is said once, not for every cell after it."""
        said = plain_message(message)
        if limit != "ended" or all(one.message != said for one in self.stopped):
            self.stopped.append(Stopped(self.notebook.name, cell, limit, said))

    def _cell_name(self, at: int) -> str:
        planned = self.paper.cells[at].planned
        return planned.grade_id if planned is not None and planned.grade_id else f"number {at + 1}"

    def _where(self, struck: Struck, at: int) -> str:
        """What a limit has done, with the cell and the last line that ran."""
        line = f", line {struck.line}" if struck.line else ""
        return f"Earlier, in cell {self._cell_name(at)}{line}: {struck.message}."

    def _judge(self, child: Child, planned: PlannedCell) -> TestResult:
        """The result of one test, whatever happens."""
        cell = Cell(self.notebook.name, planned.grade_id, planned.source, planned.points)
        blank = _blank(self.notebook, planned, "error", "")
        if time.monotonic() >= self.end:
            limit = self.allowance.submission_seconds
            said = f"the notebook took more than {limit:g} s; this test was not reached"
            return replace(blank, message=f"{said}. {self.trouble}".rstrip())
        try:
            with child.fork(notebook_seed(self.seed)) as fork:
                judge = (
                    self.bench.judge if planned.verdict_in == "grader" else self.bench.judge_in_fork
                )
                result = judge(cell, fork)
                if self.bench.limit:
                    self._stop(planned.grade_id, self.bench.limit, result.message)
                self.lost |= not processes.lives(fork.pid)
        except (Gone, MachineryError) as error:
            self.lost = True
            result = replace(blank, message=f"the test could not be run: {error}")
        if result.status in ("failed", "error") and self.trouble:
            result = replace(result, message=f"{result.message}. {self.trouble}")
        return result
