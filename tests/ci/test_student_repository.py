"""The student's own repository: its workflow, run here on right, wrong and hostile notebooks."""

import shutil

import pytest

from .runner import Runner, read
from .small_course import notebook

pytestmark = pytest.mark.slow


@pytest.fixture
def repository(course, course_root, tmp_path):
    """A student's repository, and how to run its workflow on a notebook."""
    root = tmp_path / "repository"
    shutil.copytree(course_root / "templates" / "student-repository", root)
    (root / "small").mkdir()
    (root / "small" / "requirements.txt").write_text("nbclient\n")
    workflow = read(root / ".github" / "workflows" / "checks.yml")
    workflow["env"]["ASSIGNMENT"] = "small"

    def checked(text):
        (root / "small" / "small.ipynb").write_text(text, encoding="utf-8")
        return Runner(root, tmp_path, {}).job(workflow, "checks")

    return checked


def test_visible_checks_pass_and_say_that_they_are_not_all(course, repository):
    ran = repository(notebook("right", course))
    assert ran.code == 0, ran.output
    assert ran.summary.startswith("## 2 of 2 visible checks passed")
    assert "Grading also tries inputs of its own" in ran.summary


def test_what_is_missing_is_named_and_the_job_fails(course, repository):
    ran = repository(notebook("untouched", course))
    assert ran.code == 1
    assert "failed  small/double  NotImplementedError" in ran.output
    assert "| ❌ failed |" in ran.summary


def test_a_hostile_notebook_forges_no_command_and_no_markup(course, repository):
    ran = repository(notebook("malicious", course))
    assert ran.code == 1
    assert "::error" not in ran.output.replace("ValueError: ::error", "")
    assert not any(line.lstrip().startswith("::") for line in ran.output.split("\n"))
    assert "##[" not in ran.output
    table = ran.summary[ran.summary.rindex("## ") :]
    assert "<script" not in table
    assert table.count("\n|") == 4


def test_a_file_that_is_no_notebook_is_a_failed_check(repository):
    ran = repository("{")
    assert ran.code == 1
    assert "failed  small/the file  is no notebook" in ran.output
