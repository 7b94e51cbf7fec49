"""The folder of a graded submission: whatever was handed in, copying it ends and harms nobody."""

import errno
import os
import socket

import pytest

from deltarule.bridge import recorded
from deltarule.bridge.recorded import CopyRules, copy_submitted, copy_tree, exchanged, staging

RULES = CopyRules(("*.ipynb", "__pycache__", "*.pyc"), largest_file=100, largest_total=250)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "submitted"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    return folder


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def test_files_and_folders_are_copied_and_notebooks_are_not(source, target):
    (source / "figures" / "__pycache__").mkdir(parents=True)
    for name in ("a.txt", "figures/b.svg", "figures/__pycache__/c", "x.ipynb", "figures/x.ipynb"):
        (source / name).write_text(name)
    (source / "folder.ipynb").mkdir()
    (source / "folder.ipynb" / "d.txt").write_text("d")
    assert copy_submitted(source, target, RULES) == []
    assert files(target) == ["a.txt", "figures/b.svg"]
    assert (target / "figures" / "b.svg").read_text() == "figures/b.svg"


def test_nothing_but_regular_files_is_touched(source, target, tmp_path):
    (tmp_path / "secret.txt").write_text("hidden tests")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.txt").write_text("mine")
    (source / "link.txt").symlink_to(tmp_path / "secret.txt")
    (source / "folder").symlink_to(tmp_path / "elsewhere")
    (source / "dangling").symlink_to("nowhere")
    (source / "self").symlink_to(source)
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(source, os.O_RDONLY)  # a socket's path may be only 107 bytes long
        try:
            listening.bind(f"/proc/self/fd/{here}/socket")
        finally:
            os.close(here)
        assert copy_submitted(source, target, RULES) == []
    assert files(target) == []


def test_what_is_too_large_is_named_and_the_rest_copied(source, target):
    for name, size in (("a", 101), ("b", 100), ("c", 100), ("d", 100), ("e", 50)):
        (source / name).write_bytes(b"x" * size)
    assert copy_submitted(source, target, RULES) == ["a (101 bytes)", "d (100 bytes)"]
    assert files(target) == ["b", "c", "e"]


def test_too_many_files_come_to_an_end(source, target, monkeypatch):
    monkeypatch.setattr(recorded, "MOST_ENTRIES", 5)
    for number in range(8):
        (source / f"{number}").touch()
    assert copy_submitted(source, target, RULES) == ["what comes after 5 files and folders"]
    assert len(files(target)) == 5


def test_too_deep_folders_come_to_an_end(source, target):
    deepest = source.joinpath(*["d"] * recorded.DEEPEST)
    (deepest / "d").mkdir(parents=True)
    (deepest / "last.txt").touch()
    (deepest / "d" / "too_deep.txt").touch()
    copy_submitted(source, target, RULES)
    assert [name.rpartition("/")[2] for name in files(target)] == ["last.txt"]


def test_an_authors_file_stays_the_authors(source, target):
    (target / "data").mkdir()
    (target / "data" / "numbers.csv").write_text("author")
    (target / "figures").write_text("author")
    (source / "data").mkdir()
    (source / "data" / "numbers.csv").write_text("student")
    (source / "data" / "more.csv").write_text("student")
    (source / "figures").mkdir()
    (source / "figures" / "mine.svg").write_text("student")
    left_out = copy_submitted(source, target, RULES)
    assert [name.partition(" ")[0] for name in left_out] == ["figures/mine.svg"]
    assert (target / "data" / "numbers.csv").read_text() == "author"
    assert files(target) == ["data/more.csv", "data/numbers.csv", "figures"]


def test_an_unreadable_file_is_named_and_a_full_disk_is_an_error(source, target, monkeypatch):
    (source / "a").touch()
    monkeypatch.setattr(recorded, "_copy_new", raising(errno.EACCES))
    assert copy_submitted(source, target, RULES) == ["a (Permission denied)"]
    monkeypatch.setattr(recorded, "_copy_new", raising(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        copy_submitted(source, target, RULES)


def raising(number):
    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    return fail


def test_an_authors_files_are_copied_but_for_what_students_may_replace(source, target):
    (source / "data").mkdir()
    for name in ("model.py", "data/numbers.csv", "x.ipynb"):
        (source / name).write_bytes(b"x" * 1000)
    copy_tree(source, target, RULES, {recorded.Path("model.py")})
    assert files(target) == ["data/numbers.csv"]
    copy_tree(source / "nothing", target, RULES, ())
    assert files(target) == ["data/numbers.csv"]


def test_an_exchange_that_is_kept_leaves_nothing_beside(tmp_path):
    target = tmp_path / "ann" / "lab"
    for text in ("first", "second"):
        with staging(target) as new:
            (new / "file").write_text(text)
            with exchanged(new, target):
                assert (target / "file").read_text() == text
    assert (target / "file").read_text() == "second"
    assert [path.name for path in target.parent.iterdir()] == ["lab"]


@pytest.mark.parametrize("before", [True, False])
def test_an_exchange_that_is_not_kept_is_taken_back_and_can_be_tried_again(tmp_path, before):
    target = tmp_path / "ann" / "lab"
    if before:
        target.mkdir(parents=True)
        (target / "file").write_text("old")
    with staging(target) as new:
        (new / "file").write_text("new")
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt), exchanged(new, target):
                raise KeyboardInterrupt
            assert target.exists() == before
            assert not before or (target / "file").read_text() == "old"
        with exchanged(new, target):
            pass
    assert (target / "file").read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["lab"]


def test_an_exchange_that_fails_halfway_is_taken_back(tmp_path, monkeypatch):
    target = tmp_path / "ann" / "lab"
    target.mkdir(parents=True)
    (target / "file").write_text("old")
    original = recorded.Path.replace
    moves = []

    def fail_second(self, place):
        moves.append(self.name)
        if len(moves) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return original(self, place)

    with staging(target) as new:
        monkeypatch.setattr(recorded.Path, "replace", fail_second)
        with pytest.raises(OSError, match="Input/output"), exchanged(new, target):
            raise AssertionError("the exchange did not happen")
    assert (target / "file").read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["lab"]


def test_left_overs_of_another_assignment_stay(tmp_path):
    target = tmp_path / "ann" / "lab"
    others = tmp_path / "ann" / ".lab2-recording-x"
    killed = tmp_path / "ann" / ".lab-recording-y"
    for left_over in (others, killed):
        (left_over / "old").mkdir(parents=True)
        (left_over / "old" / "file").write_text("old")
    with staging(target):
        assert (target / "file").read_text() == "old"
    assert others.exists()
    assert not killed.exists()
