"""Commands for authors: start, build, convert, check, hand out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from deltarule.cli.common import NOT_PASSED, json_option, listed, main, reports_errors, write_json
from deltarule.config import Course, find_course, write_atomic
from deltarule.errors import DeltaruleError, UsageError

__all__ = ["build", "check", "convert", "data", "handout", "new"]


@main.command()
@click.argument("assignment")
@json_option
@reports_errors
def new(assignment: str, json_file: Path | None) -> None:
    """Start an assignment: a small one that works, to be changed into your own."""
    from deltarule.authoring.starting import start_assignment

    course = find_course(Path.cwd())
    made = [
        path.relative_to(course.root).as_posix() for path in start_assignment(course, assignment)
    ]
    for path in made:
        click.echo(path)
    click.echo(
        f"\nIt works as it is. Write in {made[0]}, and see what students get, at each save, with\n"
        f"    deltarule build --watch {assignment}"
    )
    write_json(json_file, {"assignment": assignment, "made": made})


@main.command()
@click.argument("assignments", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; fail if anything generated is stale.")
@click.option("--pdf", is_flag=True, help="Print the notebooks, too, to build/pdf/.")
@click.option("--watch", is_flag=True, help="Show the students' version, anew at each save.")
@json_option
@reports_errors
def build(
    assignments: tuple[str, ...], check: bool, pdf: bool, watch: bool, json_file: Path | None
) -> None:
    """Make release/ and solutions/ from source/; only what changed."""
    from deltarule.bridge.build import build_assignment, chosen_assignments, stale_files

    if check + pdf + watch > 1:
        raise UsageError(
            "--check changes nothing, --pdf makes PDFs, --watch shows a preview: choose one of them"
        )
    course = find_course(Path.cwd())
    if watch:
        _watch(course, assignments, json_file)
        return
    chosen = chosen_assignments(course, assignments)
    if check:
        stale = {name: stale_files(course, name) for name in chosen}
        write_json(json_file, {"stale": stale})
        complaints = [line for lines in stale.values() for line in lines]
        for line in complaints:
            click.echo(line)
        if complaints:
            click.echo("Run 'deltarule build' and commit what changes.")
            sys.exit(NOT_PASSED)
        click.echo(f"{listed(chosen)}: release and solutions are current.")
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
    write_json(json_file, record | {"errors": [str(error) for error in errors]})
    if errors:
        sys.exit(max(error.exit_code for error in errors))


def _watch(course: Course, assignments: tuple[str, ...], json_file: Path | None) -> None:
    """The live preview, until Ctrl-C."""
    from deltarule.authoring.preview import Save, watch
    from deltarule.bridge.build import chosen_assignments

    saves: list[dict[str, Any]] = []
    chosen_assignments(course, assignments)

    def started(address: str) -> None:
        click.echo(f"\nStudents will see {address}")
        click.echo("Nothing is run, and release/ stays as it is. Ctrl-C ends the preview.")

    def saved(save: Save) -> None:
        shown = f"source/{save.assignment}/{save.name}.md"
        if save.problems:
            click.echo("\n".join(["", *save.problems]), err=True)
        else:
            click.echo(f"{shown}: {len(save.cells)} cells, {save.seconds:.2f} s")
        saves.append({"source": shown, "seconds": save.seconds, "problems": list(save.problems)})

    try:
        watch(course, assignments, started=started, saved=saved)
    finally:
        write_json(json_file, {"saves": saves})


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
    click.echo(f"{name}: {listed(paths) or 'no PDF to make'}")
    return paths


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--student", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--solution", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--execute", is_flag=True, help="Run what is written and keep the outputs.")
@json_option
@reports_errors
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
    write_json(json_file, {"written": written, "warnings": [str(w) for w in report.warnings]})


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
@reports_errors
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
    write_json(json_file, {"checks": [report.as_json() for report in reports]})
    if not all(report.passed for report in reports):
        sys.exit(NOT_PASSED)


@main.command()
@click.argument("assignment")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE, whatever it is.")
@json_option
@reports_errors
def handout(assignment: str, file: Path, force: bool, json_file: Path | None) -> None:
    """Pack what a student gets into FILE.zip: notebooks, data, figures, environment."""
    from deltarule.bridge.handout import write_handout

    made = write_handout(find_course(Path.cwd()), assignment, file, force=force)
    for name in made.members:
        click.echo(f"  {name}")
    click.echo(f"{file}: {len(made.members)} files")
    write_json(json_file, made.as_json())


@main.command()
@click.argument("name", required=False)
@json_option
@reports_errors
def data(name: str | None, json_file: Path | None) -> None:
    """Fetch a data set, checked by its hash; without NAME, list those that the course knows."""
    from deltarule.bridge.datasets import cache_folder, find_data_set, known_data_sets

    course = find_course(Path.cwd())
    if name is not None:
        chosen = find_data_set(course, name)
        path = chosen.fetch(say=lambda step: click.echo(f"{step} ...", err=True))
        click.echo(f"{chosen.name}: {path}")
        write_json(json_file, chosen.as_json())
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
    write_json(
        json_file,
        {"cache": str(cache_folder()), "data_sets": [entry.as_json() for entry in known]},
    )
