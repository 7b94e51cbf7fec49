"""GitHub's annotations: lines like ``::error title=…::…`` that a runner shows beside a run.

Whatever a runner reads on a line of its own may be an order to it, so what a student had a hand in
must never make one. Data and properties are encoded as GitHub's own toolkit does (the source is
``packages/core/src/command.ts`` of ``actions/toolkit``): then a text has no line end by which a
second command could begin, and no colon or comma that ends a property.
"""

from __future__ import annotations

from collections.abc import Sequence

from deltarule.grading.messages import plain_message
from deltarule.grading.results import Result, TestResult
from deltarule.reporting.summary import counted

__all__ = ["MOST", "annotation_lines"]

MOST = 10
"""Annotations of one level that GitHub shows of a step."""

LEVELS = {"partial": "warning", "skipped": "warning"}
"""Of tests that did not pass; ``error`` where nothing else is said."""


def annotation_lines(
    assignment: str, results: Sequence[Result], file: str | None = None
) -> list[str]:
    """The commands to print, one a line: of one submission, or of a class.

    Args:
        assignment: its name.
        results: one for each submission.
        file: the notebook, if it was one: where GitHub shows the annotations.
    """
    if file is None and len(results) != 1:
        return [_command("notice", assignment, _class_in_a_sentence(results))]
    (result,) = results
    lines = []
    wrong = [test for test in result.automatic if test.status != "passed"]
    for level in ("error", "warning"):
        of_level = [test for test in wrong if LEVELS.get(test.status, "error") == level]
        lines += _limited(level, result, of_level, file)
    total = f"{result.score:g} of {result.max_score:g} automatic points"
    return [*lines, _command("notice", assignment, total, file)]


def _limited(
    level: str, result: Result, tests: Sequence[TestResult], file: str | None
) -> list[str]:
    """Those that GitHub shows; the last of them says how many more there are."""
    shown = tests if len(tests) <= MOST else tests[: MOST - 1]
    lines = []
    for test in shown:
        title = f"{result.title(test)}: {test.score or 0:g} of {test.points:g} points"
        lines.append(_command(level, title, test.advice or test.status, file))
    if len(shown) < len(tests):
        names = ", ".join(result.title(test) for test in tests[len(shown) :])
        lines.append(_command(level, f"{len(tests) - len(shown)} more tests", names, file))
    return lines


def _class_in_a_sentence(results: Sequence[Result]) -> str:
    passed = sum(result.everything_passed for result in results)
    return f"{counted(len(results))} graded; {passed} passed every automatic test"


def _command(level: str, title: str, message: str, file: str | None = None) -> str:
    properties = {"file": file, "title": title}
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{level} {written}::{_data(message)}"


def _data(text: str) -> str:
    """A text without anything that ends a line; ``%`` first, or it would be encoded twice."""
    safe = plain_message(text)
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
