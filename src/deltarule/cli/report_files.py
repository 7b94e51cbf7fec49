"""The files and lines that ``grade`` leaves for others: which options there are, and writing them.

A report is of one submission or of a class. Where a class is graded, ``{student}`` in a file's name
gives each submission a file of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deltarule.cli.common import write_file
from deltarule.errors import UsageError

if TYPE_CHECKING:
    from deltarule.grading.results import Result

__all__ = ["Reports", "report_options"]

EACH = "{student}"
"""In the name of a file: one for each student."""

_FILES = {
    "junit": "Write JUnit XML.",
    "gradescope": "Write Gradescope's results.json.",
    "classroom50": "Write Classroom 50's result.json.",
    "summary": "Write a summary in Markdown, e.g. to $GITHUB_STEP_SUMMARY.",
}


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    options = [
        click.option(
            f"--{name}",
            multiple=True,
            type=click.Path(dir_okay=False, path_type=Path),
            help=text,
        )
        for name, text in _FILES.items()
    ]
    options.append(
        click.option(
            "--annotations/--no-annotations",
            default=None,
            help="Print GitHub's ::error lines.  [default: where GITHUB_ACTIONS is true]",
        )
    )
    return reduce(lambda made, option: option(made), reversed(options), command)


@dataclass(frozen=True)
class Reports:
    """What was asked for.

    Attributes:
        files: the name of an option and where its report goes, for each time that it was given.
        annotations: whether to print annotations.
    """

    files: tuple[tuple[str, Path], ...]
    annotations: bool

    @classmethod
    def of_options(cls, options: dict[str, Any], of_class: bool) -> Reports:
        """Take what :func:`report_options` added out of a command's options.

        Raises:
            UsageError: a report of one submission is asked of a class, or the other way round; or
                what a report needs is not there.
        """
        files = tuple((name, path) for name in _FILES for path in options.pop(name))
        for name, path in files:
            if not of_class and EACH in str(path):
                raise UsageError(
                    f"--{name} {path}: {EACH} is for a class, and this is one notebook"
                )
            if of_class and name in ("gradescope", "classroom50") and EACH not in str(path):
                raise UsageError(
                    f"--{name} is about one submission: write {EACH} into the name, "
                    f"e.g. results/{EACH}.json, to get a file for each"
                )
        if "classroom50" in dict(files):
            from deltarule.reporting.classroom50 import runner_facts

            runner_facts(os.environ)  # to fail before an hour of grading, not after it
        wanted = options.pop("annotations")
        on_github = os.environ.get("GITHUB_ACTIONS") == "true"
        return cls(files, on_github if wanted is None else wanted)

    def write(self, assignment: str, results: Sequence[Result], of_class: bool) -> None:
        """Write all files.

        Raises:
            MachineryError: one cannot be written.
        """
        for name, path in self.files:
            if EACH in str(path):
                for result in results:
                    place = Path(str(path).replace(EACH, result.student))
                    write_file(place, _text(name, assignment, [result], of_class=False))
            else:
                write_file(path, _text(name, assignment, results, of_class))

    def announce(self, assignment: str, results: Sequence[Result], file: str | None) -> None:
        """Print the annotations, if they are wanted; ``file`` is the notebook, if there is one."""
        if self.annotations:
            from deltarule.reporting.annotations import annotation_lines

            for line in annotation_lines(assignment, results, file):
                click.echo(line)


def _text(name: str, assignment: str, results: Sequence[Result], of_class: bool) -> str:
    if name == "junit":
        from deltarule.reporting.junit import junit_xml

        return junit_xml(list(results))
    if name == "summary":
        from deltarule.reporting.summary import class_summary, summary

        return class_summary(assignment, results) if of_class else summary(results[0])
    if name == "gradescope":
        from deltarule.reporting.gradescope import gradescope_record

        record = gradescope_record(results[0])
    else:
        from deltarule.reporting.classroom50 import classroom50_record, runner_facts

        record = classroom50_record(results[0], runner_facts(os.environ))
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
