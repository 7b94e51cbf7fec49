"""What should never lie in ``submitted/``, all in one class: a result or a reason for everybody.

Graded as a plain user, since root may read everything.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from .small_class import ROOT, SmallClass

pytestmark = pytest.mark.slow

PLAIN = [sys.executable, str(ROOT / "tests" / "child" / "as_user.py"), "plain"]
LONG = "x" * 250
NAMES = ["Müller, Jörg", "-rf", "  ", "new\nline", "u\u0308ber", "$(id)", "[red]", LONG]
NO_UTF8 = os.fsdecode(b"caf\xe9")


def corrupt(folder, text):
    (folder / "small.ipynb").write_text(text[:200], encoding="utf-8")


def empty(folder, text):
    (folder / "small.ipynb").write_bytes(b"")


def large(folder, text):
    os.truncate(folder / "small.ipynb", 200 * 2**20)


def latin_1(folder, text):
    (folder / "small.ipynb").write_bytes(text.replace("# Small", "# Für").encode("latin-1"))


def a_folder(folder, text):
    (folder / "small.ipynb").unlink()
    (folder / "small.ipynb").mkdir()


def a_link(folder, text):
    (folder / "small.ipynb").unlink()
    (folder / "small.ipynb").symlink_to("../../ann/small/small.ipynb")


def a_pipe(folder, text):
    (folder / "small.ipynb").unlink()
    os.mkfifo(folder / "small.ipynb")


def another_name(folder, text):
    (folder / "small.ipynb").rename(folder / "small (1).ipynb")


BROKEN = {
    corrupt: "is damaged",
    empty: "is empty",
    large: "has 200 MB",
    latin_1: "is not in UTF-8",
    a_folder: "is a folder",
    a_link: "is a link",
    a_pipe: "is no plain file",
}
TIMES = {
    "soon": b"soon",
    "binary": b"\xff\x00" * 1000,
    "huge": b"2026-11-21 12:00 UTC" * 500_000,
    "of_a_path": b"2026-11-21 12:00 /dev/stdin",
    "too_far": b"99999999999999999999",
}


def hand_in_everything(course):
    course.hand_in("ann", 0)
    for number, spoil in enumerate(BROKEN):
        folder = course.hand_in(spoil.__name__, number)
        spoil(folder, (folder / "small.ipynb").read_text(encoding="utf-8"))
        course.deserved[spoil.__name__] = 0
    another_name(course.hand_in("another_name", 0), "")
    for number, name in enumerate(NAMES):
        course.hand_in(name, number)
    for number, (name, content) in enumerate(TIMES.items()):
        (course.hand_in(name, number) / "timestamp.txt").write_bytes(content)
    os.mkfifo(course.hand_in("time_in_a_pipe", 0) / "timestamp.txt")
    (course.hand_in("in_time", 0) / "timestamp.txt").write_text("2026-11-21 12:00 UTC")
    deep = course.hand_in("deep", 1)
    deep.joinpath(*["a"] * 300).mkdir(parents=True)
    many = course.hand_in("many", 2) / "data"
    many.mkdir()
    for number in range(200):
        (many / f"{number}.csv").write_text("1,2\n")
    course.hand_in("ends_itself", 1, before="import os\nos._exit(0)")
    course.hand_in("zoe", 2)


def hand_in_what_cannot_be_opened(course):
    """Submissions that get a reason, and are not recorded."""
    for name in ("closed", "closed_inside", "linked", "a_file", NO_UTF8):
        course.hand_in(name, 0)
        del course.deserved[name]
    course.folder("closed").chmod(0)
    (course.folder("closed_inside") / "small.ipynb").chmod(0)
    shutil.rmtree(course.folder("linked"))
    course.folder("linked").symlink_to("../ann/small")
    shutil.rmtree(course.folder("a_file"))
    course.folder("a_file").write_text("my homework")


@pytest.fixture(scope="module")
def place():
    """A folder that every user of the machine can reach."""
    made = Path(tempfile.mkdtemp(prefix="deltarule-odd-"))
    yield made
    made.chmod(0o700)
    subprocess.run(["rm", "-rf", made], check=True)  # deeper than Python can go


@pytest.fixture(scope="module")
def graded(built, place):
    """The class and its run."""
    course = SmallClass(place / "course")
    course = built.copied(course.root)
    hand_in_everything(course)
    as_user = ()
    if os.geteuid() == 0:
        if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
            pytest.skip("mounts are not allowed here, not even to root")
        subprocess.run(["chmod", "-R", "a+rwX", place], check=True)
        as_user = PLAIN
    hand_in_what_cannot_be_opened(course)
    if os.geteuid() == 0:
        (course.root / "submitted").chmod(0o777)
    run = course.grade("--jobs", "1", as_user=as_user)
    return course, run.results()


def messages(result):
    return {test["message"] for test in result["tests"]}


def test_everybody_has_a_result(graded):
    course, results = graded
    folders = {os.fsencode(path.name) for path in course.course.submitted.iterdir()}
    assert results.keys() == {name.decode("utf-8", "replace") for name in folders}


def test_classmates_have_what_they_deserve(graded):
    course, results = graded
    scores = {student: result["score"] for student, result in results.items()}
    assert {student: scores[student] for student in course.deserved} == course.deserved


@pytest.mark.parametrize("spoil", BROKEN)
def test_what_is_no_notebook_is_named(graded, spoil):
    _, results = graded
    (said,) = messages(results[spoil.__name__])
    assert said.startswith(f"small.ipynb {BROKEN[spoil]}")


@pytest.mark.parametrize(
    ("student", "reason"),
    [
        ("closed", "cannot be read: Permission denied"),
        ("closed_inside", "cannot be read: Permission denied"),
        ("linked", "is a link"),
        ("a_file", "is no folder"),
        (
            NO_UTF8.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            "rename the folder",
        ),
    ],
)
def test_what_cannot_be_opened_is_an_error_with_a_reason(graded, student, reason):
    course, results = graded
    (said,) = messages(results[student])
    assert reason in said
    assert {test["status"] for test in results[student]["tests"]} == {"error"}
    assert student not in course.recorded_scores()


@pytest.mark.parametrize("student", [*TIMES, "time_in_a_pipe"])
def test_a_time_that_cannot_be_read_is_a_note_and_costs_nothing(graded, student):
    course, results = graded
    (note,) = results[student]["notes"]
    assert note.startswith("timestamp.txt")
    assert results[student]["score"] == course.deserved[student]


def test_a_time_is_recorded(graded):
    from nbgrader.api import Gradebook

    course, results = graded
    assert results["in_time"]["notes"] == []
    with Gradebook(f"sqlite:///{course.course.gradebook}") as book:
        when = book.find_submission("small", "in_time").timestamp
        assert when.isoformat() == "2026-11-21T12:00:00"
        assert book.find_submission("small", "soon").timestamp is None


def test_a_notebook_of_another_name_is_found(graded):
    _, results = graded
    (note,) = results["another_name"]["notes"]
    assert "small (1).ipynb" in note


def test_gradebook_and_notebooks_agree(graded):
    course, _ = graded
    assert course.recorded_scores() == course.deserved
    opened = {name: points for name, points in course.deserved.items() if points}
    assert course.autograded_scores() == opened
