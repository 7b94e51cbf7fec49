"""Classroom 50's ``result.json``, schema ``classroom50/result/v1``.

Classroom 50 is the open successor of GitHub Classroom; its contract stands in its wiki
(https://github.com/foundation50/classroom50/wiki/Advanced-Autograding). Scores there are whole
numbers, and ours may be a quarter of a point: so they are given in hundredths of a point, for all
tests alike. What Classroom 50 keeps without reading it (further fields of a test) has the points
as they are.

Whose result it is, its runner knows: it passes the facts in the environment of ``autograder.py``
and writes ``owner``, ``assignment_type`` and the times over what stands in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deltarule.errors import UsageError
from deltarule.grading.results import Result, TestResult

__all__ = ["SCHEMA", "UNITS", "classroom50_record", "runner_facts"]

SCHEMA = "classroom50/result/v1"
UNITS = 100
"""Classroom 50's points in one of ours."""

FACTS = {
    "classroom": ("CLASSROOM",),
    "assignment": ("ASSIGNMENT",),
    "assignment_type": ("ASSIGNMENT_TYPE",),
    "owner": ("OWNER", "USERNAME"),
    "submission": ("SUBMISSION_TAG",),
    "commit": ("COMMIT_URL",),
    "release": ("RELEASE_URL",),
    "review": ("REVIEW_URL", "COMMIT_URL"),
}
"""The variables of the runner that each field is taken from, the first that is set."""


def runner_facts(environment: Mapping[str, str]) -> dict[str, str]:
    """What Classroom 50's runner tells an autograder: whose submission it is, and where.

    Raises:
        UsageError: the environment lacks some of it.
    """
    facts = {
        field: next((environment[name] for name in names if environment.get(name)), "")
        for field, names in FACTS.items()
    }
    missing = sorted(FACTS[field][0] for field, value in facts.items() if not value)
    if missing:
        raise UsageError(
            f"--classroom50 needs what Classroom 50's runner sets, and {', '.join(missing)} "
            "is not set: call it from an autograder.py, or set these variables"
        )
    return facts


def classroom50_record(
    result: Result, facts: Mapping[str, str], now: datetime | None = None
) -> dict[str, Any]:
    """One submission as plain data for ``result.json``.

    Args:
        result: of the submission.
        facts: from :func:`runner_facts`.
        now: the time to write down; the present if it is not given.
    """
    tests = [_test(result, test) for test in result.automatic]
    return {
        "schema": SCHEMA,
        **facts,
        "datetime": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def _test(result: Result, test: TestResult) -> dict[str, Any]:
    most = round(UNITS * test.points)
    passed = test.status == "passed"
    earned = most if passed else min(round(UNITS * (test.score or 0.0)), most)
    return {
        "test-name": result.title(test),
        "passed": passed,
        "score": earned,
        "max-score": most,
        "points": test.score or 0.0,
        "max-points": test.points,
        "message": "" if passed else test.advice,
    }
