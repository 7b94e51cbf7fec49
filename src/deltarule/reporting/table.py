"""A class as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deltarule.grading.messages import one_line
from deltarule.grading.results import Result, TestResult

if TYPE_CHECKING:
    from deltarule.proving.check import CheckReport
    from deltarule.reporting.class_report.report import ClassReport

__all__ = ["check_lines", "class_table", "report_lines", "result_lines"]

SIGNS = {"passed": "green", "partial": "yellow", "failed": "red", "error": "magenta"}


def class_table(assignment: str, results: Sequence[Result]) -> Any:
    """A ``rich`` table: a row for each student, a column for each automatic test."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{assignment}: automatic points", title_justify="left")
    table.add_column("student", no_wrap=True)
    for test in results[0].automatic if results else ():
        header = results[0].title(test).replace("_", "_\n").replace("/", "/\n")
        table.add_column(header, justify="right", overflow="fold")
    table.add_column("points", justify="right", no_wrap=True)
    for result in results:
        cells = [_points(test) for test in result.automatic]
        table.add_row(
            escape(one_line(result.student)), *cells, f"{result.score:g}/{result.max_score:g}"
        )
    return table


def _points(test: TestResult) -> str:
    colour = SIGNS.get(test.status, "white")
    return f"[{colour}]{test.score or 0:g}[/{colour}]"


def result_lines(result: Result) -> list[str]:
    """One submission as plain lines: each test with its points and message."""
    lines = [
        f"{one_line(result.student)}: {result.score:g} of {result.max_score:g} automatic points"
    ]
    for test in result.automatic:
        said = f"  {test.advice}" if test.status != "passed" else ""
        points = f"{test.score or 0:>5g}/{test.points:<4g}"
        lines.append(f"  {test.status:<8}{points}{result.title(test)}{said}")
    waiting = [result.title(test) for test in result.manual if test.score is None]
    if waiting:
        lines.append(f"  to be graded by hand: {', '.join(waiting)}")
    return lines


def report_lines(report: ClassReport) -> list[str]:
    """The head of a class report as plain lines."""
    figures, submissions = report.figures, report.gathered.submissions
    scores = figures.automatic
    lines = [
        f"{figures.assignment}: {len(submissions)} submissions, median "
        f"{scores.median:g} of {scores.of:g} automatic points, {scores.full} with all of them"
    ]
    for test in figures.tests:
        lines.append(f"  {test.pass_rate:>4.0%} passed  {test.title}")
    for row in figures.misconceptions[:3]:
        count = len(row.everybody)
        lines.append(f"  {count:>4} {'student' if count == 1 else 'students':<8}  {row.name}")
    if report.gathered.ungraded:
        waiting = ", ".join(one.student for one in report.gathered.ungraded[:5])
        lines.append(f"  not graded yet: {len(report.gathered.ungraded)} ({waiting}, ...)")
    return lines


def check_lines(report: CheckReport) -> list[str]:
    """What ``deltarule check`` says about one assignment: a line for each gate, then the diffs."""
    lines = [f"{report.assignment}:"]
    for name, outcome, detail in report.rows():
        lines.append(f"  {outcome:<7} {name}" + (f"  ({detail})" if detail else ""))
    for gate in report.gates:
        if not gate.passed:
            lines.append(f"  {report.title(gate)}:")
            lines += [f"    {line}" for part in gate.details for line in part.split("\n")]
    if len(report.trials) > 1:
        for name, trial in report.trials.items():
            lines.append(f"  {name}: {_mutants(trial.counts())}")
    lines.append(f"  {_mutants(report.counts())}; {report.seconds:.0f} s")
    return lines


def _mutants(counts: dict[str, int]) -> str:
    return (
        f"{counts['total']} mutants: {counts['killed']} killed, {counts['equivalent']} equivalent, "
        f"{counts['explained']} explained, {counts['surviving']} surviving"
    )
