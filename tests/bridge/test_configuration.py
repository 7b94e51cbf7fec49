"""``configure``: it fills in the settings, compiles what changed, and nothing escapes from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from deltarule.bridge import compiled, configuration, configure


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """What was printed, and the search path, as in a process that has just begun."""
    monkeypatch.setattr(configuration, "_shown", set())
    monkeypatch.setenv("PATH", os.environ["PATH"])


def configured(toy):
    c = Config()
    configure(c, toy.root / "nbgrader_config.py")
    return c


def test_it_points_nbgrader_at_the_compiled_notebooks(toy):
    c = configured(toy)
    assert c.CourseDirectory.root == str(toy.root)
    assert c.CourseDirectory.source_directory == str(Path("build", "source"))
    assert c.CourseDirectory.db_url == f"sqlite:///{toy.root}/gradebook.db"
    assert sorted(toy.files("build/source")) == [
        "build/source/other/other.ipynb",
        "build/source/toy/data/numbers.csv",
        "build/source/toy/toy.ipynb",
    ]


def test_a_folder_does_as_well_as_the_file(toy):
    c = Config()
    configure(c, toy.root)
    assert c == configured(toy)


def test_it_does_not_depend_on_the_working_directory(toy, tmp_path, monkeypatch):
    here = configured(toy)
    monkeypatch.chdir(tmp_path)
    assert configured(toy) == here


def test_a_broken_source_is_shown_once_and_loses_its_compiled_notebook(toy, capfd):
    toy.break_source()
    for _ in range(3):  # nbgrader reads its configuration three times
        configured(toy)
    where = f"source/toy/toy.md:{toy.broken_line}: "
    assert capfd.readouterr().err.count(where) == 1
    assert where in (toy.root / "build" / "errors" / "toy.txt").read_text(encoding="utf-8")
    assert "build/source/toy/toy.ipynb" not in toy.files("build/source")
    assert "build/source/other/other.ipynb" in toy.files("build/source")
    assert (toy.root / "build" / "source" / "toy").is_dir(), "formgrader lists what has a folder"

    toy.mend_source()
    configured(toy)
    assert "build/source/toy/toy.ipynb" in toy.files("build/source")
    assert "build/errors/toy.txt" not in toy.files("build")


@pytest.mark.parametrize(
    "header", ["---\njupyter: [\n---\n", "---\njupyter:\n", "\x00", "---\n- \n"]
)
def test_a_source_that_is_hardly_text_escapes_nothing(toy, header):
    toy.source.write_text(header + toy.source.read_text(encoding="utf-8"), encoding="utf-8")
    assert configured(toy).CourseDirectory.root == str(toy.root)


def test_a_source_that_is_not_utf8_is_an_authoring_error(toy, capfd):
    toy.source.write_bytes("# Übung\n".encode("latin-1"))
    configured(toy)
    assert "source/toy/toy.md:1: not UTF-8 text" in capfd.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(3), MemoryError(), OSError("no")])
def test_whatever_one_source_makes_the_compiler_do_the_others_compile(
    toy, monkeypatch, capfd, error
):
    parse = compiled.parse_assignment

    def explode(course, assignment):
        if assignment == "other":  # the first in the alphabet
            raise error
        return parse(course, assignment)

    monkeypatch.setattr(compiled, "parse_assignment", explode)
    assert configured(toy).GenerateAssignment.force is True
    assert "other: not compiled" in capfd.readouterr().err
    assert "build/source/toy/toy.ipynb" in toy.files("build/source")


def test_a_build_folder_that_cannot_be_made_is_shown_in_one_sentence(toy, capfd):
    (toy.root / "build").write_text("a file in the way")
    assert configured(toy).CourseDirectory.root == str(toy.root)
    shown = capfd.readouterr().err
    assert "the course folder cannot be used as it is" in shown
    assert "Traceback" not in shown


def test_without_a_source_folder_there_is_nothing_to_compile(tmp_path, capfd):
    c = Config()
    configure(c, tmp_path)
    assert c.CourseDirectory.root == str(tmp_path)
    assert capfd.readouterr().err == ""
    assert not list(tmp_path.iterdir())


DAMAGED = [
    "",
    "{",
    "[]",
    "\0",
    '{"toy": []}',
    '{"toy": {"cell_seconds": "abc"}}',
    '{"toy": {"cell_seconds": -1}}',
    '{"toy": {"cell_seconds": 1e400}}',
    '{"toy": {"cell_seconds": NaN}}',
]


@pytest.mark.parametrize("manifest", DAMAGED)
def test_a_damaged_manifest_is_made_anew(toy, manifest, capfd):
    configured(toy)
    good = toy.course.read_manifest()
    toy.course.manifest.write_text(manifest)
    assert configured(toy).Execute.timeout == 120
    assert toy.course.read_manifest() == good
    assert capfd.readouterr().err == ""


def test_the_longest_time_limit_counts(toy):
    toy.edit("    points:\n", "    limits:\n      cell_seconds: 300\n    points:\n")
    configured(toy)
    assert configured(toy).Execute.timeout == 300


def test_an_unchanged_course_is_not_compiled_again(toy):
    configured(toy)
    before = {path: path.stat().st_mtime_ns for path in (toy.root / "build").rglob("*.ipynb")}
    configured(toy)
    assert before == {
        path: path.stat().st_mtime_ns for path in (toy.root / "build").rglob("*.ipynb")
    }


@pytest.mark.parametrize("lost", ["source/toy/toy.ipynb", "manifest.json", "errors/toy.txt"])
def test_what_is_lost_from_the_build_folder_comes_back(toy, lost):
    if lost.startswith("errors"):
        toy.break_source()
    configured(toy)
    (toy.root / "build" / lost).unlink()
    configured(toy)
    assert (toy.root / "build" / lost).is_file()


def test_a_renamed_notebook_leaves_nothing_compiled_behind(toy):
    configured(toy)
    toy.source.rename(toy.source.with_name("doubling.md"))
    configured(toy)
    assert "build/source/toy/toy.ipynb" not in toy.files("build/source")
    assert "build/source/toy/doubling.ipynb" in toy.files("build/source")


def test_an_assignment_that_is_gone_leaves_nothing_compiled_behind(toy):
    configured(toy)
    toy.source.unlink()
    configured(toy)
    assert sorted(toy.files("build/source")) == ["build/source/other/other.ipynb"]


def test_a_folder_with_data_only_is_no_assignment(toy):
    folder = toy.course.source / "data-only"
    folder.mkdir()
    (folder / "numbers.csv").write_text("1\n")
    configured(toy)
    assert not (toy.course.compiled / "data-only").exists()


def test_the_programs_of_this_environment_are_found(toy, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    configured(toy)
    assert str(Path(sys.executable).parent) in os.environ["PATH"].split(os.pathsep)


def test_reading_the_configuration_imports_no_compiler_when_nothing_changed(toy):
    configured(toy)
    program = (
        "import sys; from traitlets.config import Config; from deltarule.bridge import configure;"
        "configure(Config(), sys.argv[1]);"
        "print(sorted({'nbformat', 'jupytext', 'nbgrader', 'zmq', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, toy.root], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n", done.stderr
