"""What editors, Jupyter and file systems leave beside a source is no part of the course."""

import pytest

from deltarule.bridge.leaks import release_leaks
from deltarule.bridge.release import generate_release
from deltarule.config import source_hash

STRAY = [
    "toy.ipynb",  # paired by Jupytext: the whole solution
    "scratch.ipynb",
    "data/example.ipynb",
    "toy.md~",
    "#toy.md#",
    ".toy.md.swp",
    "toy.md.orig",
    "toy.md.bak",
    "._toy.md",
    ".#toy.md",
    ".ipynb_checkpoints/toy-checkpoint.md",
    "__pycache__/helper.cpython-311.pyc",
    ".DS_Store",
]


@pytest.mark.parametrize("name", STRAY)
def test_it_changes_nothing_and_reaches_nobody(toy, name):
    before = source_hash(toy.course, "toy"), toy.course.sources("toy")
    path = toy.source.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(toy.source.read_bytes())
    assert (source_hash(toy.course, "toy"), toy.course.sources("toy")) == before
    assert path not in toy.course.extra_files("toy")


def test_an_emacs_lock_that_points_nowhere_is_no_source(toy):
    (toy.source.parent / ".#toy.md").symlink_to("me@here.1234")
    assert toy.course.sources("toy") == [toy.source]


def test_a_checkpoint_folder_is_no_assignment(toy):
    folder = toy.course.source / ".ipynb_checkpoints"
    folder.mkdir()
    (folder / "notes-checkpoint.md").write_text("# Notes\n")
    assert toy.course.assignments() == ["other", "toy"]


@pytest.mark.slow
def test_a_release_with_all_of_them_around_holds_the_notebook_and_its_data(toy):
    for name in STRAY:
        path = toy.source.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(toy.source.read_bytes())
    generate_release(toy.course, "toy")
    assert sorted(toy.files("release/toy")) == [
        "release/toy/data/numbers.csv",
        "release/toy/toy.ipynb",
    ]
    assert release_leaks(toy.course, "toy") == []
