"""Results: the published schema, JUnit, and what counts as automatic points."""

import json
from dataclasses import replace
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest

from deltarule.grading import ClassResult, Result, TestResult
from deltarule.reporting.junit import junit_xml
from deltarule.reporting.table import result_lines

SCHEMA = json.loads(
    files("deltarule").joinpath("reporting/schema/result-v1.json").read_text(encoding="utf-8")
)


def judged(name, score, status, points=4.0, **more):
    return TestResult("lab04", name, points, score, status, "kernel", cell=name, **more)


RESULT = Result(
    "lab04",
    "s001",
    "none",
    7,
    1.5,
    {"python": "3.11"},
    (
        judged("forward", 4.0, "passed", margin=12.0),
        judged("backward", 2.0, "partial", message="The bias <gradient> & more"),
        judged("train", 0.0, "error", message="NameError: \x00 x"),
        judged("eq1", None, "manual", points=1.0),
        judged("eq2", 1.0, "manual", points=1.0),
    ),
)


def test_a_result_validates_against_the_published_schema():
    jsonschema.validate(RESULT.as_json(), SCHEMA)


@pytest.mark.parametrize(
    "damage",
    [
        {"sandbox": "strong"},
        {"score": -1},
        {"student": ""},
        {"extra": 1},
        {"tests": [{"name": "x"}]},
    ],
)
def test_the_schema_rejects_what_is_not_a_result(damage):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**RESULT.as_json(), **damage}, SCHEMA)


def test_points_are_automatic_points_only():
    record = RESULT.as_json()
    assert (record["score"], record["max_score"]) == (6.0, 12.0)
    assert (record["manual_score"], record["max_manual"]) == (None, 2.0)


def test_manual_points_appear_once_every_answer_is_graded():
    graded = tuple(replace(t, score=0.5) if t.status == "manual" else t for t in RESULT.tests)
    assert replace(RESULT, tests=graded).manual_score == 1.0


def test_records_can_be_read_back():
    assert Result.from_json(json.loads(json.dumps(RESULT.as_json()))) == RESULT


def test_a_class_holds_its_results():
    record = ClassResult("lab04", (RESULT,)).as_json()
    assert record["schema"] == "deltarule/class/v1"
    jsonschema.validate(record["results"][0], SCHEMA)


def test_junit_counts_and_survives_control_characters():
    suite = ElementTree.fromstring(junit_xml([RESULT])).find("testsuite")
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "0"}
    failure = suite.find("testcase[@name='backward']/failure")
    assert failure.get("message") == "2 of 4 points. The bias <gradient> & more"
    assert suite.find("testcase[@name='forward']/failure") is None


def test_manual_answers_are_not_failures():
    lines = result_lines(RESULT)
    assert lines[0] == "s001: 6 of 12 automatic points"
    assert lines[-1] == "  to be graded by hand: eq1"
    only_manual = replace(RESULT, tests=RESULT.tests[:1] + RESULT.tests[3:])
    assert only_manual.everything_passed
    assert not RESULT.everything_passed
