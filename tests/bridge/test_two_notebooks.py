"""nbgrader's own commands, typed on an assignment with two notebooks that share a test's name."""

import shutil

import nbformat
import pytest

from deltarule.bridge.leaks import autograded_leaks, feedback_leaks, release_leaks
from deltarule.config import Course

pytestmark = pytest.mark.slow

WRONG = "def error(y, y_hat):\n    return 0.0"


@pytest.fixture
def typed(two_notebooks, request):
    return type(request.getfixturevalue("_released"))(Course(two_notebooks))


def hand_in(typed, student, solved, answer=""):
    """Hand in solved notebooks; ``answer`` replaces ``error`` in the first."""
    folder = typed.course.submitted / student / "line"
    folder.mkdir(parents=True)
    for number, name in enumerate(solved):
        notebook = nbformat.read(typed.root / "build/solutions/line" / f"{name}.ipynb", 4)
        for cell in notebook.cells:
            if cell.id == "solution-error" and answer and not number:
                cell.source = answer
        nbformat.write(notebook, folder / f"{name}.ipynb")


def recorded(course):
    """Automatic scores in the gradebook by student and (notebook, test)."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        return {
            submission.student.id: {
                (notebook.name, grade.name): grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.cell.cell_type == "code"
            }
            for submission in gradebook.find_assignment("line").submissions
        }


def test_the_whole_way_as_typed(typed):
    """generate_assignment, validate, generate_solution, autograde, generate_feedback, and again."""

    def run(*command):
        done = typed.nbgrader(*command)
        assert done.returncode == 0, done.stderr
        return done

    run("generate_assignment", "line")
    assert sorted(typed.files("release")) == [
        "release/line/data/points.csv",
        "release/line/fitting.ipynb",
        "release/line/predicting.ipynb",
    ]
    assert release_leaks(typed.course, "line") == []
    validated = run("validate", "release/line/fitting.ipynb", "release/line/predicting.ipynb")
    for task in ("slope", "error", "predict"):
        assert f"NotImplementedError: {task}: your code is missing here" in validated.stdout
    assert "FileNotFoundError" not in validated.stdout

    run("generate_solution", "line")
    hand_in(typed, "ann", ["fitting", "predicting"])
    hand_in(typed, "bob", ["predicting", "fitting"], WRONG)
    hand_in(typed, "cyd", ["fitting"])
    run("autograde", "line")
    full = {
        ("fitting", "slope"): 1,
        ("fitting", "error"): 2,
        ("predicting", "predict"): 1,
        ("predicting", "error"): 2,
    }
    missing = {("predicting", "predict"): 0, ("predicting", "error"): 0}
    assert recorded(typed.course) == {
        "ann": full,
        "bob": full | {("predicting", "error"): 0},
        "cyd": full | missing,
    }
    run("generate_feedback", "line")
    pages = {path.name for path in (typed.root / "feedback" / "bob" / "line").glob("*.html")}
    assert pages == {"fitting.html", "predicting.html"}
    for student in ("ann", "bob", "cyd"):
        assert autograded_leaks(typed.course, "line", student) == []
        assert feedback_leaks(typed.course, "line", student) == []
    assert "not the mean distance" in (
        typed.root / "feedback" / "bob" / "line" / "predicting.html"
    ).read_text(encoding="utf-8")

    folder = typed.course.source / "line"
    shutil.copyfile(folder / "fitting.md", folder / "again.md")
    refused = typed.nbgrader("generate_assignment", "line")
    assert refused.returncode == 1
    assert "again: 'slope' is new" in refused.stderr


def test_build_makes_both_and_sees_when_one_is_stale(typed):
    assert typed.type("deltarule", "build", "line").returncode == 0
    solved = {name: text for name, text in typed.files("solutions").items() if "ipynb" in name}
    assert sorted(solved) == ["solutions/line/fitting.ipynb", "solutions/line/predicting.ipynb"]
    source = typed.course.source / "line" / "predicting.md"
    source.write_text(source.read_text().replace("this time", "now"), encoding="utf-8")
    stale = typed.type("deltarule", "build", "--check")
    assert stale.returncode == 1
    assert "release/line/predicting.ipynb is stale" in stale.stdout


def test_two_mistakes_in_two_notebooks_are_one_report(typed):
    for name in ("fitting", "predicting"):
        source = typed.course.source / "line" / f"{name}.md"
        source.write_text(source.read_text().replace("TEST error points=2", "TEST error"))
    done = typed.nbgrader("generate_assignment", "line")
    assert done.returncode == 1
    for name in ("fitting", "predicting"):
        assert f"source/line/{name}.md:" in done.stderr
    assert not (typed.root / "release").exists()
