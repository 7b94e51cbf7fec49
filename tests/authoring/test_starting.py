"""``deltarule new``: a small assignment that works, and nothing that exists is touched."""

import json
import shutil

import nbformat
import pytest
from click.testing import CliRunner

from deltarule.authoring import parse
from deltarule.cli import main
from deltarule.config import Course
from deltarule.proving.check import run_check

MADE = [
    "source/heat_flow/heat_flow.md",
    "tests/submissions/heat_flow/right.py",
    "tests/submissions/heat_flow/sum_for_mean.py",
    "tests/submissions/heat_flow/untouched.py",
    "tests/variants/heat_flow/in_a_loop.py",
]


@pytest.fixture
def course(course_root, tmp_path, monkeypatch):
    shutil.copyfile(course_root / "nbgrader_config.py", tmp_path / "nbgrader_config.py")
    monkeypatch.chdir(tmp_path)
    return Course(tmp_path)


def run(*arguments):
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def tree(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_files_are_written_and_named(course):
    done = run("new", "heat_flow", "--json", "made.json")
    assert done.exit_code == 0
    record = json.loads((course.root / "made.json").read_text(encoding="utf-8"))
    assert record == {"assignment": "heat_flow", "made": MADE}
    assert all((course.root / path).is_file() and path in done.output for path in MADE)
    assert "deltarule build --watch heat_flow" in done.output


def test_the_title_is_made_of_the_name_and_shows_every_kind_of_cell(course):
    run("new", "heat_flow")
    notebook, report = parse(course.root / MADE[0])
    assert report.warnings == []
    assert notebook.header.title == "Heat flow"
    roles = [str(cell.role) for cell in notebook.cells]
    assert {"solution", "test", "demo", "question", "answer", "plain"} == set(roles)
    text = (course.root / MADE[0]).read_text(encoding="utf-8")
    assert "TITLE" not in text
    assert "$$" in text


def test_every_gate_of_check_is_green_at_once(course):
    run("new", "heat_flow")
    report = run_check(course, "heat_flow", jobs=1, seeds=2)
    assert [gate for gate in report.gates if not gate.passed] == []
    assert report.counts()["killed"] > 10
    details = {gate.name: gate.details for gate in report.gates}
    assert details["correct variants earn every point"][0].startswith("1 variants")
    assert details["two seeds give the same scores"] == ("3 labelled submissions",)


@pytest.mark.slow
def test_it_is_built_and_graded_and_the_mistake_is_named(course):
    run("new", "heat_flow")
    built = run("build")
    assert built.exit_code == 0, built.output
    submission = course.root / "wrong.ipynb"
    notebook = nbformat.read(course.solutions / "heat_flow" / "heat_flow.ipynb", 4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("torch.mean(", "torch.sum(")
    nbformat.write(notebook, submission)
    graded = run("grade", "heat_flow", "--notebook", str(submission), "--json", "wrong.json")
    assert graded.exit_code == 1, graded.output
    record = json.loads((course.root / "wrong.json").read_text(encoding="utf-8"))
    assert record["score"] == 0
    assert record["tests"][0]["diagnosis"]["name"] == "sum-for-mean"
    right = course.solutions / "heat_flow" / "heat_flow.ipynb"
    assert run("grade", "heat_flow", "--notebook", str(right)).exit_code == 0


@pytest.mark.parametrize(
    "name",
    ["../up", "two words", "-x", ".hidden", "a/b", "größe", "con", "x" * 61, "a.b", "a\n", ""],
)
def test_a_name_that_does_not_do_is_refused(course, name):
    before = tree(course.root)
    done = run("new", "--", name)
    assert done.exit_code == 2
    assert "cannot be an assignment's name" in done.output
    assert tree(course.root) == before


@pytest.mark.parametrize(
    "there", ["source/ex/other.md", "release/ex/ex.ipynb", "tests/variants/ex/mine.py", "source/ex"]
)
def test_what_exists_is_refused_and_stays(course, there):
    path = course.root / there
    path.parent.mkdir(parents=True)
    path.write_text("mine\n", encoding="utf-8")
    before = tree(course.root)
    done = run("new", "ex")
    assert done.exit_code == 2
    assert "/ex exists already" in done.output
    assert tree(course.root) == before


def test_a_disk_that_fails_leaves_nothing_behind(course):
    (course.root / "tests").write_text("a file where a folder should be\n", encoding="utf-8")
    before = tree(course.root)
    done = run("new", "ex")
    assert done.exit_code == 3
    assert "cannot be written" in done.output
    assert tree(course.root) == before
