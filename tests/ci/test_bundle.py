"""The Gradescope bundle: what is in it, and its scripts run as Gradescope lays them out."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from deltarule.cli import main

from .small_course import notebook


def bundled(monkeypatch, course, *arguments):
    monkeypatch.chdir(course)
    return CliRunner().invoke(main, ["bundle", *map(str, arguments)])


@pytest.fixture
def bundle(course, tmp_path, monkeypatch):
    path = tmp_path / "small.zip"
    done = bundled(monkeypatch, course, "small", path, "--json", tmp_path / "made.json")
    assert done.exit_code == 0, done.output
    return path


def test_the_two_scripts_stand_at_the_top_and_may_be_executed(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as file:
        modes = {info.filename: info.external_attr >> 16 for info in file.infolist()}
        about = json.loads(file.read("bundle.json"))
    assert stat.S_IMODE(modes["setup.sh"]) == stat.S_IMODE(modes["run_autograder"]) == 0o755
    assert about == {"assignment": "small", "notebooks": ["small.ipynb"]}
    made = json.loads((tmp_path / "made.json").read_text())
    assert made["members"] == sorted(modes)


def test_it_holds_the_package_the_lock_and_one_assignment_and_nothing_else(
    course, bundle, course_root
):
    with zipfile.ZipFile(bundle) as file:
        names = set(file.namelist())
        lock = file.read("requirements.lock")
    assert lock == (course_root / "requirements.lock").read_bytes()
    assert {name for name in names if name.startswith("course/")} == {
        "course/nbgrader_config.py",
        "course/source/small/small.md",
    }
    package = {name for name in names if name.startswith("package/")}
    assert {"package/deltarule/__main__.py", "package/deltarule/authoring/printing.typ"} <= package
    assert not [name for name in names if "__pycache__" in name or "egg-info" in name]


def test_the_same_course_gives_the_same_bytes(course, bundle, tmp_path, monkeypatch):
    second = tmp_path / "second.zip"
    assert bundled(monkeypatch, course, "small", second).exit_code == 0
    assert second.read_bytes() == bundle.read_bytes()


def test_another_file_is_kept_unless_forced(course, tmp_path, monkeypatch):
    path = tmp_path / "mine.zip"
    path.write_text("mine")
    done = bundled(monkeypatch, course, "small", path)
    assert (done.exit_code, path.read_text()) == (2, "mine")
    assert "is no bundle of small" in done.stderr
    assert bundled(monkeypatch, course, "small", path, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["big", "x.zip"], "there is no assignment 'big'"), (["small", "x"], "a bundle of small")],
)
def test_what_cannot_be_bundled_is_a_usage_error(course, monkeypatch, arguments, complaint):
    done = bundled(monkeypatch, course, *arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_a_course_without_a_lock_is_told_how_to_make_one(two_notebooks, monkeypatch):
    done = bundled(monkeypatch, two_notebooks, "line", "x.zip")
    assert done.exit_code == 2
    assert "pip freeze" in done.stderr


# -- as Gradescope runs it --------------------------------------------------------------------


class Gradescope:
    """``/autograder``, in a folder of the test's."""

    def __init__(self, root, bundle):
        self.root = root
        for name in ("source", "submission", "results"):
            (root / name).mkdir(parents=True)
        shutil.unpack_archive(bundle, root / "source")
        for name in ("setup.sh", "run_autograder", "install.sh"):  # unpack_archive drops modes
            (root / "source" / name).chmod(0o755)
        shutil.copy2(root / "source" / "run_autograder", root / "run_autograder")

    def program(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def ran(self, *command, **environment):
        return subprocess.run(
            [self.root / command[0], *command[1:]],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "AUTOGRADER": str(self.root), **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def results(self):
        return self.root / "results" / "results.json"

    def graded(self, **files):
        shutil.rmtree(self.root / "submission")
        (self.root / "submission").mkdir()
        for name, text in files.items():
            (self.root / "submission" / f"{name}.ipynb").write_text(text, encoding="utf-8")
        self.results.unlink(missing_ok=True)
        return self.ran("run_autograder")


@pytest.fixture
def gradescope(bundle, tmp_path):
    made = Gradescope(tmp_path / "autograder", bundle)
    made.program("venv/bin/python", f'exec "{sys.executable}" "$@"')
    return made


@pytest.mark.slow
def test_submissions_are_graded_whatever_the_file_is_called(course, gradescope):
    ran = gradescope.graded(solution_3=notebook("right", course))
    assert ran.returncode == 0, ran.stderr
    tests = json.loads(gradescope.results.read_text())["tests"]
    assert [(t["name"], t["score"], t["status"]) for t in tests] == [
        ("double", 2.0, "passed"),
        ("square", 1.0, "passed"),
    ]
    assert not [test["output"] for test in tests if test["output"]]


@pytest.mark.slow
def test_a_student_without_a_notebook_has_a_result_that_says_so(gradescope):
    assert gradescope.graded().returncode == 0
    assert json.loads(gradescope.results.read_text()) == {
        "score": 0,
        "output": "No notebook was found. Hand in small.ipynb.",
    }


@pytest.mark.slow
def test_a_link_is_no_notebook(course, gradescope):
    secret = gradescope.root / "source" / "course" / "source" / "small" / "small.md"
    (gradescope.root / "submission" / "small.ipynb").symlink_to(secret)
    assert gradescope.ran("run_autograder").returncode == 0
    assert "No notebook was found" in gradescope.results.read_text()


@pytest.mark.slow
def test_what_breaks_is_nobodys_zero(course, gradescope):
    shutil.rmtree(gradescope.root / "source" / "package" / "deltarule" / "grading")
    gradescope.results.write_text('{"score": 3}')
    (gradescope.root / "submission" / "small.ipynb").write_text(notebook("right", course))
    ran = gradescope.ran("run_autograder")
    assert ran.returncode == 3
    assert not gradescope.results.exists()


PYTHON = """\
echo "$0 $*" >>"{log}"
if [ "$1" = -m ] && [ "$2" = venv ]; then
  mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
fi
exit {code}"""


@pytest.mark.slow
def test_setup_makes_an_environment_installs_the_lock_and_tries_a_notebook(gradescope, tmp_path):
    log = tmp_path / "log"
    gradescope.program("programs/python3.13", PYTHON.format(log=log, code=1))  # too old
    gradescope.program("programs/python3.12", PYTHON.format(log=log, code=0))
    path = f"{gradescope.root}/programs:{os.environ['PATH']}"
    ran = gradescope.ran("source/setup.sh", PATH=path)
    assert ran.returncode == 0, ran.stderr
    called = log.read_text().splitlines()
    assert any("python3.12 -m venv" in line for line in called)
    installed = [line for line in called if "-m pip" in line]
    assert "install torch==" in installed[0]
    assert installed[1].endswith(f"install -r {gradescope.root}/source/requirements.lock")
    assert "-m deltarule grade small --notebook" in called[-1]
