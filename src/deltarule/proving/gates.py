"""The gates of ``deltarule check``: what has to hold before an assignment goes out.

Each gate is a function that looks at one thing and says so: a :class:`Gate` with its name, whether
it passed, and lines of detail that name what did not. The gates about mutants stand on one
:class:`~deltarule.proving.trials.Trial`; the others run the notebook, or read it.
"""

from __future__ import annotations

import symtable
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deltarule import authoring
from deltarule.authoring import Notebook, Role
from deltarule.authoring.syntax import Language, compiles, language, transformed
from deltarule.bridge.leaks import find_leaks, release_leaks, secret_lines
from deltarule.config import Course
from deltarule.grading.runner import CodeCell, Run, Submission, run_all
from deltarule.proving.bank import IDENTITY
from deltarule.proving.papers import HandedIn, Paper
from deltarule.proving.trials import Trial

__all__ = [
    "Gate",
    "bank_is_named",
    "demos_stand_alone",
    "every_survivor_is_explained",
    "every_test_kills",
    "limits_are_kept",
    "nothing_leaks",
    "points_add_up",
    "same_under_two_seeds",
    "solution_earns_everything",
    "stubs_are_reached",
    "untouched_earns_nothing",
    "variants_earn_everything",
]

MOST_LINES = 12
"""Lines of detail of one kind that are shown."""

SMALLEST_POINT = 1e-9


@dataclass(frozen=True)
class Gate:
    """One gate: its name, whether it was passed, what was seen, and in which notebook.

    ``notebook`` is "" where the gate is about the whole assignment.
    """

    name: str
    passed: bool
    details: tuple[str, ...] = ()
    notebook: str = ""


def _gate(name: str, complaints: Sequence[str], praise: str = "") -> Gate:
    if not complaints:
        return Gate(name, True, (praise,) if praise else ())
    more = len(complaints) - MOST_LINES
    shown = [*complaints[:MOST_LINES], *([f"and {more} more"] if more > 0 else [])]
    return Gate(name, False, tuple(shown))


def _short(run: Run) -> list[str]:
    """The tests of a run that kept points back, with their reasons."""
    return [
        f"{run.key}: {test.name}: {test.score or 0:g} of {test.points:g} points: {test.message}"
        for test in run.lost
    ]


def solution_earns_everything(paper: Paper, run: Run) -> Gate:
    """The reference solution, run to the end with its demos, raises nothing and loses nothing."""
    raised = [f"cell {cell.id}: {cell.error}: {cell.message}" for cell in run.cells if cell.error]
    total = sum(paper.points.values())
    return _gate(
        "solution earns every point",
        raised + _short(run),
        f"{total:g} points in {len(paper.points)} tests",
    )


def untouched_earns_nothing(paper: Paper, seed: int = 0) -> Gate:
    """The notebook as students get it earns nothing, test by test."""
    run = next(run_all([paper.submission("untouched", paper.untouched(), seed=seed)], 1))
    earned = [
        f"{test.name}: {test.score:g} of {test.points:g} points for the untouched notebook"
        for test in run.tests
        if test.score
    ]
    return _gate("untouched notebook earns nothing", earned, f"{len(run.tests)} tests")


def every_test_kills(paper: Paper, trial: Trial) -> Gate:
    """Every test takes points from a mutant that raises nothing and keeps shapes and types."""
    blind = [
        f"{test}: kills no mutant that runs and keeps shapes and types; it compares no values"
        for test in paper.points
        if test not in trial.quiet
    ]
    return _gate("every test kills a quiet mutant", blind, f"{len(trial.quiet)} tests")


def every_survivor_is_explained(trial: Trial) -> Gate:
    """What no test kills is the solution in other words, or has its reason in the header."""
    bare = [one for one in trial.survivors if not one.reason]
    lines = [
        f"line {one.mutant.line}: {one.mutant.id} earns every point, but {one.where}\n"
        f"{one.mutant.diff}"
        for one in bare
    ]
    lines += [f"'survivors: {key}' in the header survives no longer" for key in trial.stale]
    explained = len(trial.survivors) - len(bare)
    praise = (
        f"{len(trial.killed)} killed, {len(trial.equivalent)} equivalent, {explained} explained"
    )
    return _gate("no mutant survives unexplained", lines, praise)


def bank_is_named(trial: Trial) -> Gate:
    """No misconception of the bank is given another's name; those without a name are told."""
    misconceptions = {m.id: m.misconception for m in trial.mutants if m.misconception}
    wrong, nameless = [], []
    for key, name in trial.named.items():
        if name and name != misconceptions[key]:
            wrong.append(f"{key} is called {name}")
        elif not name and misconceptions[key] != IDENTITY:
            nameless.append(misconceptions[key])
    right = len(trial.named) - len(nameless) - len(wrong)
    praise = f"{right} named" if misconceptions else "no network for the bank"
    if nameless:
        praise += f"; without a name: {', '.join(dict.fromkeys(nameless))}"
    wrong += [
        f"{key}: with the right backward pass the network loses points in {trial.killed[key]}"
        for key, name in misconceptions.items()
        if name == IDENTITY and key in trial.killed
    ]
    return _gate("misconceptions get their own names", wrong, praise)


def variants_earn_everything(
    paper: Paper, variants: Sequence[HandedIn], seeds: Sequence[int], jobs: int = 2
) -> Gate:
    """Correct answers in other styles earn every point, whatever the seed, demos run or not."""
    chosen: list[Submission] = []
    for variant in variants:
        for seed in seeds:
            key = f"{variant.name}, seed {seed}"
            chosen.append(paper.submission(key, variant.answers, seed=seed, diagnose=False))
        key = f"{variant.name}, demos run"
        demos = paper.submission(key, variant.answers, seed=seeds[0], demos=True, diagnose=False)
        chosen.append(demos)
    refused = [line for run in run_all(chosen, jobs) for line in _short(run)]
    praise = f"{len(variants)} variants, {len(seeds)} seeds, demos run and skipped"
    return _gate("correct variants earn every point", sorted(refused), praise)


def same_under_two_seeds(
    paper: Paper, labelled: Sequence[HandedIn], seeds: tuple[int, int], jobs: int = 2
) -> Gate:
    """Submissions lose exactly what their label says, the same under two seeds."""
    chosen = [
        paper.submission(f"{one.name}|{seed}", one.answers, seed=seed, diagnose=False)
        for one in labelled
        for seed in seeds
    ]
    scores = {run.key: run.scores for run in run_all(chosen, jobs)}
    complaints = []
    for submission in labelled:
        name = submission.name
        one, other = (scores[f"{name}|{seed}"] for seed in seeds)
        for test, points in paper.points.items():
            if one[test] != other[test]:
                complaints.append(
                    f"{name}: {test}: {one[test]:g} points with one seed, "
                    f"{other[test]:g} with another"
                )
            expected = test in submission.loses
            if (one[test] < points) != expected:
                said = "should lose" if expected else "should keep"
                complaints.append(f"{name}: {said} its points in {test}, gets {one[test]:g}")
    praise = f"{len(labelled)} labelled submissions"
    return _gate("two seeds give the same scores", complaints, praise)


def demos_stand_alone(paper: Paper) -> Gate:
    """No cell but another demo reads a name that only a demo binds."""
    bound: set[str] = set()
    only_demo: dict[str, str] = {}
    complaints = []
    for cell in paper.cells:
        names, read = _names(cell.source)
        if cell.id not in paper.demos:
            for name in sorted((read - names) & set(only_demo)):
                complaints.append(f"cell {cell.id} reads '{name}' of the demo {only_demo[name]}")
            bound |= names
            only_demo = {key: value for key, value in only_demo.items() if key not in names}
        else:
            only_demo |= {name: cell.id for name in names - bound}
    return _gate("nothing depends on a demo", complaints, f"{len(paper.demos)} demos")


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds at its top level, and the global ones that it reads."""
    table = symtable.symtable(transformed(source), "cell", "exec")
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    read = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    tables = list(table.get_children())
    while tables:
        inner = tables.pop()
        read |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
        bound |= {
            s.get_name() for s in inner.get_symbols() if s.is_declared_global() and s.is_assigned()
        }
        tables += inner.get_children()
    return bound, read


def nothing_leaks(course: Course, assignment: str, notebooks: Sequence[Notebook]) -> Gate:
    """Nothing of a solution, hidden test or mark scheme stands in what students get."""
    import nbformat

    found = list(release_leaks(course, assignment))
    with tempfile.TemporaryDirectory() as made:
        for notebook in notebooks:
            path = Path(made) / f"{notebook.name}.ipynb"
            nbformat.write(authoring.student(notebook), path)
        found += find_leaks(Path(made), secret_lines(course.sources(assignment)))
    built = (course.release / assignment).is_dir()
    praise = "release and student notebook" if built else "student notebook; nothing is released"
    return _gate("nothing of the solution is released", [str(leak) for leak in found], praise)


def stubs_are_reached(paper: Paper, seed: int = 0) -> Gate:
    """The student notebook parses, and runs until a stub says that it is not implemented."""
    student = [cell for cell in authoring.student(paper.notebook).cells if cell.cell_type == "code"]
    broken = [
        f"cell {cell.id} does not parse"
        for cell in student
        if language(cell.source) is Language.PYTHON and not compiles(cell.source)
    ]
    run_when_executed = [
        CodeCell(cell.id, cell.source)
        for cell in student
        if not cell.metadata.get("deltarule", {}).get("skip")
    ]
    cells = tuple(run_when_executed)
    submission = Submission("student", cells, seed, limits=paper.limits, folder=paper.folder)
    run = next(run_all([submission], 1))
    reached = len(run.cells)
    for number, cell in enumerate(run.cells, 1):
        if cell.error == "NotImplementedError":
            reached = number
            break
        if cell.error:
            broken.append(f"cell {cell.id}: {cell.error}: {cell.message}")
    return _gate("student notebook runs to its first stub", broken, f"{reached} cells run")


def points_add_up(notebooks: Sequence[Notebook]) -> Gate:
    """Each header's sums are those of its cells; shown is what they make for the assignment."""
    complaints = []
    said = []
    several = len(notebooks) > 1
    for key, role in (("automatic", Role.TEST), ("manual", Role.ANSWER)):
        parts = []
        undeclared = False
        for notebook in notebooks:
            total, expected = notebook.total(role), notebook.header.points.get(key)
            parts.append(f"{notebook.name} {total:g}")
            if expected is None:
                undeclared |= total > 0
            elif abs(total - expected) > SMALLEST_POINT:
                where = f"{notebook.name}: " if several else ""
                said_there = f"the header expects {expected:g}, the cells have {total:g}"
                complaints.append(f"{where}{key}: {said_there}")
        said.append(f"{sum(notebook.total(role) for notebook in notebooks):g} {key}")
        if several:
            said[-1] += f" ({', '.join(parts)})"
        if undeclared:
            said[-1] += " (not declared in the header)"
    return _gate("points add up", complaints, ", ".join(said))


def limits_are_kept(paper: Paper, run: Run) -> Gate:
    """The solution stays within the limits that the header declares for students."""
    limits: Mapping[str, float] = paper.notebook.header.limits
    slowest = max((cell.seconds for cell in run.cells), default=0.0)
    slowest = max([slowest, *(test.duration_s or 0.0 for test in run.tests)])
    measured = {"cell_seconds": slowest, "memory_mb": run.peak_mb}
    complaints = [
        f"{key}: {measured[key]:.1f} measured, {limit:g} declared"
        for key, limit in limits.items()
        if measured[key] > limit
    ]
    praise = f"{run.seconds:.1f} s, slowest cell {slowest:.2f} s, {run.peak_mb:.0f} MB" + (
        "" if limits else "; the header declares no limits"
    )
    return _gate("time and memory stay within limits", complaints, praise)
