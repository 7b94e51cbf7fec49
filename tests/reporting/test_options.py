"""The options of ``grade`` that ask for reports: what is refused before anything is graded."""

import json

import pytest
from click.testing import CliRunner

from deltarule.cli import main
from deltarule.cli.report_files import Reports

NONE = {"junit": (), "gradescope": (), "classroom50": (), "summary": (), "annotations": None}


def ran(folder, monkeypatch, *arguments):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, ["grade", "line", *arguments])


@pytest.mark.parametrize("option", ["--gradescope", "--classroom50"])
def test_what_is_about_one_submission_needs_a_name_for_each_of_a_class(
    two_notebooks, monkeypatch, option
):
    said = ran(two_notebooks, monkeypatch, option, "out.json")
    assert said.exit_code == 2
    assert "write {student} into the name" in said.output


def test_one_notebook_has_no_file_for_each_student(two_notebooks, monkeypatch):
    said = ran(two_notebooks, monkeypatch, "--notebook", "a.ipynb", "--summary", "{student}.md")
    assert said.exit_code == 2
    assert "{student} is for a class" in said.output


def test_classroom_50_is_refused_before_grading_where_its_runner_is_not(two_notebooks, monkeypatch):
    monkeypatch.delenv("CLASSROOM", raising=False)
    said = ran(two_notebooks, monkeypatch, "--notebook", "a.ipynb", "--classroom50", "r.json")
    assert said.exit_code == 2
    assert "CLASSROOM" in said.output


@pytest.mark.parametrize(
    ("on_github", "flag", "printed"),
    [("true", None, True), ("", None, False), ("true", False, False), ("", True, True)],
)
def test_annotations_are_for_github_or_asked_for(
    result, monkeypatch, capsys, on_github, flag, printed
):
    monkeypatch.setenv("GITHUB_ACTIONS", on_github)
    reports = Reports.of_options({**NONE, "annotations": flag}, of_class=False)
    reports.announce("lab04", [result], "lab04.ipynb")
    assert ("::error file=lab04.ipynb,title=get_loss" in capsys.readouterr().out) is printed


def test_a_class_gets_a_file_for_each_student_and_one_for_all(result, tmp_path):
    each, of_all = tmp_path / "out" / "{student}.json", tmp_path / "class.md"
    options = {**NONE, "gradescope": (each,), "summary": (of_all, tmp_path / "{student}.md")}
    Reports.of_options(options, of_class=True).write("lab04", [result], of_class=True)
    assert (tmp_path / "ada.md").read_text(encoding="utf-8").startswith("## lab04: 3 of 9.5")
    assert json.loads((tmp_path / "out" / "ada.json").read_text())["tests"]
    assert of_all.read_text(encoding="utf-8").startswith("## lab04: 1 submission\n")


def test_a_file_that_cannot_be_written_is_named(result, tmp_path):
    from deltarule.errors import MachineryError

    (tmp_path / "file").write_text("")
    options = {**NONE, "junit": (tmp_path / "file" / "x.xml",)}
    with pytest.raises(MachineryError, match=r"x\.xml cannot be written"):
        Reports.of_options(options, of_class=True).write("lab04", [result], of_class=True)
