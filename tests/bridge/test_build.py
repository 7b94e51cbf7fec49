"""``deltarule build``: does what is needed and no more, and ``--check`` sees what is stale."""

import json
import shutil

import nbformat
import pytest

from deltarule.bridge.build import build_assignment, require_recorded, stale_files, up_to_date

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def _built(_released, tmp_path_factory):
    root = tmp_path_factory.mktemp("built") / "course"
    shutil.copytree(_released.root, root)
    toy = type(_released)(type(_released.course)(root))
    build_assignment(toy.course, "toy", lambda step: None)
    return toy


@pytest.fixture
def built(_built, tmp_path):
    """A course of one's own in which ``toy`` is built, solutions too."""
    shutil.copytree(_built.root, tmp_path / "course")
    return type(_built)(type(_built.course)(tmp_path / "course"))


def build(toy):
    """Build, and return the steps that it took."""
    steps = []
    build_assignment(toy.course, "toy", steps.append)
    return steps


def change(toy, path, act):
    """Change a generated notebook as JSON, as a person or a merge would."""
    file = toy.root / path
    notebook = json.loads(file.read_text(encoding="utf-8"))
    act(notebook, {cell["id"]: cell for cell in notebook["cells"]})
    file.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


RELEASE, SOLUTION = "release/toy/toy.ipynb", "solutions/toy/toy.ipynb"


def test_what_was_built_is_current(built):
    assert up_to_date(built.course, "toy")
    assert stale_files(built.course, "toy") == []
    assert build(built) == []


def test_building_twice_gives_the_same_release(built):
    before = built.files("release")
    built.edit("doubles a number", "doubles any number")
    assert build(built)
    assert built.files("release") != before
    built.edit("doubles any number", "doubles a number")
    assert build(built)
    assert built.files("release") == before


def test_a_fresh_clone_builds_the_same_bytes_and_executes_nothing(built):
    before = built.files("release", "solutions")
    shutil.rmtree(built.root / "build")
    built.course.gradebook.unlink()
    assert build(built) == ["toy: compiling", "toy: release"]
    assert built.files("release", "solutions") == before
    assert stale_files(built.course, "toy") == []


def test_the_solution_is_executed_when_its_text_changed_and_only_then(built):
    built.edit("assert double(21) == 42", "assert double(22) == 44")
    assert not any("running" in step for step in build(built))
    built.edit("number + number", "2 * number")
    assert any("running" in step for step in build(built))
    assert stale_files(built.course, "toy") == []


def test_the_solution_has_no_secrets_and_the_ids_of_the_release(built):
    from deltarule.bridge.leaks import SecretKind, find_leaks, secret_lines

    kinds = {SecretKind.HIDDEN_TEST, SecretKind.MARK_SCHEME}
    secrets = secret_lines([built.source], kinds)
    assert len(secrets) == 2
    assert find_leaks(built.course.solutions, secrets) == []
    released, solved = (nbformat.read(built.root / path, 4) for path in (RELEASE, SOLUTION))
    assert [cell.id for cell in released.cells] == [cell.id for cell in solved.cells]


STALE_NOTEBOOKS = {
    "a cell of the release": (RELEASE, lambda nb, c: c["why"].update(source="Because.")),
    "metadata of a cell": (RELEASE, lambda nb, c: c["double"]["metadata"].update(tags=["skip"])),
    "points": (RELEASE, lambda nb, c: c["double"]["metadata"]["nbgrader"].update(points=9)),
    "a cell that is gone": (RELEASE, lambda nb, c: nb["cells"].pop()),
    "an order": (RELEASE, lambda nb, c: nb["cells"].reverse()),
    "metadata of the notebook": (RELEASE, lambda nb, c: nb["metadata"].update(jupytext={})),
    "the recorded source": (
        RELEASE,
        lambda nb, c: nb["metadata"]["deltarule"].update(source_sha256="0" * 64),
    ),
    "an output in the release": (
        RELEASE,
        lambda nb, c: c["double"]["outputs"].append(
            {"output_type": "stream", "name": "stdout", "text": "42"}
        ),
    ),
    "text of the solution": (SOLUTION, lambda nb, c: c["why"].update(source="Because.")),
    "metadata of the solution": (SOLUTION, lambda nb, c: nb["metadata"].update(jupytext={})),
    "the recorded source of the solution": (
        SOLUTION,
        lambda nb, c: nb["metadata"]["deltarule"].update(source_sha256="0" * 64),
    ),
}


@pytest.mark.parametrize("what", STALE_NOTEBOOKS)
def test_check_sees_and_build_mends_a_change_of(built, what):
    path, act = STALE_NOTEBOOKS[what]
    before = built.files("release")
    change(built, path, act)
    assert stale_files(built.course, "toy") == [f"{path} is stale"]
    assert build(built), "check says 'run deltarule build', so build has something to do"
    assert up_to_date(built.course, "toy")
    assert built.files("release") == before


def test_check_ignores_the_outputs_of_the_solution(built):
    def run_elsewhere(notebook, cells):
        cells["double"].update(execution_count=7)
        cells["double"]["outputs"].append(
            {"output_type": "stream", "name": "stdout", "text": "on another machine"}
        )

    change(built, SOLUTION, run_elsewhere)
    assert stale_files(built.course, "toy") == []


STALE_FILES = {
    "changed data": (
        lambda toy: (toy.root / "release/toy/data/numbers.csv").write_text("2,3\n"),
        "release/toy/data/numbers.csv is stale",
    ),
    "missing data": (
        lambda toy: (toy.root / "release/toy/data/numbers.csv").unlink(),
        "release/toy/data/numbers.csv is missing",
    ),
    "a file too many": (
        lambda toy: (toy.root / "release/toy/notes.txt").write_text("x"),
        "release/toy/notes.txt does not come from a source",
    ),
    "a missing release": (
        lambda toy: (toy.root / RELEASE).unlink(),
        f"{RELEASE} is missing",
    ),
    "a missing solution": (
        lambda toy: (toy.root / SOLUTION).unlink(),
        f"{SOLUTION} is missing",
    ),
    "data missing beside the solution": (
        lambda toy: (toy.root / "solutions/toy/data/numbers.csv").unlink(),
        "solutions/toy/data/numbers.csv is missing",
    ),
    "a solution that is no notebook": (
        lambda toy: (toy.root / SOLUTION).write_text("<<<<<<< HEAD"),
        f"{SOLUTION} is missing",
    ),
    "a release that is no notebook": (
        lambda toy: (toy.root / RELEASE).write_text("<<<<<<< HEAD"),
        f"{RELEASE} is stale",
    ),
}


@pytest.mark.parametrize("what", STALE_FILES)
def test_check_sees_and_build_mends(built, what):
    act, complaint = STALE_FILES[what]
    before = built.files("release")
    act(built)
    assert stale_files(built.course, "toy") == [complaint]
    assert build(built)
    assert up_to_date(built.course, "toy")
    assert built.files("release") == before
    assert built.files("solutions/toy").keys() == {
        name.replace("release", "solutions") for name in before if "/toy/" in name
    }


def test_check_sees_an_edited_source(built):
    built.edit("doubles a number", "doubles any number")
    assert stale_files(built.course, "toy") == [f"{RELEASE} is stale", f"{SOLUTION} is stale"]


def test_check_sees_changed_data(built):
    (built.root / "source/toy/data/numbers.csv").write_text("number,double\n2,4\n")
    complaints = stale_files(built.course, "toy")
    assert "release/toy/data/numbers.csv is stale" in complaints
    assert "solutions/toy/data/numbers.csv is stale" in complaints


def test_check_changes_nothing(built):
    rows = built.gradebook_rows()
    before = built.files("release", "solutions", "source")
    built.edit("doubles a number", "doubles any number")
    stale_files(built.course, "toy")
    built.edit("doubles any number", "doubles a number")
    assert built.files("release", "solutions", "source") == before
    assert built.gradebook_rows() == rows


def test_a_notebook_that_is_gone_from_the_sources_goes_everywhere(built):
    built.source.rename(built.source.with_name("doubling.md"))
    assert f"{RELEASE} does not come from a source" in stale_files(built.course, "toy")
    build(built)
    names = {name for name in built.files("release/toy", "solutions/toy") if "ipynb" in name}
    assert names == {"release/toy/doubling.ipynb", "solutions/toy/doubling.ipynb"}


def test_grading_records_the_cells_of_an_edited_source_first(built):
    built.edit("assert double(21) == 42", "assert double(22) == 44")
    before = built.gradebook_rows()
    require_recorded(built.course, "toy")
    assert built.gradebook_rows() != before


def test_the_command_says_what_is_stale_and_what_to_do(built):
    change(built, RELEASE, STALE_NOTEBOOKS["points"][1])
    done = built.type("deltarule", "build", "--check", "toy")
    assert done.returncode == 1
    assert done.stdout == f"{RELEASE} is stale\nRun 'deltarule build' and commit what changes.\n"
