"""What students get in the place of homework: many shapes of regions, one after the other.

The shapes stand in ``shapes/*.txt``; a new one is a new section there: a cell, and under
``-> students get`` what becomes of it.
"""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from deltarule.authoring import Cell, Role
from deltarule.authoring.candidates import Place, candidates
from deltarule.authoring.cells import Given, Homework
from deltarule.authoring.source import Line
from deltarule.authoring.stubs import NoStubError, student_text
from deltarule.authoring.syntax import Language, compiles

BEGIN, END = "#!TAG HWBEGIN", "#!TAG HWEND"
SHAPES = {}
for family in sorted((Path(__file__).parent / "shapes").glob("*.txt")):
    sections = re.split(r"^## (\w+)\n", family.read_text(encoding="utf-8"), flags=re.M)[1:]
    for name, section in zip(sections[::2], sections[1::2], strict=True):
        cell, wanted = section.split("\n-> students get\n")
        assert name not in SHAPES, f"two shapes are called {name}"
        SHAPES[name] = (cell, wanted.rstrip("\n"))

STRUCTURE = re.compile(r"^(else|finally|try):$|^#|^\W*$")
"""Lines that say nothing about a solution, and comments."""


def fenced(cell):
    return f"```python\n{cell}\n```\n"


def indent_of(row):
    return len(row) - len(row.lstrip())


def parts(cell):
    """The lines that are given, and those that are homework, without tags and messages."""
    given, homework, inside = [], [], False
    for line in cell.split("\n"):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif not line.strip().startswith("#!MSG"):
            (homework if inside else given).append(line)
    return given, homework


@pytest.mark.parametrize("shape", SHAPES)
def test_students_get_what_the_shape_says(shape, compiled):
    cell, wanted = SHAPES[shape]
    (text,) = compiled(fenced(cell), strict=False).texts("student")
    assert text == wanted


@pytest.mark.parametrize("shape", SHAPES)
def test_the_students_cell_parses(shape, compiled):
    (text,) = compiled(fenced(SHAPES[shape][0]), strict=False).texts("student")
    assert compiles(text)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_line_of_the_solution_is_left_and_no_given_line_is_lost(shape, compiled):
    cell, _ = SHAPES[shape]
    (text,) = compiled(fenced(cell), strict=False).texts("student")
    given, homework = parts(cell)
    rows = [row.strip() for row in text.split("\n")]
    told = {line.strip() for line in homework if not STRUCTURE.match(line.strip())}
    assert not told & set(rows)
    assert set(filter(None, (line.strip() for line in given))) <= set(rows)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_solution_is_the_cell_without_its_tags(shape, compiled):
    cell, _ = SHAPES[shape]
    untagged = [
        line for line in cell.split("\n") if not line.strip().startswith(("#!TAG", "#!MSG"))
    ]
    (text,) = compiled(fenced(cell), strict=False).texts("solution")
    assert text == "\n".join(untagged).strip("\n")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_message_stands_there_once_as_a_comment(shape, compiled):
    cell, _ = SHAPES[shape]
    (text,) = compiled(fenced(cell), strict=False).texts("student")
    rows = [row.strip() for row in text.split("\n")]
    for message in re.findall(r"#!MSG (.*)", cell):
        assert rows.count(f"# {message}") == 1


@pytest.mark.parametrize(
    "shape", [shape for shape, (_, wanted) in SHAPES.items() if "raise NotImpl" in wanted]
)
def test_no_message_is_shallower_than_the_code_that_follows_it(shape):
    _, wanted = SHAPES[shape]
    rows = [row for row in wanted.split("\n") if row.strip()]
    for row, after in pairwise(rows):
        if row.lstrip().startswith("# ") and not after.lstrip().startswith((")", "]", "}")):
            assert indent_of(row) >= indent_of(after)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "at_column_0" not in shape])
def test_messages_are_indented_like_their_region(shape, compiled):
    cell, _ = SHAPES[shape]
    (text,) = compiled(fenced(cell), strict=False).texts("student")
    if shape == "expression_in_an_f_string":  # no comment can stand there
        return
    for message in re.finditer(r"^([ \t]*)#!MSG (.*)", cell, re.M):
        assert f"\n{message[1]}# {message[2]}\n" in f"\n{text}\n"


def place_of_statement(**settings):
    return Place(starts=("    x = 1",), **settings)


def region(*lines, **settings):
    numbered = tuple(Line(number, text) for number, text in enumerate(lines, 1))
    return Homework(numbered, settings.pop("messages", ()), line=1, **settings)


def test_stand_ins_are_tried_in_the_documented_order():
    tried = [
        [row.strip() for row in stand_in.lines]
        for stand_in in candidates(region("        y = 2", "    x = 1", task="f"), Place())
    ]
    unsolved = 'raise NotImplementedError("f: your code is missing here")'
    firsts = [tried.index(wanted) for wanted in (
        [unsolved], ["pass", unsolved], ["..."], ["**{}"], ["None: ..."], [],
    )]  # fmt: skip
    assert firsts == sorted(firsts)


def test_nothing_is_raised_in_the_middle_of_a_statement():
    tried = candidates(region("    5, 3,", task="f"), Place(inside=True))
    assert not [stand_in for stand_in in tried if "raise" in "".join(stand_in.lines)]


def test_a_cell_in_another_language_raises_nothing():
    for language in (Language.SHELL, Language.OTHER):
        tried = list(candidates(region("wc -l", task="f"), Place(language=language)))
        assert tried
        assert not [stand_in for stand_in in tried if "raise" in "".join(stand_in.lines)]


def test_an_unsolved_task_names_function_and_class(compiled):
    cell = f"class Net:\n    def backward(self):\n        {BEGIN}\n        return 1\n        {END}"
    (text,) = compiled(fenced(cell)).texts("student")
    assert 'raise NotImplementedError("Net.backward: your code is missing here")' in text


def test_an_unsolved_task_outside_functions_is_called_by_its_region(compiled):
    (text,) = compiled(fenced(f"{BEGIN} step_sizes\nsizes = [1, 2]\n{END}")).texts("student")
    assert text == 'raise NotImplementedError("step_sizes: your code is missing here")'


def test_a_fragment_that_nothing_can_replace_is_an_authoring_error(problems_of):
    (problem,) = problems_of(fenced(f"from math import (\n{BEGIN} imports\n    exp,\n{END}\n)"))
    assert (problem.line, problem.text.strip()) == (3, f"{BEGIN} imports")
    assert "whole statements or whole items" in problem.message


def test_the_region_to_blame_is_named_when_there_are_several(problems_of):
    good = f"def f():\n    {BEGIN}\n    return 1\n    {END}\n"
    bad = f"from math import (\n{BEGIN} names\n    exp,\n{END}\n)\n"
    (problem,) = problems_of(fenced(good + bad + good.replace("f()", "g()")))
    assert problem.line == 7


def test_no_stub_error_is_raised_where_no_stand_in_helps():
    given = Given((Line(1, "from math import ("),)), Given((Line(3, ")"),))
    cell = Cell("code", Role.SOLUTION, (given[0], region("  exp"), given[1]), 1)
    with pytest.raises(NoStubError):
        student_text(cell)


def test_thirty_regions_in_a_cell_take_no_search(compiled):
    functions = [
        f"def f{i}():\n    x = [\n        {BEGIN}\n        {i},\n        {END}\n    ]\n"
        f"    for y in x:\n        {BEGIN}\n        z = {i}\n    return z\n        {END}"
        for i in range(15)
    ]
    (text,) = compiled(fenced("\n\n".join(functions))).texts("student")
    assert text.count("raise NotImplementedError") == 15
    assert compiles(text)


def test_what_was_broken_before_is_passed_on_where_sources_come_from_anywhere(compiled):
    made = compiled(fenced(f"print 'old'\n{BEGIN} a\nx = 1\n{END}"), strict=False)
    (text,) = made.texts("student")
    assert text == "print 'old'\nraise NotImplementedError(\"a: your code is missing here\")"
    assert [warning.line for warning in made.warnings] == [2]
