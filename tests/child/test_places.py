"""Folders are removed and counted whatever a student has made of them."""

import os
import subprocess
import sys

import pytest

from deltarule.grading.sandbox import places
from deltarule.grading.sandbox.canary import Canary
from deltarule.grading.sandbox.cell_outcomes import Over
from deltarule.grading.sandbox.places import Place, remove, size_of, trimmed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")


def test_a_canary_tells_when_it_was_touched_however_long_its_folder_s_name(tmp_path):
    for place in (tmp_path, tmp_path / ("x" * 120)):
        place.mkdir(exist_ok=True)
        with Canary(place) as canary:
            assert not canary.was_touched()
            (canary.folder / "left").touch()
            assert canary.was_touched()
        assert not canary.folder.exists()


def nest(folder, depth):
    """Folders in each other, deeper than a path can be long or Python recurses."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("deep", dir_fd=here)
        new = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = new
    os.close(here)


def test_a_deep_tree_is_removed(tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    nest(top, 1100)
    remove(top)
    assert not top.exists()


def test_closed_folders_are_removed_and_links_are_not_followed(tmp_path):
    top, outside = tmp_path / "top", tmp_path / "outside"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").touch()
    outside.mkdir()
    (outside / "kept").touch()
    (top / "a" / "link").symlink_to(outside)
    (top / "a" / "b").chmod(0)
    (top / "a").chmod(0)
    remove(top)
    assert not top.exists()
    assert (outside / "kept").exists()


def test_what_is_not_there_is_no_trouble(tmp_path):
    remove(tmp_path / "missing")


def test_bytes_are_counted_and_so_are_entries(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "large").write_bytes(bytes(100_000))
    assert 100_000 < size_of(tmp_path, 10**6) < 200_000
    for number in range(100):
        (tmp_path / str(number)).touch()
    assert size_of(tmp_path, 10**6) > 10**6


def test_folders_too_deep_to_count_are_over_the_limit(tmp_path):
    nest(tmp_path, places.DEEPEST + 2)
    with pytest.raises(Over, match="nested"):
        size_of(tmp_path, 10**9)
    remove(tmp_path)


def test_the_folder_of_a_killed_grader_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = (
        "import os\nfrom deltarule.grading.sandbox.places import Place\n"
        "(Place().path / 'homework').touch()\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", source], check=False)
    (left,) = tmp_path.iterdir()
    (tmp_path / f"{places.PREFIX}of-somebody-else").mkdir()
    used, other = Place(), Place()
    assert not left.exists()
    assert used.path.is_dir()
    other.close()
    used.close()
    assert [one.name for one in tmp_path.iterdir()] == [f"{places.PREFIX}of-somebody-else"]


def test_the_newest_goes_first_where_too_much_was_written(tmp_path):
    (tmp_path / "work" / "folder").mkdir(parents=True)
    for number, name in enumerate(["old", "folder/inside", "new", "newest"]):
        path = tmp_path / "work" / name
        path.write_bytes(bytes(1 << 20))
        os.utime(path, (number, number))
    os.utime(tmp_path / "work" / "folder", (1, 1))
    assert trimmed(tmp_path, 5 << 20) == size_of(tmp_path, 1 << 30)
    assert trimmed(tmp_path, 5 << 19) < 5 << 19
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"old", "folder"}
