"""The students' environment: the lock's first part, and enough to run every release."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

UNFINISHED = {"NotImplementedError", "NameError", "AssertionError", "TypeError"}
"""What cells raise that build on homework: a stub, what it should have made, a visible check, and
an earlier homework's function in the place of the one that should have replaced it."""

RUN = """
import json, nbformat, sys
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
code = "import importlib.util; print(importlib.util.find_spec('deltarule'))"
notebook.cells.append(nbformat.v4.new_code_cell(code))
place = {"metadata": {"path": sys.argv[2]}}
NotebookClient(notebook, timeout=300, allow_errors=True, resources=place).execute()
outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
errors = [o.ename for o in outputs if o.output_type == "error"]
print(json.dumps({"errors": errors, "spec": outputs[-1].text.strip()}))
"""


@pytest.fixture(scope="module")
def pins(course_root):
    environment = yaml.safe_load((course_root / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    return [line for line in pip if not line.startswith("--")]


def test_the_environment_is_the_students_part_of_the_lock(course_root, pins):
    lines = (course_root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    headings = [i for i, line in enumerate(lines) if re.match(r"# (Students|Instructors)", line)]
    assert len(headings) == 2
    assert pins == lines[headings[0] + 1 : headings[1]]


def test_every_line_of_the_lock_is_a_pin(course_root):
    for line in (course_root / "requirements.lock").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[a-z0-9.-]+==[\w.]+", line), line


def test_what_the_mission_promises_is_in_the_students_environment(pins):
    names = {pin.split("==")[0] for pin in pins}
    wanted = {"jupyterlab", "jupytext", "nbgrader", "torch", "matplotlib", "scikit-learn", "pandas"}
    assert wanted <= names
    assert "deltarule" not in names


@pytest.mark.slow
def test_each_release_runs_where_deltarule_cannot_be_imported(course_root, pins, tmp_path):
    import json

    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    torch = [pin for pin in pins if pin.startswith("torch==")]
    rest = [pin for pin in pins if not pin.startswith("torch==")]
    for chosen in (torch, rest):
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *chosen], check=True, timeout=900)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    clean["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    releases = sorted((course_root / "release").glob("*/*.ipynb"))
    assert releases
    for release in releases:
        ran = subprocess.run(
            [python, "-c", RUN, str(release), str(release.parent)],
            capture_output=True,
            text=True,
            env=clean,
            cwd=tmp_path,
            timeout=600,
            check=True,
        )
        outcome = json.loads(ran.stdout.strip().splitlines()[-1])
        assert outcome["spec"] == "None"
        assert outcome["errors"][0] == "NotImplementedError"
        assert set(outcome["errors"]) <= UNFINISHED, release


def test_this_very_python_is_new_enough():
    assert sys.version_info >= (3, 11)
    assert Path(sys.executable).exists()
