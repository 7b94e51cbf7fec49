"""``deltarule handout``: everything that a student needs, and nothing of the solution."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from deltarule.cli import main

pytestmark = pytest.mark.slow

ENVIRONMENT = """\
name: toys
channels: [conda-forge]
dependencies:
  - python=3.12
  - pip
  - pip:
      - --extra-index-url https://example.org/cpu
      - jupyterlab==4.6.6
"""


@pytest.fixture
def course(released, monkeypatch):
    """A released course with an environment for students; we stand in it."""
    (released.root / "environment.yml").write_text(ENVIRONMENT, encoding="utf-8")
    monkeypatch.chdir(released.root)
    return released


def handout(*arguments):
    return CliRunner().invoke(main, ["handout", *map(str, arguments)], catch_exceptions=False)


def members(path="toy.zip"):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_zip_holds_the_release_the_environment_and_a_readme(course):
    done = handout("toy", "toy.zip", "--json", "made.json")
    assert done.exit_code == 0, done.output
    found = members()
    assert list(found) == [
        "toy/README.txt",
        "toy/data/numbers.csv",
        "toy/environment.yml",
        "toy/requirements.txt",
        "toy/toy.ipynb",
    ]
    for name in ("toy.ipynb", "data/numbers.csv"):
        assert found[f"toy/{name}"] == (course.course.release / "toy" / name).read_bytes()
    assert found["toy/environment.yml"].decode() == ENVIRONMENT
    assert found["toy/requirements.txt"].decode().splitlines() == [
        "--extra-index-url https://example.org/cpu",
        "jupyterlab==4.6.6",
    ]
    made = json.loads(Path("made.json").read_text())
    assert made == {"assignment": "toy", "file": "toy.zip", "members": list(found)}


def test_the_readme_says_how_to_set_up_start_and_hand_in(course):
    handout("toy", "toy.zip")
    readme = members()["toy/README.txt"].decode()
    for typed in (
        "conda env create -f environment.yml",
        "conda activate toys",
        "python -m pip install -r requirements.txt",
        "jupyter lab",
    ):
        assert f"    {typed}\n" in readme
    assert "Python 3.12" in readme
    assert re.search(r"hand in\s+toy\.ipynb, and nothing else", readme)
    assert not re.search(r"[{}]", readme), "a place in the text was not filled in"


def test_nothing_of_the_solution_and_no_source_is_handed_out(course):
    for folder in ("solutions/toy", "build/pdf/toy"):
        (course.root / folder).mkdir(parents=True, exist_ok=True)
        (course.root / folder / "toy-solution.pdf").write_bytes(b"twice_the_number")
        (course.root / folder / "toy.pdf").write_bytes(b"not of this release")
    handout("toy", "toy.zip")
    for name, data in members().items():
        assert not name.endswith((".md", ".pdf")), name
        for secret in (b"twice_the_number", b"double(21)", b"counted"):
            assert secret not in data, name


def test_the_same_course_gives_the_same_bytes(course):
    handout("toy", "toy.zip")
    first = Path("toy.zip").read_bytes()
    for path in (course.course.release / "toy").rglob("*"):
        path.touch()
    assert handout("toy", "toy.zip").exit_code == 0
    assert handout("toy", "again.zip").exit_code == 0
    assert Path("toy.zip").read_bytes() == Path("again.zip").read_bytes() == first


def test_an_edited_source_is_not_handed_out_in_its_old_form(course):
    course.edit("doubles a number", "doubles any number")
    done = handout("toy", "toy.zip")
    assert done.exit_code == 2
    assert "  release/toy/toy.ipynb is stale" in done.stderr
    assert "Run 'deltarule build toy' first." in done.stderr
    assert not Path("toy.zip").exists()


def test_without_a_release_there_is_no_handout(course):
    (course.course.release / "toy" / "toy.ipynb").unlink()
    done = handout("toy", "toy.zip")
    assert done.exit_code == 2
    assert "  release/toy/toy.ipynb is missing" in done.stderr
    assert "solutions" not in done.stderr
    assert not Path("toy.zip").exists()


@pytest.mark.parametrize("kind", ["text", "zip", "other handout"])
def test_a_file_that_is_not_this_handout_is_kept_unless_forced(course, kind):
    if kind == "text":
        Path("mine.zip").write_bytes(b"a year's work")
    elif kind == "zip":
        with zipfile.ZipFile("mine.zip", "w") as file:
            file.writestr("work.txt", "a year's work")
    else:
        handout("other", "mine.zip")
    before = Path("mine.zip").read_bytes()
    done = handout("toy", "mine.zip")
    assert done.exit_code == 2
    assert "mine.zip exists and is no handout of toy" in done.stderr
    assert Path("mine.zip").read_bytes() == before
    assert handout("toy", "mine.zip", "--force").exit_code == 0
    assert "toy/toy.ipynb" in members("mine.zip")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["toy", "toy.tar.gz"], "does not end with .zip"),
        (["toy", "toy"], "does not end with .zip"),
        (["lab99", "toy.zip"], "there is no assignment 'lab99'"),
    ],
)
def test_wrong_usage_is_one_clear_error(course, arguments, complaint):
    done = handout(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert not Path(arguments[1]).exists()


@pytest.mark.parametrize("text", [None, "name: [", "just text", "name: x\n"])
def test_an_environment_that_students_could_not_use_is_refused(course, text):
    path = course.root / "environment.yml"
    path.unlink() if text is None else path.write_text(text)
    done = handout("toy", "toy.zip")
    assert done.exit_code == 2
    assert str(path) in done.stderr
    assert not Path("toy.zip").exists()


def test_what_the_author_released_under_these_names_wins(course):
    (course.course.source / "toy" / "README.txt").write_text("Read me well.\n", encoding="utf-8")
    from deltarule.bridge.release import generate_release

    generate_release(course.course, "toy")
    assert handout("toy", "toy.zip").exit_code == 0
    assert members()["toy/README.txt"] == b"Read me well.\n"


def test_a_file_that_cannot_be_written_is_the_machinery_s_failure(course):
    Path("folder").write_text("a file where a folder should be")
    done = handout("toy", "folder/toy.zip")
    assert done.exit_code == 3
    assert "folder/toy.zip cannot be written" in done.stderr
