"""The command line: arguments in, exit codes out; the work is done elsewhere.

Exit codes: 0 done, 1 something did not pass, 2 wrong usage or a wrong source, 3 the machinery
failed, 130 stopped by Ctrl-C. Heavy imports stand inside the commands, so that ``deltarule
--help`` is quick.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from deltarule import __version__
from deltarule.config import Course, find_course, write_atomic
from deltarule.errors import DeltaruleError, MachineryError, UsageError

if TYPE_CHECKING:
    from deltarule.grading.results import Result

__all__ = ["main"]

P = ParamSpec("P")
NOT_PASSED = 1
STOPPED = 130
"""What shells give a command that Ctrl-C has ended."""

json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the outcome as JSON.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="deltarule")
def main() -> None:
    """Build, check and grade a course of Jupyter notebooks that teach gradients."""


def _reports_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn our errors into a message and an exit code; anything else is a bug and shows itself."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except DeltaruleError as error:
            click.echo(f"deltarule: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("deltarule: stopped. What is done is kept; run it again to go on.", err=True)
            sys.exit(STOPPED)

    return run


def _write_json(path: Path | None, record: Any) -> None:
    if path is not None:
        try:
            write_atomic(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise MachineryError(f"{path} cannot be written: {error}") from error


@main.command()
@click.argument("assignments", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; fail if anything generated is stale.")
@click.option("--pdf", is_flag=True, help="Print the notebooks, too, to build/pdf/.")
@json_option
@_reports_errors
def build(assignments: tuple[str, ...], check: bool, pdf: bool, json_file: Path | None) -> None:
    """Make release/ and solutions/ from source/; only what changed."""
    from deltarule.bridge.build import build_assignment, chosen_assignments, stale_files

    if check and pdf:
        raise UsageError("--check changes nothing and --pdf makes PDFs: choose one of them")
    course = find_course(Path.cwd())
    chosen = chosen_assignments(course, assignments)
    if check:
        stale = {name: stale_files(course, name) for name in chosen}
        _write_json(json_file, {"stale": stale})
        complaints = [line for lines in stale.values() for line in lines]
        for line in complaints:
            click.echo(line)
        if complaints:
            click.echo("Run 'deltarule build' and commit what changes.")
            sys.exit(NOT_PASSED)
        click.echo(f"{_listed(chosen)}: release and solutions are current.")
        return
    errors: list[DeltaruleError] = []
    done = {}
    for name in chosen:
        try:
            done[name] = build_assignment(course, name, say=lambda step: click.echo(f"{step} ..."))
            click.echo(f"{name}: {'built' if done[name] else 'nothing to do'}")
        except DeltaruleError as error:
            click.echo(f"{name}: not built; release and solutions are as they were", err=True)
            click.echo(str(error), err=True)
            errors.append(error)
    record: dict[str, Any] = {"built": done}
    if pdf:
        record["printed"] = {name: _print_pdfs(course, name, errors) for name in done}
    _write_json(json_file, record | {"errors": [str(error) for error in errors]})
    if errors:
        sys.exit(max(error.exit_code for error in errors))


def _print_pdfs(course: Course, name: str, errors: list[DeltaruleError]) -> list[str]:
    """Print an assignment that is built; say which PDFs are new. Failures go to ``errors``."""
    from deltarule.bridge.pdfs import print_assignment

    try:
        made = print_assignment(course, name, say=lambda step: click.echo(f"{step} ..."))
    except DeltaruleError as error:
        click.echo(f"{name}: not all printed; what cannot be is as it was", err=True)
        click.echo(str(error), err=True)
        errors.append(error)
        return []
    paths = [path.relative_to(course.root).as_posix() for path in made]
    click.echo(f"{name}: {_listed(paths) or 'no PDF to make'}")
    return paths


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--student", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--solution", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--execute", is_flag=True, help="Run what is written and keep the outputs.")
@json_option
@_reports_errors
def convert(
    file: Path, student: Path | None, solution: Path | None, execute: bool, json_file: Path | None
) -> None:
    """Convert one source from anywhere into a student and a solution notebook."""
    if student is None and solution is None:
        raise UsageError("say what to make: --student OUT.ipynb, --solution OUT.ipynb, or both")
    import nbformat

    from deltarule import authoring

    notebook, report = authoring.parse(file, strict=False)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    written = {}
    for target, render in ((student, authoring.student), (solution, authoring.solution)):
        if target is None:
            continue
        made = render(notebook)
        if execute:
            click.echo(f"running {target} ...")
            authoring.execute(made, file.resolve().parent, name=str(target))
        for cell in made.cells:
            cell.metadata.pop("deltarule", None)
        write_atomic(target, nbformat.writes(made) + "\n")
        written[target.name] = len(made.cells)
        click.echo(f"{target}: {len(made.cells)} cells")
    _write_json(json_file, {"written": written, "warnings": [str(w) for w in report.warnings]})


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
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML.")
@json_option
@_reports_errors
def grade(
    assignment: str,
    submitted: Path | None,
    notebooks: tuple[Path, ...],
    student: str,
    junit: Path | None,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Grade the submissions of an assignment, or single notebooks."""
    from deltarule.grading.classroom import Grading, grade_notebooks
    from deltarule.grading.results import ClassResult

    course = find_course(Path.cwd())
    settings, schedule = _grading_settings(options)
    if notebooks:
        if Path(student).name != student or student.startswith("."):
            raise UsageError(f"'{student}' cannot be a student's name: it names folders")
        result = grade_notebooks(course, assignment, notebooks, student, settings)
        results, record = [result], result.as_json()
        _echo_result(result)
    else:
        grading = Grading.of_course(course, assignment, submitted, settings, schedule)
        results = _with_progress(grading.grade(), len(grading.students()))
        results.sort(key=lambda result: result.student)
        record = ClassResult(assignment, tuple(results)).as_json()
        _print_table(assignment, results)
    _write_json(json_file, record)
    if junit is not None:
        from deltarule.reporting.junit import junit_xml

        write_atomic(junit, junit_xml(results))
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


def _print_table(assignment: str, results: list[Result]) -> None:
    from rich.console import Console

    from deltarule.reporting.table import class_table

    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(class_table(assignment, results))


def _with_progress(results: Iterable[Result], total: int) -> list[Result]:
    """Take results as they come, with a bar on a terminal and plain lines elsewhere."""
    if not sys.stderr.isatty():
        found: list[Result] = []
        began = time.monotonic()
        for result in results:
            found.append(result)
            pace = len(found) / max(time.monotonic() - began, 1e-9)
            left = (total - len(found)) / pace
            click.echo(
                f"[{len(found)}/{total}] {result.student} {result.score:g}/{result.max_score:g}"
                f"   {60 * pace:.0f} a minute, {left:.0f} s left",
                err=True,
            )
        return found
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("grading", total=total, pace="")
        found, began = [], time.monotonic()
        for result in results:
            found.append(result)
            pace = 60 * len(found) / max(time.monotonic() - began, 1e-9)
            progress.update(bar, advance=1, pace=f"{pace:.0f} a minute")
    return found


@main.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Seeds under which every correct variant has to earn every point.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first of them."
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True)
@json_option
@_reports_errors
def check(
    assignments: tuple[str, ...], seeds: int, seed: int, jobs: int, json_file: Path | None
) -> None:
    """Prove an assignment: its tests kill mutants, accept variants, and leak nothing."""
    from deltarule.bridge.build import chosen_assignments
    from deltarule.proving.check import run_check
    from deltarule.reporting.table import check_lines

    course = find_course(Path.cwd())
    reports = []
    for name in chosen_assignments(course, assignments):
        report = run_check(
            course,
            name,
            seeds=seeds,
            seed=seed,
            jobs=jobs,
            say=lambda step: click.echo(f"{step} ...", err=True),
        )
        reports.append(report)
        for line in check_lines(report):
            click.echo(line)
    _write_json(json_file, {"checks": [report.as_json() for report in reports]})
    if not all(report.passed for report in reports):
        sys.exit(NOT_PASSED)


@main.command()
@click.argument("assignment")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE, whatever it is.")
@json_option
@_reports_errors
def handout(assignment: str, file: Path, force: bool, json_file: Path | None) -> None:
    """Pack what a student gets into FILE.zip: notebooks, data, figures, environment."""
    from deltarule.bridge.handout import write_handout

    made = write_handout(find_course(Path.cwd()), assignment, file, force=force)
    for name in made.members:
        click.echo(f"  {name}")
    click.echo(f"{file}: {len(made.members)} files")
    _write_json(json_file, made.as_json())


@main.command()
@click.argument("name", required=False)
@json_option
@_reports_errors
def data(name: str | None, json_file: Path | None) -> None:
    """Fetch a data set, checked by its hash; without NAME, list those that the course knows."""
    from deltarule.bridge.datasets import cache_folder, find_data_set, known_data_sets

    course = find_course(Path.cwd())
    if name is not None:
        chosen = find_data_set(course, name)
        path = chosen.fetch(say=lambda step: click.echo(f"{step} ...", err=True))
        click.echo(f"{chosen.name}: {path}")
        _write_json(json_file, chosen.as_json())
        return
    known = known_data_sets(course)
    for entry in known:
        state = "fetched" if entry.is_fetched() else "not fetched"
        click.echo(f"{entry.name} ({entry.assignment}): {state}")
        for line in (entry.description, entry.url):
            if line:
                click.echo(f"    {line}")
    click.echo(
        f"Fetch one with 'deltarule data NAME'; they are kept in {cache_folder()}."
        if known
        else "The course has no data sets: none stands in source/<assignment>/data/registry.txt."
    )
    _write_json(
        json_file,
        {"cache": str(cache_folder()), "data_sets": [entry.as_json() for entry in known]},
    )


@main.command()
@json_option
@_reports_errors
def demo(json_file: Path | None) -> None:
    """Build the course and grade a small class, in build/demo/ with a gradebook of its own."""
    from deltarule.demo import run_demo

    course = find_course(Path.cwd())
    place = run_demo(course, lambda step: click.echo(f"{step} ..."), _with_progress)
    _print_table(place.assignment, list(place.results))
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
    _write_json(json_file, place.as_json())
