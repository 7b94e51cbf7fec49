"""Commands that exchange with a learning management system: submissions in, grades out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deltarule.cli.common import NOT_PASSED, json_option, listed, main, reports_errors, write_json
from deltarule.config import find_course, write_atomic
from deltarule.errors import MachineryError, UsageError

if TYPE_CHECKING:
    from deltarule.lms.collecting import Collected
    from deltarule.lms.exporting import Export

__all__ = ["collect", "export"]

SYSTEMS = ("canvas", "moodle", "brightspace")
SHOWN = 12
"""How many names a line gives."""

file_path = click.Path(dir_okay=False, path_type=Path)
roster_option = click.option(
    "--roster", type=file_path, help="The system's own gradebook export: who is who."
)


@main.command()
@click.argument("assignment")
@click.argument("file", metavar="ZIP", type=file_path)
@click.option("--from", "system", type=click.Choice(SYSTEMS), required=True)
@roster_option
@click.option(
    "--timezone", metavar="NAME", help="Of the times in it, e.g. Europe/Berlin  [this machine's]"
)
@click.option("--force", is_flag=True, help="Write over what is there, whichever is later.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@json_option
@reports_errors
def collect(
    assignment: str,
    file: Path,
    system: str,
    roster: Path | None,
    timezone: str | None,
    json_file: Path | None,
    **how: bool,
) -> None:
    """Lay an LMS's download of submissions out under submitted/."""
    from deltarule.lms.collecting import collect_download

    course = find_course(Path.cwd())
    zone = _zone(timezone)
    done = collect_download(course, assignment, file, system, roster_file=roster, zone=zone, **how)
    _echo_collected(done, timezone)
    write_json(json_file, done.as_json())
    if done.to_look_at or not done.placed:
        sys.exit(NOT_PASSED)


def _zone(name: str | None) -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"--timezone: '{name}' is no time zone that this machine knows; write e.g. "
            "Europe/Berlin or UTC"
        ) from None


def _echo_collected(done: Collected, timezone: str | None) -> None:
    for one in done.placed:
        taken = one.taken
        who = taken.student + (f" ({taken.name})" if taken.name not in ("", taken.student) else "")
        when = f"  {taken.when:%Y-%m-%d %H:%M %Z}" if taken.when else ""
        note = "; ".join(part for part in (one.why, taken.note) if part)
        click.echo(
            f"  {one.outcome:<6} {who}  {taken.notebook}{when}" + (f"  - {note}" if note else "")
        )
    expected = [one for one in done.left if one.expected]
    if expected:
        click.echo(f"not needed: {_counted(len(expected), 'file')}")
        for rest in expected:
            click.echo(f"  {rest.member}: {rest.why}")
    for student, names in done.missing.items():
        click.echo(f"{student} has not handed in {listed(names)}")
    if done.absent:
        more = f", and {len(done.absent) - SHOWN} more" if len(done.absent) > SHOWN else ""
        click.echo(f"nothing from {'; '.join(done.absent[:SHOWN])}{more}")
    _echo_times(done, timezone)
    if done.to_look_at:
        click.echo("look at these; they are not placed:", err=True)
        for line in done.to_look_at:
            click.echo(f"  {line}", err=True)
    would = "would be " if done.dry_run else ""
    files = sum(one.outcome not in ("kept", "same") for one in done.placed)
    many, students = _counted(files, "notebook"), _counted(len(done.students), "student")
    click.echo(f"{done.assignment}: {many} {would}placed, {students}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _echo_times(done: Collected, timezone: str | None) -> None:
    if any(one.taken.when for one in done.placed) and timezone is None:
        click.echo("times are read by this machine's clock; --timezone says another")
    if done.untimed_late:
        click.echo(
            f"late, and nothing says when: {listed(done.untimed_late)}; for a penalty, write the "
            "time into submitted/<student>/<assignment>/timestamp.txt"
        )


@main.command()
@click.argument("assignment")
@click.argument("file", type=file_path)
@click.option("--to", "target", type=click.Choice([*SYSTEMS, "csv"]), required=True)
@roster_option
@click.option("--column", metavar="TITLE", help="What the system calls the assignment.")
@click.option("--new-column", metavar="TITLE", help="Let the system make a column.")
@click.option(
    "--out-of", type=click.FloatRange(min=0, min_open=True), help="Scale all points to these."
)
@click.option("--against", type=file_path, help="An earlier export: write only what changed.")
@click.option("--provisional", is_flag=True, help="Export what is not final, too.")
@click.option("--allow-unmatched", is_flag=True, help="Leave out who is not in the roster.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@json_option
@reports_errors
def export(
    assignment: str,
    file: Path,
    target: str,
    force: bool,
    dry_run: bool,
    json_file: Path | None,
    **wishes: Any,
) -> None:
    """Write grades as a file that an LMS imports."""
    from deltarule.lms.exporting import Wishes, make_export

    for name in ("roster", "against"):
        if wishes[name] is not None and file.resolve() == wishes[name].resolve():
            raise UsageError(f"{file} is the --{name}; write to another file")
    if file.exists() and not force and not dry_run:
        raise UsageError(f"{file} exists; choose another name, or overwrite it with --force")
    course = find_course(Path.cwd())
    made = make_export(course, assignment, target, Wishes(**wishes))
    _echo_export(made)
    if not dry_run:
        try:
            write_atomic(file, made.content)
        except OSError as error:
            raise MachineryError(f"{file} cannot be written: {error.strerror}") from error
    did = "would have" if dry_run else "has"
    many = _counted(len(made.changes), "grade")
    click.echo(f"{file} {did} {many}, in the column '{made.column}'")
    write_json(json_file, {**made.as_json(), "file": None if dry_run else str(file)})


def _echo_export(made: Export) -> None:
    for one in made.changes:
        if one.changed:
            grade = one.grade
            parts = [f"{grade.automatic:g} automatic", f"{grade.manual:g} by hand"]
            parts += [f"{grade.extra:g} extra"] if grade.extra else []
            parts += [f"{grade.penalty:g} off for being late"] if grade.penalty else []
            was = "" if one.was is None else f"{one.was:g} -> "
            held = f"  NOT FINAL: {grade.held}" if grade.held else ""
            click.echo(f"  {grade.student:<24} {was}{one.cell}  ({', '.join(parts)}){held}")
    same = sum(not one.changed for one in made.changes)
    if same:
        click.echo(f"  {same} as they are there already")
    for title, names in (
        ("held back, not in the file", made.held),
        ("not in the roster, not in the file", made.unmatched),
    ):
        if names:
            click.echo(f"{title}:", err=True)
            for student, why in sorted(names.items()):
                click.echo(f"  {student}: {why}", err=True)
    if made.above and made.system != "csv":
        click.echo(
            f"above {made.out_of:g} points: {listed(made.above)}; Moodle leaves such a grade out, "
            "and Brightspace cuts it, where the item does not allow it",
            err=True,
        )
    if made.gone:
        click.echo(f"had a grade before, and has none now: {listed(made.gone)}", err=True)
