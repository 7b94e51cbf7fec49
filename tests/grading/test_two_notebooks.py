"""``deltarule grade`` of an assignment with two notebooks: each is worth its own points."""

import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from click.testing import CliRunner

from deltarule.bridge.build import build_assignment
from deltarule.bridge.feedback import generate_feedback
from deltarule.bridge.gradebook import GradebookWriter
from deltarule.cli import main
from deltarule.config import Course
from deltarule.demo import hand_in
from deltarule.errors import UsageError
from deltarule.grading.classroom import Grading, grade_notebooks
from deltarule.grading.inbox import content_hash
from deltarule.grading.kept import kept_content
from deltarule.reporting.junit import junit_xml
from deltarule.reporting.table import class_table, result_lines

ABSOLUTE = "def error(y, y_hat):\n    return sum(abs(a - b) for a, b in zip(y, y_hat)) / len(y)"
STUDENTS = {
    "ann": ("none", ""),
    "bob": ("fitting/error", f"# %% fitting/error\n{ABSOLUTE}"),
    "cyd": ("none\n# missing: fitting", ""),
    "dan": ("none", ""),  # and then damages fitting.ipynb
    "eve": ("none", ""),  # and then damages predicting.ipynb in another way
}
FULL = {
    ("fitting", "slope"): 1,
    ("fitting", "error"): 2,
    ("predicting", "predict"): 1,
    ("predicting", "error"): 2,
}


def submit(course, folder, students):
    files = []
    for name in students:
        loses, sections = STUDENTS[name]
        files.append(folder / f"{name}.py")
        text = f'"""{name}."""\n# base: solution\n# loses: {loses}\n\n{sections}\n'
        files[-1].write_text(text, encoding="utf-8")
    return hand_in(course, "line", files)


@pytest.fixture(scope="module")
def course(course_root, tmp_path_factory):
    """Built; nobody has handed in."""
    root = tmp_path_factory.mktemp("two") / "course"
    shutil.copytree(course_root / "tests" / "two_notebooks", root)
    shutil.copyfile(course_root / "nbgrader_config.py", root / "nbgrader_config.py")
    made = Course(root)
    build_assignment(made, "line", lambda step: None)
    return made


@pytest.fixture(scope="module")
def results(course, tmp_path_factory):
    submit(course, tmp_path_factory.mktemp("answers"), STUDENTS)
    (course.submitted / "dan" / "line" / "fitting.ipynb").write_text("{not JSON")
    (course.submitted / "eve" / "line" / "predicting.ipynb").write_text('{"cells": 3}')
    graded = {result.student: result for result in Grading.of_course(course, "line").grade()}
    assert set(graded) == set(STUDENTS)
    generate_feedback(course, "line")
    return graded


def scores(result):
    return {(test.notebook, test.name): test.score for test in result.automatic}


def reasons(result, notebook):
    return {test.message for test in result.automatic if test.notebook == notebook}


@pytest.mark.slow
def test_two_notebooks_are_graded_in_one_go_and_find_their_data(results):
    assert scores(results["ann"]) == FULL
    assert results["ann"].everything_passed
    assert [test.name for test in results["ann"].manual] == ["outlier"]


@pytest.mark.slow
def test_a_mistake_costs_the_test_of_its_own_notebook(results):
    assert scores(results["bob"]) == {**FULL, ("fitting", "error"): 0}


@pytest.mark.slow
def test_a_missing_notebook_leaves_the_other_its_points(results):
    lost = dict.fromkeys([key for key in FULL if key[0] == "fitting"], 0)
    assert scores(results["cyd"]) == FULL | lost
    assert reasons(results["cyd"], "fitting") == {"fitting.ipynb was not handed in"}


@pytest.mark.slow
@pytest.mark.parametrize(("student", "broken"), [("dan", "fitting"), ("eve", "predicting")])
def test_a_broken_notebook_leaves_the_other_its_points(results, student, broken):
    lost = dict.fromkeys([key for key in FULL if key[0] == broken], 0)
    assert scores(results[student]) == FULL | lost
    (said,) = reasons(results[student], broken)
    assert said.startswith(f"{broken}.ipynb is damaged")
    assert {test.status for test in results[student].automatic} == {"passed", "failed"}


@pytest.mark.slow
def test_the_gradebook_has_the_same_points(course, results):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        for student, result in results.items():
            recorded = gradebook.find_submission("line", student)
            assert recorded.score == result.score, student


@pytest.mark.slow
def test_what_has_changed_is_graded_again_and_the_rest_is_kept(course, results, monkeypatch):
    submit(course, course.build, ["dan"])
    looked_at = {}
    monkeypatch.setattr(
        GradebookWriter,
        "penalise_again",
        lambda _, who, notebooks: looked_at.update({who: notebooks}),
    )
    again = {result.student: result for result in Grading.of_course(course, "line").grade()}
    assert scores(again["dan"]) == FULL
    kept = {name: result.seed for name, result in again.items() if name != "dan"}
    assert kept == {name: results[name].seed for name in kept}
    both = {"fitting", "predicting"}
    assert set(looked_at) == set(kept)
    assert (looked_at["ann"], looked_at["cyd"]) == (both, {"predicting"})
    for name in again:
        folder = course.submitted / name / "line"
        assert kept_content(course, "line", name) == content_hash(folder)


@pytest.mark.slow
def test_there_is_feedback_for_every_notebook_that_was_graded(course, results):
    pages = {
        student: sorted(path.stem for path in (course.root / "feedback" / student).rglob("*.html"))
        for student in STUDENTS
    }
    assert pages["ann"] == pages["bob"] == ["fitting", "predicting"]
    assert pages["cyd"] == pages["dan"] == ["predicting"]
    assert pages["eve"] == ["fitting"]


@pytest.mark.slow
def test_reports_name_the_notebook(course, results):
    schema = Path(course_schema())
    jsonschema.validate(results["bob"].as_json(), json.loads(schema.read_text(encoding="utf-8")))
    lines = result_lines(results["bob"])
    assert lines[1].endswith("1/1   fitting/slope")
    assert "to be graded by hand: predicting/outlier" in lines[-1]
    cases = ElementTree.fromstring(junit_xml([results["bob"]])).iter("testcase")
    assert [case.get("name") for case in cases] == ["/".join(key) for key in FULL]
    table = class_table("line", [*results.values()])
    headers = [str(column.header).replace("\n", "") for column in table.columns]
    assert headers == ["student", *("/".join(key) for key in FULL), "points"]


def course_schema():
    from importlib.resources import files

    return str(files("deltarule").joinpath("reporting/schema/result-v1.json"))


@pytest.mark.slow
def test_an_unasked_notebook_is_said_to_be_one(course, results, tmp_path):
    folder = course.submitted / "flo" / "line"
    folder.mkdir(parents=True)
    shutil.copyfile(course.solutions / "line" / "fitting.ipynb", folder / "fitting (1).ipynb")
    shutil.copyfile(course.solutions / "line" / "fitting.ipynb", folder / "notes.ipynb")
    results = {one.student: one for one in Grading.of_course(course, "line").grade()}
    shutil.rmtree(folder)
    assert set(scores(results["flo"]).values()) == {0}
    (said,) = reasons(results["flo"], "fitting")
    assert "fitting (1).ipynb" in said
    assert "notes.ipynb" in said


@pytest.mark.slow
def test_single_files_are_matched_by_name(course, monkeypatch, tmp_path):
    monkeypatch.chdir(course.root)
    elsewhere = tmp_path / "inbox"
    elsewhere.mkdir()
    for name in ("fitting", "predicting"):
        shutil.copyfile(course.solutions / "line" / f"{name}.ipynb", elsewhere / f"{name}.ipynb")
    given = [f"--notebook={elsewhere / name}.ipynb" for name in ("predicting", "fitting")]
    ran = CliRunner().invoke(main, ["grade", "line", *given, "--json", str(tmp_path / "r.json")])
    assert ran.exit_code == 0, ran.output
    assert "student: 6 of 6 automatic points" in ran.output
    one = CliRunner().invoke(main, ["grade", "line", given[0]])
    assert one.exit_code == 1
    assert "student: 3 of 6 automatic points" in one.output
    assert "fitting/slope  fitting.ipynb was not handed in" in one.output


def test_files_that_fit_no_notebook_are_one_error_before_anything_runs(two_notebooks, tmp_path):
    right, odd, twice = tmp_path / "fitting.ipynb", tmp_path / "odd.ipynb", tmp_path / "again"
    twice.mkdir()
    for path in (right, odd, twice / "fitting.ipynb"):
        path.write_text("{}")
    given = [right, odd, twice / "fitting.ipynb", tmp_path / "predicting.ipynb"]
    with pytest.raises(UsageError) as refusal:
        grade_notebooks(Course(two_notebooks), "line", given, "ann")
    said = str(refusal.value).replace(f"{tmp_path}{os.sep}", "")
    assert said.split("\n") == [
        "predicting.ipynb does not exist",
        "odd.ipynb is not a notebook of 'line' (fitting.ipynb, predicting.ipynb); rename it",
        "fitting.ipynb and again/fitting.ipynb are the same notebook",
    ]
    assert not (two_notebooks / "build").exists()
