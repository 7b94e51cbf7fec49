"""Commands that report on what is on record: the class report."""

from __future__ import annotations

from pathlib import Path

import click

from deltarule.cli.common import json_option, main, reports_errors, write_json
from deltarule.config import find_course, write_atomic
from deltarule.errors import MachineryError

__all__ = ["report"]


@main.command()
@click.argument("assignment")
@click.option(
    "--html",
    "html_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the page goes  [default: build/reports/ASSIGNMENT.html]",
)
@click.option("--anonymous", is_flag=True, help="Leave out all that is about single students.")
@json_option
@reports_errors
def report(
    assignment: str, html_file: Path | None, anonymous: bool, json_file: Path | None
) -> None:
    """Show how a class did: scores, tests, misconceptions, in one HTML file."""
    from deltarule.reporting.class_report.report import make_report
    from deltarule.reporting.table import report_lines

    course = find_course(Path.cwd())
    page = html_file or course.build / "reports" / f"{assignment}.html"
    made = make_report(course, assignment, page, names=not anonymous)
    try:
        write_atomic(page, made.html)
    except OSError as error:
        raise MachineryError(f"{page} cannot be written: {error}") from error
    write_json(json_file, made.as_json())
    for line in report_lines(made):
        click.echo(line)
    shown = page.relative_to(course.root) if page.is_relative_to(course.root) else page
    click.echo(f"{shown}: open it in a browser")
