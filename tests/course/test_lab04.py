"""Lab 4 as a course: what its release, solution, tests and submissions promise."""

import contextlib
import io
import json
import re

import jsonschema
import nbformat
import pytest

from deltarule.authoring import Role, master, parse, student
from deltarule.grading.answers import read_answers

TESTS = {
    "single_sample_gradients": 1,
    "batch_deltas": 1,
    "forward": 2,
    "get_loss": 1,
    "backward": 4,
    "apply_gradients": 1,
    "train": 2,
}


@pytest.fixture(scope="module")
def lab(course_root):
    notebook, _ = parse(course_root / "source" / "lab04" / "lab04.md")
    return notebook


@pytest.fixture(scope="module")
def submissions(course_root):
    files = sorted((course_root / "tests" / "submissions" / "lab04").glob("*.py"))
    return {path.stem: read_answers(path) for path in files}


def test_points_and_names(lab):
    assert {c.name: c.points for c in lab.cells if c.role is Role.TEST} == TESTS
    answers = {c.name: c.points for c in lab.cells if c.role is Role.ANSWER}
    assert answers == {f"eq{number}": 1 for number in range(1, 9)}


def test_no_dangling_latex_from_the_ancestors(lab):
    text = "\n".join(cell.master for cell in lab.cells)
    assert "{enumerate}" not in text


def run_cells(notebook, tests):
    """Run a notebook's own cells, then each test by itself; returns what each test raised."""
    names = {"__name__": "__main__"}
    raised = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        source = tests.get(cell.id, cell.source)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, cell.id, "exec"), names)
        except Exception as error:  # noqa: BLE001 - a student's cell may raise anything
            if cell.id in tests:
                raised[cell.id] = type(error).__name__
    return raised


def test_the_untouched_release_earns_nothing_in_any_test_by_itself(lab):
    tests = {
        cell.id: cell.source
        for cell in master(lab).cells
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
    }
    raised = run_cells(student(lab), tests)
    assert raised == dict.fromkeys(TESTS, "NotImplementedError")


def test_a_class_of_submissions_covers_what_students_do(submissions):
    assert len(submissions) >= 8
    right = [a for a in submissions.values() if not a.loses]
    wrong = [a for a in submissions.values() if a.loses == ("backward",)]
    assert len(right) >= 4
    assert len({answers.misconception for answers in wrong}) == len(wrong) >= 4
    assert ("all",) in {answers.loses for answers in submissions.values()}


@pytest.mark.slow
def test_each_submission_loses_exactly_what_it_should_in_the_demo(
    course_root, submissions, tmp_path
):
    """The demo's own path: the sandbox, the trusted side, the gradebook, the feedback."""
    from deltarule.config import Course
    from deltarule.demo import run_demo

    schema_file = course_root / "src" / "deltarule" / "reporting" / "schema" / "result-v1.json"
    schema = json.loads(schema_file.read_text(encoding="utf-8"))
    for name in ("source", "release", "solutions", "nbgrader_config.py", "tests/submissions"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(course_root / name)
    outcome = run_demo(Course(tmp_path), lambda step: None, lambda results, _: list(results))
    assert {result.student for result in outcome.results} == set(submissions)
    for result in outcome.results:
        jsonschema.validate(result.as_json(), schema)
        expected = submissions[result.student].loses
        lost = {test.name for test in result.automatic if test.status != "passed"}
        assert lost == (set(TESTS) if expected == ("all",) else set(expected)), result.student
        assert result.max_score == 12
        assert {test.verdict_in for test in result.automatic} == {"grader"}
        for test in result.automatic:
            assert bool(test.message) or test.status == "passed"
    feedback = tmp_path / "build" / "demo" / "feedback" / "missing_batch_mean" / "lab04"
    page = (feedback / "lab04.html").read_text(encoding="utf-8")
    assert "The weight gradient of layer" in page
    for secret in ("deltarule.judging", "network_gradients", "BEGIN HIDDEN", "BEGIN MARK SCHEME"):
        assert secret not in page


def test_the_committed_solution_ends_where_the_course_says(course_root):
    path = course_root / "solutions" / "lab04" / "lab04.ipynb"
    notebook = nbformat.read(path, as_version=4)
    streams = [
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream"
    ]
    found = re.findall(r"epoch\s+2500 of 2500\s+loss (\d\.\d+)", "\n".join(streams))
    assert float(found[-1]) == pytest.approx(0.0016, abs=3e-4)
    assert not any(
        output.output_type == "error" or output.get("name") == "stderr"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
