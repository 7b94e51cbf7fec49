"""The composite action on one notebook: what a run shows of it."""

import json
from xml.etree import ElementTree

import pytest

from .small_course import notebook
from .test_workflow_run import commands

pytestmark = pytest.mark.slow
ACTION = "./.github/actions/grade"


@pytest.fixture
def graded(run):
    """Runs the action on ``submission.ipynb`` of a workspace that has graded before."""
    runner, _, _ = run
    workspace = runner.folder / "work" / "grade"
    inputs = {"assignment": "small", "notebook": "submission.ipynb", "results": "single"}

    def act():
        return runner.action(ACTION, "grade", inputs), workspace / "single"

    yield workspace / "submission.ipynb", act
    (workspace / "submission.ipynb").unlink()


def test_a_malicious_notebook_shows_only_what_the_grader_says(course, graded):
    path, act = graded
    path.write_text(notebook("malicious", course), encoding="utf-8")
    ran, results = act()
    assert ran.code == 1
    found = commands(ran.output)
    begun = "::error file=submission.ipynb,title="
    assert found[0].startswith(f"{begun}double%3A 0 of 2 points::")
    assert found[1].startswith(f"{begun}square%3A 0 of 1 points::")
    assert found[2:] == ["::notice file=submission.ipynb,title=small::0 of 3 automatic points"]
    assert ran.summary.startswith("## small: 0 of 3 points")
    assert "<script" not in ran.summary
    assert ran.summary == (results / "summary.md").read_text(encoding="utf-8")
    failures = ElementTree.parse(results / "junit.xml").getroot().findall(".//failure")
    errors = ElementTree.parse(results / "junit.xml").getroot().findall(".//error")
    assert len(failures) + len(errors) == 2
    assert "STOLEN" not in (results / "result.json").read_text(encoding="utf-8")


def test_a_link_is_a_result_without_points(course, graded):
    path, act = graded
    path.symlink_to(course / "roster.csv")
    ran, results = act()
    assert ran.code == 1
    record = json.loads((results / "result.json").read_text(encoding="utf-8"))
    assert record["score"] == 0
    assert "hand in the notebook itself" in record["tests"][0]["message"]


def test_where_nothing_is_graded_the_code_says_machinery_or_usage(run):
    runner, _, _ = run
    inputs = {"assignment": "absent", "notebook": "README.md", "results": "none"}
    ran = runner.action(ACTION, "grade", inputs)
    assert ran.code == 2
    assert "there is no assignment 'absent'" in ran.output
