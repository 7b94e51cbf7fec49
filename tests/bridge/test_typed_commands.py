"""nbgrader's own commands, typed as its users type them, in a course that holds only sources."""

import pytest

pytestmark = pytest.mark.slow


def test_the_whole_way_from_sources_to_feedback(toy):
    """generate_assignment, validate, generate_solution, autograde, generate_feedback."""
    done = toy.nbgrader("generate_assignment", "toy")
    assert done.returncode == 0, done.stderr
    assert sorted(toy.files("release")) == [
        "release/toy/data/numbers.csv",
        "release/toy/toy.ipynb",
    ]

    validated = toy.nbgrader("validate", "release/toy/toy.ipynb")
    assert "NotImplementedError: double: your code is missing here" in validated.stdout

    solved = toy.nbgrader("generate_solution", "toy")
    assert solved.returncode == 0, solved.stderr
    assert "twice_the_number" in toy.cell("build/solutions/toy/toy.ipynb", "solution-double").source

    toy.hand_in("ann", "def double(number):\n    return 2 * number")
    toy.hand_in("bob", "def double(number):\n    return number + 1")
    graded = toy.nbgrader("autograde", "toy")
    assert graded.returncode == 0, graded.stderr
    assert toy.scores() == {"ann": {"double": 2.0}, "bob": {"double": 0.0}}

    fed_back = toy.nbgrader("generate_feedback", "toy")
    assert fed_back.returncode == 0, fed_back.stderr
    assert {"feedback/ann/toy/toy.html", "feedback/bob/toy/toy.html"} <= toy.files(
        "feedback"
    ).keys()
    for command in (done, solved, graded, fed_back):
        for noise in ("without encryption", "SAWarning", "not recognized"):
            assert noise not in command.stdout + command.stderr


def test_a_validated_release_starts_its_kernel_quietly(released):
    done = released.nbgrader("validate", "release/toy/toy.ipynb")
    assert "VALIDATION FAILED" in done.stdout
    assert "without encryption" not in done.stdout + done.stderr


def test_a_broken_source_is_reported_once_and_keeps_the_release(released):
    before = released.files("release")
    released.break_source()
    done = released.nbgrader("generate_assignment", "toy")
    assert done.returncode == 1
    where = f"source/toy/toy.md:{released.broken_line}: "
    assert (done.stdout + done.stderr).count(where) == 1
    assert "write e.g. 'points=4'" in done.stderr
    assert "The release is as it was." in done.stderr
    assert released.files("release") == before

    released.course.release.joinpath("other", "other.ipynb").unlink()
    other = released.nbgrader("generate_assignment", "other")
    assert other.returncode == 0, other.stderr
    assert released.files("release") == before

    released.mend_source()
    released.edit("a function that doubles", "a short function that doubles")
    mended = released.nbgrader("generate_assignment", "toy")
    assert mended.returncode == 0, mended.stderr
    assert where not in mended.stderr
    assert b"a short function that doubles" in released.files("release")["release/toy/toy.ipynb"]


def test_build_reports_a_broken_source_once_and_builds_the_others(toy):
    assert toy.type("deltarule", "build").returncode == 0
    before = toy.files("release", "solutions")
    toy.break_source()
    other = toy.course.source / "other" / "other.md"
    other.write_text(other.read_text().replace("# Squaring", "# Squares"))
    done = toy.type("deltarule", "build")
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count(f"source/toy/toy.md:{toy.broken_line}: ") == 1
    after = toy.files("release", "solutions")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"release/other/other.ipynb", "solutions/other/other.ipynb"}

    toy.mend_source()
    assert toy.type("deltarule", "build").returncode == 0
    assert toy.files("release/toy") == {
        name: data for name, data in before.items() if name.startswith("release/toy/")
    }


def test_a_fresh_clone_is_told_what_comes_before_autograde(released):
    released.hand_in("ann", "def double(number):\n    return 2 * number")
    released.course.gradebook.unlink()
    done = released.nbgrader("autograde", "toy")
    assert done.returncode != 0
    assert "run 'nbgrader generate_assignment NAME' or 'deltarule build' first" in done.stderr

    assert released.nbgrader("generate_assignment", "toy").returncode == 0
    again = released.nbgrader("autograde", "toy")
    assert again.returncode == 0, again.stderr
    assert released.scores() == {"ann": {"double": 2.0}}


def test_an_assignment_that_does_not_exist_ends_with_an_error(toy):
    done = toy.nbgrader("generate_assignment", "tyo")
    assert done.returncode == 1
    assert "No notebooks were matched" in done.stderr
    assert not toy.course.release.exists()


def test_without_the_database_a_release_is_made_and_no_gradebook(toy):
    done = toy.nbgrader("generate_assignment", "toy", "--no-db")
    assert done.returncode == 0, done.stderr
    assert "release/toy/toy.ipynb" in toy.files("release")
    assert not toy.course.gradebook.exists()


def test_one_notebook_of_an_assignment_leaves_the_others_alone(toy):
    second = toy.course.source / "toy" / "second.md"
    second.write_text("# Second\n\nFirst text.\n", encoding="utf-8")
    assert toy.nbgrader("generate_assignment", "toy").returncode == 0
    before = toy.files("release/toy")
    second.write_text("# Second\n\nBetter text.\n", encoding="utf-8")
    toy.edit("doubles a number", "doubles any number")
    done = toy.nbgrader("generate_assignment", "toy", "--notebook", "second")
    assert done.returncode == 0, done.stderr
    after = toy.files("release/toy")
    assert after.keys() == before.keys()
    assert b"Better text." in after["release/toy/second.ipynb"]
    assert after["release/toy/toy.ipynb"] == before["release/toy/toy.ipynb"]
    assert toy.type("deltarule", "build", "--check").returncode == 1
