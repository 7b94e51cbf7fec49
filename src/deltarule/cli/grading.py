"""Commands that grade: one notebook, a class, the demo's class."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deltarule.cli.common import NOT_PASSED, json_option, main, reports_errors, write_json
from deltarule.cli.progress import print_table, with_progress
from deltarule.cli.report_files import Reports, report_options
from deltarule.config import find_course
from deltarule.errors import UsageError

if TYPE_CHECKING:
    from deltarule.grading.results import Result

__all__ = ["demo", "grade"]


@main.command()
@click.argument("assignment")
@click.option(
    "--submitted",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with <student>/<assignment>/<notebook>.ipynb  [default: submitted/]",
)
@click.option(
    "--notebook",
    "notebooks",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Grade this file (repeatable) as one submission, apart from the course's gradebook.",
)
@click.option("--student", default="student", show_default=True, help="Name with --notebook.")
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the secret inputs.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    show_default="one for each processor",
    help="How many submissions are graded at a time.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Grade on a dask.distributed cluster.")
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "namespaces", "landlock", "none"]),
    default="auto",
    show_default=True,
    help="Where students' code runs; auto takes the strongest that holds, and never none.",
)
@click.option("--run-demos", is_flag=True, help="Run cells that only show something, too.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a limit over the source's header, e.g. cell_seconds=30 or memory_mb=2000.",
)
@report_options
@json_option
@reports_errors
def grade(
    assignment: str,
    submitted: Path | None,
    notebooks: tuple[Path, ...],
    student: str,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Grade the submissions of an assignment, or single notebooks."""
    from deltarule.grading.classroom import Grading, grade_notebooks
    from deltarule.grading.results import ClassResult

    course = find_course(Path.cwd())
    reports = Reports.of_options(options, of_class=not notebooks)
    settings, schedule = _grading_settings(options)
    if notebooks:
        if Path(student).name != student or student.startswith("."):
            raise UsageError(f"'{student}' cannot be a student's name: it names folders")
        result = grade_notebooks(course, assignment, notebooks, student, settings)
        results, record = [result], result.as_json()
        _echo_result(result)
    else:
        grading = Grading.of_course(course, assignment, submitted, settings, schedule)
        results = with_progress(grading.grade(), len(grading.students()))
        results.sort(key=lambda result: result.student)
        record = ClassResult(assignment, tuple(results)).as_json()
        print_table(assignment, results)
    write_json(json_file, record)
    reports.write(assignment, results, of_class=not notebooks)
    reports.announce(assignment, results, str(notebooks[0]) if len(notebooks) == 1 else None)
    if notebooks and not results[0].everything_passed:
        sys.exit(NOT_PASSED)


def _grading_settings(options: dict[str, Any]) -> tuple[Any, Any]:
    """What the options of ``grade`` say about how, and about where."""
    from deltarule.grading.classroom import GradingSettings
    from deltarule.grading.pool import grade_all

    limits = {}
    for given in options.pop("limits"):
        name, _, value = given.partition("=")
        try:
            limits[name] = float(value)
        except ValueError:
            raise UsageError(f"--limit {given}: write a name and a number, NAME=VALUE") from None
    schedule, address = grade_all, options.pop("scheduler")
    if address:
        from deltarule.grading.cluster import on_cluster

        schedule = on_cluster(address)
    if options["sandbox"] == "none":
        click.echo("sandbox: none - students' code runs with your rights", err=True)
    return GradingSettings(limits=limits, **options), schedule


def _echo_result(result: Result) -> None:
    from deltarule.reporting.table import result_lines

    for line in result_lines(result):
        click.echo(line)


@main.command()
@json_option
@reports_errors
def demo(json_file: Path | None) -> None:
    """Build the course and grade a small class, in build/demo/ with a gradebook of its own."""
    from deltarule.demo import run_demo

    course = find_course(Path.cwd())
    place = run_demo(course, lambda step: click.echo(f"{step} ..."), with_progress)
    print_table(place.assignment, list(place.results))
    for student, description in place.descriptions.items():
        click.echo(f"  {student:<28} {description}")
    click.echo(f"\nsandbox: {place.results[0].sandbox}. Look at {place.shown}:")
    for folder, what in (
        (f"release/{place.assignment}/", "what students get"),
        (f"solutions/{place.assignment}/", "the solution, executed"),
        (f"autograded/<student>/{place.assignment}/", "each graded notebook"),
        (f"feedback/<student>/{place.assignment}/", "what each student reads"),
    ):
        click.echo(f"  {folder:<36}{what}")
    write_json(json_file, place.as_json())
