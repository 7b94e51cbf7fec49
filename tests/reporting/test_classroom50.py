"""Classroom 50's result.json, held against the rules of its own validator."""

import json
from datetime import UTC, datetime

import pytest

from deltarule.errors import UsageError
from deltarule.reporting.classroom50 import classroom50_record, runner_facts

RUNNER = {
    "CLASSROOM": "dl",
    "ASSIGNMENT": "lab04",
    "ASSIGNMENT_TYPE": "individual",
    "OWNER": "ada",
    "SUBMISSION_TAG": "submit/2026-11-28T00-00-00Z-a1b2c3d",
    "COMMIT_URL": "https://github.com/dl/dl-lab04-ada/commit/a1b2c3d",
    "RELEASE_URL": "https://github.com/dl/dl-lab04-ada/releases/tag/x",
    "REVIEW_URL": "https://github.com/dl/dl-lab04-ada/compare/x...y",
}


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def complaints(record):
    """What Classroom 50's runner and its score collection refuse."""
    found = [
        field
        for field in ("classroom", "assignment", "owner", "commit", "release", "review", "datetime")
        if not isinstance(record.get(field), str) or not record[field]
    ]
    if record.get("schema") != "classroom50/result/v1":
        found.append("schema")
    if record.get("assignment_type") not in ("individual", "group", "team"):
        found.append("assignment_type")
    if not str(record.get("submission")).startswith("submit/"):
        found.append("submission")
    for one in (record, *record["tests"]):
        score, most = one.get("score"), one.get("max-score")
        if not is_count(score) or not is_count(most) or score > most:
            found.append("score")
    for test in record["tests"]:
        if not isinstance(test.get("test-name"), str) or not test["test-name"]:
            found.append("test-name")
        if not isinstance(test.get("passed"), bool):
            found.append("passed")
    return found


def test_the_record_passes_classroom_50s_own_rules(result, hostile):
    for one in (result, hostile):
        record = json.loads(json.dumps(classroom50_record(one, runner_facts(RUNNER))))
        assert complaints(record) == []


def test_points_are_whole_hundredths_and_partial_credit_is_not_lost(result):
    when = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
    record = classroom50_record(result, runner_facts(RUNNER), when)
    assert (record["score"], record["max-score"]) == (300, 950)
    assert record["datetime"] == "2026-11-28T01:02:03Z"
    backward = record["tests"][1]
    assert (backward["score"], backward["max-score"], backward["passed"]) == (100, 400, False)
    assert (backward["points"], backward["max-points"]) == (1.0, 4.0)
    assert [test["test-name"] for test in record["tests"]][-1] == "train"


def test_the_rules_can_refuse():
    assert complaints({"tests": [{"score": 2, "max-score": 1, "passed": 1}]})


def test_what_the_runner_did_not_say_is_named_all_at_once():
    with pytest.raises(UsageError, match="CLASSROOM, SUBMISSION_TAG is not set"):
        runner_facts({k: v for k, v in RUNNER.items() if k not in ("CLASSROOM", "SUBMISSION_TAG")})


def test_a_review_falls_back_to_the_commit_and_an_owner_to_the_user():
    facts = {k: v for k, v in RUNNER.items() if k not in ("REVIEW_URL", "OWNER")}
    found = runner_facts({**facts, "USERNAME": "ben"})
    assert (found["review"], found["owner"]) == (RUNNER["COMMIT_URL"], "ben")
