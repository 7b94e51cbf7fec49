"""Lab 4 under nbgrader's own commands: from its source to points, and through edits of every cell.

The course is a folder with ``nbgrader_config.py`` and ``source/lab04``, as a fresh clone is.
"""

import shutil
from pathlib import Path

import nbformat
import pytest

from deltarule.authoring import master, parse, solution
from deltarule.authoring.source import read_source
from deltarule.authoring.tags import TagKind, classify
from deltarule.bridge.leaks import autograded_leaks, feedback_leaks, release_leaks
from deltarule.config import Course
from deltarule.grading.answers import fill_all, read_answers

ROOT = Path(__file__).parents[2]
LAB = ROOT / "source" / "lab04" / "lab04.md"
STUDENTS = ("right", "missing_batch_mean")
POINTS = {
    "single_sample_gradients": 1,
    "batch_deltas": 1,
    "forward": 2,
    "get_loss": 1,
    "backward": 4,
    "apply_gradients": 1,
    "train": 2,
}


ENDS = (TagKind.HOMEWORK_END, TagKind.HIDDEN_END, TagKind.SCHEME_END)


def test_points_are_those_of_the_header():
    """The table above is this test module's; the header's sum is the author's."""
    assert sum(POINTS.values()) == read_source(LAB).header.points["automatic"]


@pytest.fixture(scope="module")
def lab(request, tmp_path_factory):
    """Released as typed; two submissions handed in, graded and fed back as typed."""
    root = tmp_path_factory.mktemp("lab04") / "course"
    shutil.copytree(LAB.parent, root / "source" / "lab04")
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    toy_class = type(request.getfixturevalue("_released"))
    course = toy_class(Course(root))
    done = course.nbgrader("generate_assignment", "lab04")
    assert done.returncode == 0, done.stderr
    released = nbformat.read(root / "release" / "lab04" / "lab04.ipynb", as_version=4)
    solved = solution(parse(LAB)[0])
    for student in STUDENTS:
        answers = read_answers(ROOT / "tests" / "submissions" / "lab04" / f"{student}.py")
        folder = root / "submitted" / student / "lab04"
        folder.mkdir(parents=True)
        filled = fill_all({"lab04": released}, {"lab04": solved}, answers)
        nbformat.write(filled["lab04"], folder / "lab04.ipynb")
    for command in ("autograde", "generate_feedback"):
        done = course.nbgrader(command, "lab04")
        assert done.returncode == 0, done.stderr
    return course


@pytest.mark.slow
def test_the_right_submission_has_every_point_and_the_wrong_one_loses_its_test(lab):
    scores = lab.scores("lab04")
    assert scores["right"] == POINTS
    lost = {name for name, score in scores["missing_batch_mean"].items() if score < POINTS[name]}
    assert lost == {"backward"}


@pytest.mark.slow
def test_nothing_secret_is_in_release_graded_notebooks_or_feedback(lab):
    assert lab.files("release/lab04")
    assert release_leaks(lab.course, "lab04") == []
    for student in STUDENTS:
        assert lab.files(f"autograded/{student}/lab04", f"feedback/{student}/lab04")
        assert autograded_leaks(lab.course, "lab04", student) == []
        assert feedback_leaks(lab.course, "lab04", student) == []


def editable_lines():
    """A line (from 0) of every kind of text in every cell: given, homework, hidden, scheme."""
    chosen = []
    for cell in read_source(LAB).cells:
        seen, region = set(), "given"
        for line in cell.lines:
            tag = classify(line.text)
            if tag is None and line.text.strip() and region not in seen:
                seen.add(region)
                chosen.append((cell.kind, line.number - 1))
            elif tag is not None and tag.kind in ENDS:
                region = "given"
            elif tag is not None and "BEGIN" in (tag.kind or ""):
                region = tag.kind
    return chosen


def edited(lines, kind, number):
    """Append a harmless word to a line: a comment in code, in Markdown a word."""
    changed = list(lines)
    changed[number] += "  # mended" if kind == "code" else " (mended)"
    return changed


def graded_cells(notebook):
    return [
        (cell.id, cell.cell_type, dict(cell.metadata.nbgrader))
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    ]


@pytest.mark.slow
def test_an_edit_of_any_cell_changes_no_graded_cell_but_its_text(tmp_path):
    lines = LAB.read_text(encoding="utf-8").split("\n")
    original = master(parse(LAB)[0])
    before = graded_cells(original)
    plain = {cell.id for cell in original.cells if "nbgrader" not in cell.metadata}
    edits = editable_lines()
    assert len(edits) > len(original.cells)
    path = tmp_path / "lab04.md"
    for kind, number in edits:
        path.write_text("\n".join(edited(lines, kind, number)), encoding="utf-8")
        notebook = master(parse(path)[0])
        assert graded_cells(notebook) == before, f"line {number + 1}"
        others = {cell.id for cell in notebook.cells if "nbgrader" not in cell.metadata}
        assert len(plain - others) <= 1, f"line {number + 1} changed another cell's id"


@pytest.mark.slow
def test_submissions_from_the_old_release_keep_every_point_after_all_edits(lab):
    lines = LAB.read_text(encoding="utf-8").split("\n")
    for kind, number in editable_lines():
        lines = edited(lines, kind, number)
    old = lab.files("release")["release/lab04/lab04.ipynb"]
    source = lab.course.source / "lab04" / "lab04.md"
    source.write_text("\n".join(lines), encoding="utf-8")
    done = lab.nbgrader("generate_assignment", "lab04")
    assert done.returncode == 0, done.stderr
    assert old != lab.files("release")["release/lab04/lab04.ipynb"]

    done = lab.nbgrader("autograde", "lab04", "--student", "right", "--force")
    assert done.returncode == 0, done.stderr
    assert lab.scores("lab04")["right"] == POINTS
    graded = (lab.root / "autograded/right/lab04/lab04.ipynb").read_text(encoding="utf-8")
    assert "# mended" in graded, "the tests are those of the edited source"
