"""The command that packs an assignment for an outside autograder."""

from __future__ import annotations

from pathlib import Path

import click

from deltarule.cli.common import json_option, main, reports_errors, write_json
from deltarule.config import find_course

__all__ = ["bundle"]


@main.command()
@click.argument("assignment")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE, whatever it is.")
@json_option
@reports_errors
def bundle(assignment: str, file: Path, force: bool, json_file: Path | None) -> None:
    """Pack what Gradescope needs to grade an assignment into FILE.zip; keep it from students."""
    from deltarule.bridge.bundle import write_bundle

    made = write_bundle(find_course(Path.cwd()), assignment, file, force=force)
    click.echo(f"{file}: {len(made.members)} files, with solutions and hidden tests")
    write_json(json_file, made.as_json())
