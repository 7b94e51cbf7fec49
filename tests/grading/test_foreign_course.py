"""A course of nbgrader's own, with no Markdown source, is graded by the same command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from deltarule.cli import main

WRONG = "def squares(n):\n    return [1]\n\n\ndef sum_of_squares(n):\n    return 1\n"
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """nbgrader's quickstart, as its command makes it, with a right and a wrong submission."""
    place = tmp_path_factory.mktemp("foreign")
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    command = [PROGRAMS / "nbgrader", "quickstart", "borrowed"]
    environment = {**os.environ, "PATH": path}
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, timeout=90)
    root = place / "borrowed"
    for student in ("ann", "bob"):
        folder = root / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        for master in (root / "source" / "ps1").glob("*.ipynb"):
            shutil.copyfile(master, folder / master.name)
    wrong = root / "submitted" / "bob" / "ps1" / "problem1.ipynb"
    notebook = json.loads(wrong.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = WRONG
    wrong.write_text(json.dumps(notebook), encoding="utf-8")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("configured", [True, False])
def test_a_course_that_was_never_seen_is_graded(course, configured, tmp_path, monkeypatch):
    root = tmp_path / "course"
    shutil.copytree(course, root)
    if not configured:
        (root / "nbgrader_config.py").unlink()
    monkeypatch.chdir(root)
    ran = CliRunner().invoke(main, ["grade", "ps1", "--json", "class.json"])
    assert ran.exit_code == 0, ran.output
    results = json.loads(Path("class.json").read_text(encoding="utf-8"))["results"]
    assert {one["student"]: (one["score"], one["max_score"]) for one in results} == {
        "ann": (3, 3),
        "bob": (0, 3),
    }
    where = {test["name"]: test["verdict_in"] for test in results[0]["tests"]}
    assert where["correct_squares"] == "grader"
    assert where["sum_of_squares_uses_squares"] == "fork"  # it replaces a function of the notebook
    assert sorted(path.name for path in Path("autograded/ann/ps1").glob("*.ipynb")) == [
        "problem1.ipynb",
        "problem2.ipynb",
    ]
