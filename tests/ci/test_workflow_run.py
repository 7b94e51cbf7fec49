"""The workflow of the course's repository, run here against right, wrong and malicious students."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest

from .conftest import AGAIN, POST, READ
from .fake_host import FakeHost

pytestmark = pytest.mark.slow

GRADED = {"ada": 3.0, "ben": 0.0, "wes": 1.0, "mal": 0.0}


@pytest.fixture
def results(run):
    runner, _, _ = run
    return runner.folder / "artifacts" / "results"


@pytest.fixture
def graded(results):
    record = json.loads((results / "result.json").read_text(encoding="utf-8"))
    return {result["student"]: result for result in record["results"]}


def test_every_job_ends_well_though_students_are_wrong(run):
    _, _, ran = run
    assert {name: job.code for name, job in ran.items()} == {"fetch": 0, "grade": 0, "post": 0}


def test_each_student_earns_what_the_notebook_deserves(graded):
    assert {student: result["score"] for student, result in graded.items()} == GRADED


def test_real_results_validate_against_the_published_schema(graded):
    text = files("deltarule").joinpath("reporting/schema/result-v1.json").read_text("utf-8")
    for result in graded.values():
        jsonschema.validate(result, json.loads(text))
        assert result["sandbox"] in ("namespaces", "landlock")


def test_what_could_not_be_fetched_is_on_record_and_stops_nobody(run, results):
    records = json.loads((results / "submissions.json").read_text(encoding="utf-8"))
    problems = {one["student"]: one["problem"] for one in records if one["problem"]}
    assert set(problems) == {"lin", "nil", "nie"}
    assert problems["lin"] == problems["nil"]
    assert problems["nil"] == "no plain file small.ipynb at the top or in small/"
    assert "not-there" in problems["nie"]
    page = run[2]["fetch"].summary
    assert page.startswith("## small: 4 of 7 fetched")
    assert "- nil: `no plain file small.ipynb" in page


def test_a_link_to_the_solution_is_not_followed(run, graded):
    assert "lin" not in graded
    assert not (run[0].folder / "artifacts" / "submissions" / "submitted" / "lin").exists()


def test_the_commit_that_was_graded_is_the_one_that_is_told(run, hub, github):
    _, commits = hub
    for student, score in GRADED.items():
        (status,) = github.kept["statuses"][f"class/small-{student}"]
        assert status["at"] == commits[student]
        assert status["context"] == "deltarule/small"
        assert status["state"] == ("success" if score == 3 else "failure")
        assert status["description"] == f"{score:g} of 3 points"
        (issue,) = github.kept["issues"][f"class/small-{student}"]
        assert issue["title"] == "small: grading"
        assert issue["body"].startswith(f"## small: {score:g} of 3 points")
        assert commits[student] in issue["body"]
    assert not any(github.kept["issues"][f"class/small-{name}"] for name in ("lin", "nil"))


def test_students_read_what_is_wrong(github):
    (issue,) = github.kept["issues"]["class/small-wes"]
    assert "| double | 0 / 2 | ❌ failed |" in issue["body"]
    assert "**double**: that is not the answer" in issue["body"]


def test_the_runs_page_has_the_class_and_one_annotation(run):
    grade = run[2]["grade"]
    assert grade.summary.startswith("## small: 4 submissions")
    assert "| wes | 1 / 3 | double |" in grade.summary
    assert commands(grade.output) == [
        "::notice title=small::4 submissions graded; 1 passed every automatic test"
    ]


def test_junit_lists_every_student(results):
    suites = ElementTree.parse(results / "junit.xml").getroot()
    failures = {suite.get("name"): suite.get("failures") for suite in suites}
    assert failures["small: ada"] == "0"
    assert set(failures) == {f"small: {student}" for student in GRADED}


def commands(output):
    return [line for line in output.split("\n") if re.match(r"\s*::", line) or "##[" in line]


def test_a_malicious_notebook_forges_nothing(run, results, github):
    _, _, ran = run
    summary = (results / "summaries" / "mal.md").read_text(encoding="utf-8")
    (issue,) = github.kept["issues"]["class/small-mal"]
    assert "forged" in summary
    for text in (summary, issue["body"], ran["grade"].summary):
        assert not re.search(r"<script|<img|<td|\[forged\]|@everyone|\*\*forged", text)
    assert all("forged" not in line for job in ran.values() for line in commands(job.output))
    assert not (run[0].folder / "output").exists()


def test_a_malicious_notebook_steals_nothing(run, results, github):
    everything = [path.read_text("utf-8") for path in results.rglob("*") if path.is_file()]
    everything += [job.output + job.summary for job in run[2].values()]
    everything.append(json.dumps(github.kept))
    assert any("nothing to take" in text for text in everything)
    for text in everything:
        assert "STOLEN" not in text
        assert "BEGIN HIDDEN" not in text
        assert READ not in text
        assert POST not in text


def test_each_token_reaches_its_own_job_only(run, github):
    _, workflow, _ = run
    used = {name: str(job).count("secrets.") for name, job in workflow["jobs"].items()}
    assert used == {"fetch": 1, "grade": 0, "post": 1}
    assert github.tokens == {f"Bearer {POST}"}


@pytest.fixture
def elsewhere(run):
    """The job that posts, on a host that has nothing yet; and how to run it."""
    runner, workflow, _ = run
    with FakeHost() as host:
        values = {**runner.values, "github.api_url": host.url}
        other = replace(runner, values=values)
        yield host, values, lambda: other.job(workflow, "post")


def test_a_commit_that_has_its_result_is_left_alone_unless_asked(elsewhere):
    host, values, post = elsewhere
    assert "wes: posted" in post().output
    assert "wes: has it already" in post().output
    assert not host.kept["comments"]["class/small-wes"]
    values[AGAIN] = "--again"
    assert "wes: posted" in post().output
    assert len(host.kept["issues"]["class/small-wes"]) == 1
    (comment,) = host.kept["comments"]["class/small-wes"]
    assert comment["body"].startswith("## small: 1 of 3 points")


def test_a_student_who_cannot_be_written_to_is_named_and_the_others_are(elsewhere):
    host, _, post = elsewhere
    host.refused.add("class/small-ben")
    ran = post()
    assert ran.code == 3
    assert "ben: could not be posted: its status: HTTP Error 403" in ran.output
    assert host.kept["issues"]["class/small-wes"]


def test_a_token_that_lacks_a_permission_writes_to_nobody_twice(elsewhere):
    host, _, post = elsewhere
    host.refused.add("statuses")
    assert post().code == post().code == 3
    assert not host.kept["issues"]
    host.refused = {"issues"}
    assert "wes: could not be posted: its summary, though its status is: HTTP" in post().output


def test_torch_is_installed_before_what_would_ask_for_another_build(run):
    installed = run[0].installed.splitlines()[:3]  # other tests run the job again
    assert "install torch==" in installed[0]
    assert installed[1].endswith("-r requirements.lock")
    assert installed[2].endswith("--no-deps .")
