"""A disk that is full in the middle of a class: one sentence that says what to do, nothing lost."""

import os
import subprocess

import pytest

pytestmark = pytest.mark.slow
CLASS = 12
SIZE = 3 * 2**20
ROOM = 100 * 2**10
"""Enough for some students' notebooks, and not for all."""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], timeout=20, check=True)


def fill(place, room):
    """Take up all but some bytes; the file to delete."""
    ballast = place / "ballast"
    free = os.statvfs(place)
    ballast.write_bytes(bytes(free.f_bavail * free.f_bsize - room))
    return ballast


@pytest.fixture
def on_small_disk(built, small_disk):
    course = built.copied(small_disk / "course")
    course.hand_in_all(CLASS)
    return course


def test_a_full_disk_ends_the_run_and_room_lets_it_go_on(on_small_disk, small_disk):
    ballast = fill(small_disk, ROOM)
    run = on_small_disk.grade("--jobs", "1")
    assert run.process.returncode == 3
    assert "Traceback" not in run.error
    assert run.error.startswith("deltarule: ")
    assert "disk" in run.error
    assert "run this again" in run.error or "run the same command" in run.error
    kept = on_small_disk.seeds()
    assert 0 < len(kept) < CLASS
    recorded = on_small_disk.recorded_scores()
    assert {student: recorded[student] for student in kept} == {
        student: on_small_disk.deserved[student] for student in kept
    }
    ballast.unlink()
    again = on_small_disk.grade("--jobs", "1")
    assert again.scores() == on_small_disk.deserved
    assert on_small_disk.seeds().items() >= kept.items()
    on_small_disk.check_records()
