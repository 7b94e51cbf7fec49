"""What all commands share: the group they belong to, errors as exit codes, JSON, lists."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from deltarule import __version__
from deltarule.config import write_atomic
from deltarule.errors import DeltaruleError, MachineryError

__all__ = [
    "NOT_PASSED",
    "json_option",
    "listed",
    "main",
    "reports_errors",
    "write_file",
    "write_json",
]

P = ParamSpec("P")
NOT_PASSED = 1
"""The exit code where something was done and did not pass."""

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


def reports_errors(command: Callable[P, None]) -> Callable[P, None]:
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


def write_json(path: Path | None, record: Any) -> None:
    """Write what a command has done, if that was asked for."""
    if path is not None:
        write_file(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a file that was asked for, whole or not at all.

    Raises:
        MachineryError: it cannot be written.
    """
    try:
        write_atomic(path, text)
    except OSError as error:
        raise MachineryError(f"{path} cannot be written: {error}") from error


def listed(names: Sequence[str]) -> str:
    """Names as people write them."""
    return ", ".join(names)
