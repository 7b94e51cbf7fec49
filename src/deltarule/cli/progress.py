"""How a class is shown on a terminal while it is graded, and afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from deltarule.grading.results import Result

__all__ = ["print_table", "with_progress"]


def print_table(assignment: str, results: list[Result]) -> None:
    """A class as a table."""
    from rich.console import Console

    from deltarule.reporting.table import class_table

    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(class_table(assignment, results))


def with_progress(results: Iterable[Result], total: int) -> list[Result]:
    """Take results as they come, with a bar on a terminal and plain lines elsewhere."""
    if not sys.stderr.isatty():
        from deltarule.grading.messages import one_line

        found: list[Result] = []
        began = time.monotonic()
        for result in results:
            found.append(result)
            pace = len(found) / max(time.monotonic() - began, 1e-9)
            left = (total - len(found)) / pace
            said = f"{one_line(result.student)} {result.score:g}/{result.max_score:g}"
            click.echo(
                f"[{len(found)}/{total}] {said}   {60 * pace:.0f} a minute, {left:.0f} s left",
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
