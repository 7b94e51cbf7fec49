"""Gradescope's ``results.json``: what its autograder harness reads after ``run_autograder``.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/. The total is left to
Gradescope, which adds up the tests; written answers are graded there by hand, in a question of
their own. Gradescope knows two states only: partial credit is ``failed``, with its points.
"""

from __future__ import annotations

from typing import Any

from deltarule.grading.results import Result, TestResult

__all__ = ["gradescope_record"]

PLAIN = "text"
"""How Gradescope is to show what we write: escaped. It could also be Markdown or HTML."""


def gradescope_record(result: Result) -> dict[str, Any]:
    """One submission as plain data for ``results.json``."""
    return {
        "execution_time": round(result.duration_s),
        "output": _overview(result),
        "output_format": PLAIN,
        "test_output_format": PLAIN,
        "test_name_format": PLAIN,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(result, test) for test in result.automatic],
        "extra_data": {"sandbox": result.sandbox, "seed": result.seed},
    }


def _overview(result: Result) -> str:
    lines = [f"{result.score:g} of {result.max_score:g} automatic points."]
    waiting = [result.title(test) for test in result.manual if test.score is None]
    if waiting:
        lines.append(f"To be graded by hand: {', '.join(waiting)}.")
    return "\n".join([*lines, *result.notes])


def _test(result: Result, test: TestResult) -> dict[str, Any]:
    return {
        "name": result.title(test),
        "score": test.score or 0.0,
        "max_score": test.points,
        "status": "passed" if test.status == "passed" else "failed",
        "output": "" if test.status == "passed" else test.advice,
        "visibility": "visible",
    }
