"""When submissions are graded, their cells stay what they were; everything else may be edited."""

import pytest

from deltarule.bridge.release import generate_release
from deltarule.errors import ReleaseRefusedError

pytestmark = pytest.mark.slow

SECOND_TEST = """```python
#!TAG TEST half points=1
assert double(0.5) == 1
### BEGIN HIDDEN TESTS
assert double(-0.5) == -1
### END HIDDEN TESTS
```

Why is that right?
"""


def remove_test(toy):
    text = toy.source.read_text(encoding="utf-8")
    begin, end = text.index("```python\n#!TAG TEST"), text.index("Why is that right?")
    text = text[:begin] + text[end:]
    toy.source.write_text(text.replace("      automatic: 2\n", ""), encoding="utf-8")


def add_test(toy):
    toy.edit("      automatic: 2\n", "      automatic: 3\n")
    toy.edit("Why is that right?\n", SECOND_TEST)


def ask_for_code(toy):
    """The written answer becomes a test of the same name: only its kind changes."""
    text = toy.source.read_text(encoding="utf-8")
    begin = text.index("<!-- #region -->")
    text = text[:begin] + "```python\n#!TAG TEST why points=3\nassert double(0) == 0\n```\n"
    text = text.replace("automatic: 2", "automatic: 5").replace("      manual: 3\n", "")
    toy.source.write_text(text, encoding="utf-8")


REFUSED = {
    "a test is renamed": (
        lambda toy: toy.edit("#!TAG TEST double", "#!TAG TEST doubling"),
        ["toy: 'double' is gone", "toy: 'doubling' is new"],
    ),
    "an answer is renamed": (
        lambda toy: toy.edit("#!TAG ANSWER why", "#!TAG ANSWER reason"),
        ["'why' is gone", "'reason' is new", "'question-why' is gone", "'question-reason' is new"],
    ),
    "a solution cell is renamed": (
        lambda toy: toy.edit("#!TAG HWBEGIN\n    #!MSG", "#!TAG HWBEGIN twice\n    #!MSG"),
        ["'solution-double' is gone", "'twice' is new"],
    ),
    "a test is added": (add_test, ["toy: 'half' is new"]),
    "a test is removed": (remove_test, ["toy: 'double' is gone"]),
    "an answer becomes a test": (
        ask_for_code,
        ["'why' was an answer graded by hand and is a test now", "'question-why' is gone"],
    ),
    "the notebook is renamed": (
        lambda toy: toy.source.rename(toy.source.with_name("doubling.md")),
        ["toy: 'double' is gone", "doubling: 'double' is new"],
    ),
}


@pytest.mark.parametrize("change", REFUSED)
def test_is_refused_with_the_cells_named(graded, change):
    act, named = REFUSED[change]
    rows, before = graded.gradebook_rows(), graded.files("release")
    act(graded)
    with pytest.raises(ReleaseRefusedError) as refusal:
        generate_release(graded.course, "toy")
    for cell in (*named, "2 graded submissions", "Nothing was changed"):
        assert cell in str(refusal.value)
    assert graded.files("release") == before
    assert graded.gradebook_rows() == rows


@pytest.mark.parametrize(
    ("command", "code"),
    [(("nbgrader", "generate_assignment", "toy"), 1), (("deltarule", "build", "toy"), 2)],
)
def test_typed_commands_refuse_alike(graded, command, code):
    rows, before = graded.gradebook_rows(), graded.files("release")
    graded.edit("#!TAG TEST double", "#!TAG TEST doubling")
    done = graded.type(*command)
    assert done.returncode == code, done.stderr
    assert "'double' is gone" in done.stderr
    assert "'doubling' is new" in done.stderr
    assert "Traceback" not in done.stderr
    assert graded.files("release") == before
    assert graded.gradebook_rows() == rows

    graded.edit("#!TAG TEST doubling", "#!TAG TEST double")
    assert graded.type(*command).returncode == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("doubles a number", "doubles any number"),
        ("Why is that right?", "Why, in your words, is that right?"),
        ("number + number", "2 * number"),
        ("one and one are two", "one and one make two"),
        ("assert double(21) == 42", "assert double(-21) == -42"),
        ("is *counted* twice", "is *added* twice"),
        ("the term twice", "it twice"),
        ("# Doubling", "# Twice\n\nWith a new paragraph.\n\n```python\nimport math\n```"),
    ],
)
def test_texts_may_be_edited(graded, old, new):
    ids = cells(graded)
    graded.edit(old, new)
    generate_release(graded.course, "toy")
    assert [cell for cell in cells(graded) if cell in ids] == ids


def cells(graded):
    from deltarule.bridge.release import _compiled_cells

    return list(_compiled_cells(graded.course.release / "toy" / "toy.ipynb").items())


def test_an_assignment_without_submissions_may_change(graded):
    other = graded.course.source / "other" / "other.md"
    other.write_text(other.read_text().replace("TEST square", "TEST squaring"), encoding="utf-8")
    generate_release(graded.course, "other")
    assert graded.cell("release/other/other.ipynb", "squaring").metadata.nbgrader.points == 1
