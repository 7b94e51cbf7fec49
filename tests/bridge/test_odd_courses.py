"""Courses as people have them: odd folder names, links, folders in the way."""

import shutil

import pytest

from deltarule.bridge import configuration
from deltarule.bridge.build import build_assignment, stale_files
from deltarule.bridge.release import generate_release
from deltarule.errors import AuthoringError, MachineryError


@pytest.mark.slow
def test_a_course_may_lie_in_a_folder_of_almost_any_name(released, tmp_path):
    root = tmp_path / "Kurs Übung {2026} (it's #1)"
    shutil.move(released.root, root)
    moved = type(released)(type(released.course)(root))
    before = moved.files("release")
    moved.edit("doubles a number", "doubles any number")
    done = moved.nbgrader("generate_assignment", "toy")
    assert done.returncode == 0, done.stderr
    assert moved.files("release") != before
    moved.hand_in("ann", "def double(number):\n    return 2 * number")
    done = moved.nbgrader("autograde", "toy")
    assert done.returncode == 0, done.stderr
    assert moved.scores() == {"ann": {"double": 2.0}}


@pytest.mark.parametrize("character", "[]*?%")
def test_a_name_that_nbgrader_misreads_is_said_to_be_one(toy, character, capfd, monkeypatch):
    from traitlets.config import Config

    monkeypatch.setattr(configuration, "_shown", set())
    root = toy.root.rename(toy.root.with_name(f"a{character}b"))
    configuration.configure(Config(), root)
    assert f"it takes {character} in a path for a pattern" in capfd.readouterr().err


@pytest.mark.slow
def test_an_assignment_may_be_a_link_to_a_folder_elsewhere(toy, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    shutil.move(toy.source.parent, elsewhere)
    (toy.course.source / "toy").symlink_to(elsewhere)
    generate_release(toy.course, "toy")
    assert "release/toy/toy.ipynb" in toy.files("release")


@pytest.mark.slow
def test_data_that_is_a_link_is_copied_as_a_file(toy, tmp_path):
    (tmp_path / "big.csv").write_text("1\n")
    link = toy.source.parent / "data" / "big.csv"
    link.symlink_to(tmp_path / "big.csv")
    (toy.source.parent / "data" / "dangling.csv").symlink_to(tmp_path / "gone.csv")
    generate_release(toy.course, "toy")
    released = toy.root / "release" / "toy" / "data"
    assert not (released / "big.csv").is_symlink()
    assert sorted(path.name for path in released.iterdir()) == ["big.csv", "numbers.csv"]


@pytest.mark.slow
def test_a_file_in_the_way_of_the_build_folder_is_an_error_in_one_sentence(released):
    before = released.files("release")
    released.edit("doubles a number", "doubles any number")
    shutil.rmtree(released.root / "build")
    (released.root / "build").write_text("in the way")
    done = released.nbgrader("generate_assignment", "toy")
    assert done.returncode == 1
    assert "'toy' is not released" in done.stderr
    assert "Traceback" not in done.stderr
    assert released.files("release") == before


@pytest.mark.slow
def test_a_stale_compiled_notebook_is_never_released(released, monkeypatch):
    """The configuration could not compile, and could not stop the command: the converter does."""
    from deltarule.bridge import release

    def fail(course, assignment):
        raise RuntimeError("a bug in the compiler")

    before = released.files("release")
    released.edit("doubles a number", "doubles any number")
    monkeypatch.setattr(release, "compile_assignment", fail)
    monkeypatch.setattr(configuration, "_compile", lambda c, course: None)
    with pytest.raises((MachineryError, RuntimeError), match="a bug in the compiler"):
        generate_release(released.course, "toy")
    assert released.files("release") == before


@pytest.mark.slow
def test_a_course_with_no_release_folder_yet_is_checked(toy):
    complaints = stale_files(toy.course, "toy")
    assert "release/toy/toy.ipynb is missing" in complaints
    assert "solutions/toy/toy.ipynb is missing" in complaints
    assert not toy.course.gradebook.exists()


@pytest.mark.slow
def test_two_notebooks_with_mistakes_report_all_of_them(toy):
    toy.break_source()
    second = toy.source.with_name("second.md")
    second.write_text("# Second\n\n#!TAG HWEND\n", encoding="utf-8")
    with pytest.raises(AuthoringError) as refusal:
        build_assignment(toy.course, "toy", lambda step: None)
    assert {problem.path.name for problem in refusal.value.problems} == {"toy.md", "second.md"}
