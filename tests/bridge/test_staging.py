"""A release is swapped in when it is whole: no failure, kill or race leaves it emptied."""

import signal
import subprocess
import sys
import textwrap

import pytest

from deltarule.bridge import preprocessors
from deltarule.bridge.build import build_assignment
from deltarule.bridge.compiled import compile_assignment, put_back_interrupted
from deltarule.bridge.release import generate_release
from deltarule.errors import AuthoringError, MachineryError

pytestmark = pytest.mark.slow


def left_in_build(toy):
    return [path.name for path in (toy.root / "build").glob("release-*")]


def test_a_failure_in_the_middle_of_a_conversion_keeps_the_release(released, monkeypatch):
    second = released.course.source / "toy" / "second.md"
    second.write_text("# Second\n\nText.\n", encoding="utf-8")
    generate_release(released.course, "toy")
    before = released.files("release")
    released.edit("doubles a number", "doubles any number")
    original = preprocessors.RemoveHomework.preprocess
    seen = []

    def fail_at_the_second(self, nb, resources):
        seen.append(resources["nbgrader"]["notebook"])
        if len(seen) == 2:
            raise RuntimeError("the disk is full")
        return original(self, nb, resources)

    monkeypatch.setattr(preprocessors.RemoveHomework, "preprocess", fail_at_the_second)
    with pytest.raises(MachineryError, match="the disk is full"):
        generate_release(released.course, "toy")
    assert sorted(seen) == ["second", "toy"]
    assert released.files("release") == before
    assert left_in_build(released) == []

    monkeypatch.undo()
    generate_release(released.course, "toy")
    assert released.files("release") != before


def test_a_refused_source_raises_the_mistakes_as_data(released):
    released.break_source()
    with pytest.raises(AuthoringError) as refusal:
        generate_release(released.course, "toy")
    assert released.broken_line in {problem.line for problem in refusal.value.problems}


def killed(toy, where):
    """Run a build that kills itself where ``where`` says, so that no clean-up runs."""
    program = f"""
        import os, signal, sys
        from pathlib import Path
        from deltarule import config
        from deltarule.bridge import preprocessors
        from deltarule.config import Course

        def die(*arguments):
            os.kill(os.getpid(), signal.SIGKILL)

        {where}
        from deltarule.bridge.release import generate_release
        generate_release(Course(Path(sys.argv[1])), "toy")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), toy.root], timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL


def test_a_kill_in_the_middle_of_a_conversion_keeps_the_release(released):
    before = released.files("release")
    killed(released, "preprocessors.RemoveHomework.preprocess = die")
    assert released.files("release") == before
    assert left_in_build(released) != []

    generate_release(released.course, "toy")
    assert released.files("release") == before
    assert left_in_build(released) == []


def test_a_kill_between_the_two_halves_of_the_swap_is_put_right(released):
    """The old folder is aside and the new one not there yet; the next command puts it back."""
    before = released.files("release/toy")
    killed(released, "config.shutil.move = die")
    assert released.files("release/toy") == {}

    done = released.type("nbgrader", "validate", "release/toy/toy.ipynb")
    assert "VALIDATION FAILED" in done.stdout, done.stderr
    assert released.files("release/toy") == before
    assert [path.name for path in released.course.release.iterdir()] != []
    assert not list(released.course.release.glob(".*"))


def test_what_is_aside_after_a_whole_swap_is_removed(released):
    before = released.files("release")
    aside = released.course.release / ".toy-old-abc"
    (aside / "toy").mkdir(parents=True)
    (aside / "toy" / "toy.ipynb").write_text("older")
    put_back_interrupted(released.course)
    assert released.files("release") == before


def test_two_processes_at_once_make_one_release(toy):
    program = (
        "import sys; from pathlib import Path; from deltarule.config import Course;"
        "from deltarule.bridge.release import generate_release;"
        "[generate_release(Course(Path(sys.argv[1])), 'toy') for _ in range(3)]"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", program, toy.root], stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for process in racing:
            _, errors = process.communicate(timeout=90)
            assert process.returncode == 0, errors.decode()
    finally:
        for process in racing:
            process.kill()
            process.communicate()
    raced = toy.files("release")
    generate_release(toy.course, "toy")
    assert toy.files("release") == raced
    assert left_in_build(toy) == []


def test_nobody_else_writes_while_a_release_is_made(released, monkeypatch):
    original = preprocessors.RemoveHomework.preprocess
    program = (
        "import sys, filelock\n"
        "try:\n"
        "    filelock.FileLock(sys.argv[1], timeout=0).acquire()\n"
        "    print('free')\n"
        "except filelock.Timeout:\n"
        "    print('held')\n"
    )
    seen = []

    def look(self, nb, resources):
        command = [sys.executable, "-c", program, released.course.build / ".lock"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        seen.append(done.stdout.strip())
        return original(self, nb, resources)

    monkeypatch.setattr(preprocessors.RemoveHomework, "preprocess", look)
    generate_release(released.course, "toy")
    assert seen == ["held"]


def test_the_working_directory_does_not_matter(toy, tmp_path, monkeypatch):
    generate_release(toy.course, "toy")
    before = toy.files("release")
    monkeypatch.chdir(tmp_path)
    generate_release(toy.course, "toy")
    assert toy.files("release") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course"]


def test_compiling_while_nothing_changed_gives_the_same_bytes(toy):
    compile_assignment(toy.course, "toy")
    before = toy.files("build/source")
    compile_assignment(toy.course, "toy")
    assert toy.files("build/source") == before


def test_a_solution_that_does_not_run_keeps_the_old_solutions(toy):
    said = []
    build_assignment(toy.course, "toy", said.append)
    before = toy.files("solutions")
    toy.edit("number + number", "number + missing")
    toy.edit("assert double(1)", "double(1)\nassert double(1)")
    with pytest.raises(MachineryError, match=r"toy\.md does not run"):
        build_assignment(toy.course, "toy", said.append)
    assert toy.files("solutions") == before
    with pytest.raises(MachineryError):
        build_assignment(toy.course, "toy", said.append)
