"""Names: a cell is called after what its author named, whatever stands in it and around it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltarule.authoring import master, parse
from deltarule.authoring.names import definitions

repeatable = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def fenced(*lines):
    return "```python\n" + "\n".join(lines) + "\n```\n"


def region(*lines, name="", indent=""):
    return [f"{indent}#!TAG HWBEGIN {name}".rstrip(), *lines, f"{indent}#!TAG HWEND"]


# Each block is a cell of its own; {note} is where its author changes something.
BLOCKS = [
    "Welcome{note}.\n",
    fenced("import math  # {note}"),
    "Why?{note}\n",
    "<!-- #region -->\n#!TAG ANSWER why points=2\n### BEGIN MARK SCHEME\nScheme{note}\n"
    "### END MARK SCHEME\n#!TAG HWBEGIN\nSo{note}.\n#!TAG HWEND\n<!-- #endregion -->\n",
    "Derive{note}.\n#!TAG HWBEGIN derivation\nThus{note}.\n#!TAG HWEND\n",
    fenced("class Net:", *region("    layers = 1  # {note}", indent="    ")),
    fenced("# {note}", "def train(net):", *region("    # {note}", "    return net", indent="    ")),
    fenced(*region("rates = [1]  # {note}", name="rates"), "# {note}"),
    fenced("#!TAG TEST train points=1", "assert train(1) == 1  # {note}"),
    fenced("#!TAG DEMO", "print('{note}')"),
]
NAMES = {"question-why", "why", "derivation", "solution-Net", "solution-train", "rates", "train"}

notes = st.text(st.characters(categories=["L", "N", "Zs"], exclude_characters="#!"), max_size=12)


def ids_of(source, blocks):
    source.write_text("\n".join(blocks), encoding="utf-8")
    return [cell.id for cell in master(parse(source)[0]).cells]


def named(ids):
    return [each for each in ids if not each.startswith("text-")]


def test_names_come_from_tags_and_definitions(source):
    assert set(named(ids_of(source, [block.format(note="") for block in BLOCKS]))) == NAMES


@repeatable
@given(st.lists(notes, min_size=len(BLOCKS), max_size=len(BLOCKS)))
def test_editing_any_text_keeps_every_name(source, edits):
    before = ids_of(source, [block.format(note="") for block in BLOCKS])
    after = ids_of(source, [b.format(note=n) for b, n in zip(BLOCKS, edits, strict=True)])
    assert named(after) == named(before)


@repeatable
@given(st.permutations(range(len(BLOCKS))), st.integers(1, len(BLOCKS)))
def test_moving_and_removing_cells_changes_no_others_name(source, order, kept):
    chosen = [at for at in order[:kept]]
    ids = ids_of(source, [BLOCKS[at].format(note=f" {at}") for at in chosen])
    alone = [ids_of(source, [BLOCKS[at].format(note=f" {at}")]) for at in chosen]
    assert sorted(named(ids)) == sorted(
        named([each for each_alone in alone for each in each_alone])
    )


@pytest.mark.parametrize("new", ["New text.\n", fenced("new = 1"), ""])
@pytest.mark.parametrize("at", range(len(BLOCKS) + 1))
def test_inserting_a_cell_changes_no_others_name(at, new, source):
    blocks = [block.format(note="") for block in BLOCKS]
    before = ids_of(source, blocks)
    after = ids_of(source, [*blocks[:at], new, *blocks[at:]])
    assert named(after) == named(before)


def test_inserting_a_cell_of_its_own_changes_no_other_id_at_all(source):
    blocks = [block.format(note="") for block in BLOCKS]
    before = ids_of(source, blocks)
    after = ids_of(source, [*blocks[:2], fenced("new = 1"), *blocks[2:]])
    assert [each for each in after if each in before] == before
    assert len(after) == len(before) + 1


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["class Net:", *region("    x = 1", indent="    ")], "solution-Net"),
        (
            ["class Net:", "    def f(self):", *region("        x", indent="        ")],
            "solution-Net",
        ),
        (region("def f(x):", "    return x"), "solution-f"),
        (["import math", *region("class A:", "    pass", "class B:", "    pass")], "solution-A"),
        (["def f(x):", *region("    return x", "    # the end", indent="    ")], "solution-f"),
        (["", "", "def f(x):", *region("    return x", indent="    ")], "solution-f"),
        (["%%time", "def f(x):", *region("    return x", indent="    ")], "solution-f"),
        (["%matplotlib inline", "def f(x):", *region("    x", indent="    ")], "solution-f"),
        (["@d", "def f(x):", *region("    x", indent="    ")], "solution-f"),
        (region("@d", "def f(x):", "    x"), "solution-f"),
        (["async def f(x):", *region("    await x", indent="    ")], "solution-f"),
        (["if True:", "    def f(x):", *region("        x", indent="        ")], "solution-f"),
        (["def f(x):", *region("    x", name="own", indent="    ")], "own"),
        (["def f():", *region("  1", indent="  "), *region("y = 1", name="own")], "own"),
        (["def f():", *region("  1", indent="  "), "def g():", *region("  1")], "solution-f"),
    ],
)
def test_homework_is_called_after_its_tag_or_what_it_defines(lines, name, compiled):
    made = compiled(fenced(*lines))
    assert [cell.name for cell in made.notebook.cells] == [name]


def test_a_test_may_be_called_like_the_function_it_tests(compiled):
    made = compiled(
        fenced("def f():", *region("    return 1", indent="    "))
        + "\n"
        + fenced("#!TAG TEST f points=1", "assert f() == 1")
    )
    assert [cell.name for cell in made.notebook.cells] == ["solution-f", "f"]


@pytest.mark.parametrize(
    "lines",
    [region("x = 1"), ["x = 1", *region("y = 2")], ["def ĝ():", *region("    return 1")]],
)
def test_homework_without_a_name_of_its_own_is_refused(lines, problems_of):
    (problem,) = problems_of(fenced(*lines))
    assert "#!TAG HWBEGIN some_name" in problem.message


def test_plain_cells_that_say_the_same_have_different_ids(compiled):
    ids = [cell.id for cell in compiled(3 * ("Same.\n\n" + fenced("x"))).student.cells]
    assert len(set(ids)) == 6


def test_an_id_is_never_longer_than_jupyter_allows(compiled):
    made = compiled(f"<!-- #region -->\n#!TAG ANSWER {'a' * 48} points=1\n<!-- #endregion -->\n")
    assert max(len(cell.id) for cell in made.master.cells) <= 64


def test_definitions_are_found_with_their_rows():
    text = "\n\nclass A:\n    @d\n    def f(self):\n        pass\n\ndef g(): pass\n"
    assert definitions(text) == {"A": (3, 6), "A.f": (4, 6), "g": (8, 8)}


def test_a_cell_that_does_not_parse_defines_nothing():
    assert definitions("def f(:") == {}
