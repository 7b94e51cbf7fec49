"""Mistakes in a source: each is told where it stands, as it stands there, and with a remedy."""

import pytest

from deltarule.authoring import parse
from deltarule.errors import AuthoringError

HEADER = """\
---
jupyter:
  deltarule:
    title: A lab
    points:
      automatic: 1
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

Text.

"""
TEST = "```python\n#!TAG TEST one points=1\nassert True\n```\n"


def fenced(*lines):
    return "```python\n" + "\n".join(lines) + "\n```\n"


def header(*lines):
    return "---\njupyter:\n" + "".join(f"  {line}\n" for line in lines) + "---\n\nText.\n"


# name: (source, line, offending line, words of the message)
BROKEN = {
    "a_region_never_ends": (
        fenced("def f():", "    #!TAG HWBEGIN", "    return 1"),
        3, "    #!TAG HWBEGIN", "never ends; write '#!TAG HWEND'",
    ),
    "an_end_without_a_begin": (
        fenced("x = 1", "#!TAG HWEND"),
        3, "#!TAG HWEND", "HWEND without HWBEGIN; write '#!TAG HWBEGIN'",
    ),
    "a_region_in_a_region": (
        fenced("#!TAG HWBEGIN a", "x = 1", "#!TAG HWBEGIN b", "y = 2", "#!TAG HWEND"),
        4, "#!TAG HWBEGIN b", "the one that began in line 2; close that one first",
    ),
    "an_unknown_tag": (
        fenced("#!TAG HOMEWORK", "x = 1"),
        2, "#!TAG HOMEWORK", "the tags are HWBEGIN, HWEND, SKIPQUESTEXEC, TEST, ANSWER, DEMO",
    ),
    "a_near_miss": (
        fenced("x = 1", "# !TAG SKIPQUESTEXEC"),
        3, "# !TAG SKIPQUESTEXEC", "looks like a tag but is not one",
    ),
    "something_after_a_tag": (
        fenced("#!TAG HWBEGIN a", "x = 1", "#!TAG HWEND the end"),
        4, "#!TAG HWEND the end", "remove 'the end'",
    ),
    "a_name_with_blanks": (
        fenced("#!TAG HWBEGIN my task", "x = 1", "#!TAG HWEND"),
        2, "#!TAG HWBEGIN my task", "is not a name",
    ),
    "homework_without_a_name": (
        "Question\n#!TAG HWBEGIN\nanswer\n#!TAG HWEND\n",
        2, "#!TAG HWBEGIN", "name it: '#!TAG HWBEGIN some_name'",
    ),
    "a_name_used_twice_by_tests": (
        TEST + "\n" + fenced("", "#!TAG TEST one points=2", "assert 1"),
        8, "#!TAG TEST one points=2", "taken by the cell in line 2; name this one differently",
    ),
    "a_name_used_twice_by_homework": (
        fenced("#!TAG HWBEGIN a", "x", "#!TAG HWEND")
        + "\n" + fenced("y", "#!TAG HWBEGIN a", "x", "#!TAG HWEND"),
        9, "#!TAG HWBEGIN a", "the name 'a' is taken by the cell in line 2",
    ),
    "a_class_with_homework_in_two_cells": (
        2 * (fenced("class A:", "    #!TAG HWBEGIN", "    x = 1", "    #!TAG HWEND") + "\n"),
        10, "    #!TAG HWBEGIN", "'solution-A' is taken by the cell in line 3",
    ),
    "a_name_that_an_answers_question_has": (
        "<!-- #region -->\n#!TAG ANSWER a points=1\n<!-- #endregion -->\n\n"
        + fenced("#!TAG HWBEGIN question-a", "x = 1", "#!TAG HWEND"),
        6, "#!TAG HWBEGIN question-a", "the name 'question-a' is taken",
    ),
    "points_missing": (
        fenced("#!TAG TEST forward", "assert 1"),
        2, "#!TAG TEST forward", "write 'forward points=4'",
    ),
    "points_missing_in_an_answer": (
        "<!-- #region -->\n#!TAG ANSWER eq1\nWhy?\n<!-- #endregion -->\n",
        2, "#!TAG ANSWER eq1", "write 'eq1 points=4'",
    ),
    "the_name_of_a_test_missing": (
        fenced("#!TAG TEST points=4", "assert 1"),
        2, "#!TAG TEST points=4", "'#!TAG TEST backward points=4'",
    ),
    "a_hidden_test_outside_a_test_cell": (
        fenced("x = 1", "### BEGIN HIDDEN TESTS", "assert 1", "### END HIDDEN TESTS"),
        3, "### BEGIN HIDDEN TESTS", "put '#!TAG TEST name points=N' at the cell's top",
    ),
    "a_mark_scheme_outside_an_answer_cell": (
        "Text\n### BEGIN MARK SCHEME\none point\n### END MARK SCHEME\n",
        2, "### BEGIN MARK SCHEME", "put '#!TAG ANSWER name points=N' at the cell's top",
    ),
    "hidden_tests_that_never_end": (
        fenced("#!TAG TEST a points=1", "x", "### BEGIN HIDDEN TESTS", "assert 1"),
        4, "### BEGIN HIDDEN TESTS", "write '### END HIDDEN TESTS'",
    ),
    "hidden_tests_that_never_begin": (
        fenced("#!TAG TEST a points=1", "x", "### END HIDDEN TESTS"),
        4, "### END HIDDEN TESTS", "without its BEGIN line",
    ),
    "a_marker_in_small_letters": (
        fenced("#!TAG TEST a points=1", "x", "### begin hidden tests", "assert 1"),
        4, "### begin hidden tests", "would reach students; write",
    ),
    "a_tag_inside_hidden_tests": (
        fenced("#!TAG TEST a points=1", "### BEGIN HIDDEN TESTS", "#!TAG DEMO", "x",
               "### END HIDDEN TESTS"),
        4, "#!TAG DEMO", "'### END HIDDEN TESTS' has not closed yet",
    ),
    "nbgraders_solution_markers": (
        fenced("x = 1", "### BEGIN SOLUTION", "y = 2"),
        3, "### BEGIN SOLUTION", "write '#!TAG HWBEGIN' and '#!TAG HWEND'",
    ),
    "a_test_in_a_text_cell": (
        "Text\n#!TAG TEST a points=1\n",
        2, "#!TAG TEST a points=1", "belongs at the top of a code cell",
    ),
    "a_tag_below_the_top": (
        fenced("x = 1", "#!TAG SKIPQUESTEXEC"),
        3, "#!TAG SKIPQUESTEXEC", "stands at the top of its cell; move it up",
    ),
    "a_cell_that_is_two_things": (
        fenced("#!TAG TEST a points=1", "#!TAG DEMO", "x = 1"),
        3, "#!TAG DEMO", "already tagged in line 2; one cell is one of TEST, ANSWER and DEMO",
    ),
    "homework_in_a_test_cell": (
        fenced("#!TAG TEST a points=1", "#!TAG HWBEGIN b", "x = 1", "#!TAG HWEND"),
        2, "#!TAG TEST a points=1", "put the homework in a cell before it",
    ),
    "a_test_cell_that_tests_nothing": (
        fenced("#!TAG TEST a points=1"),
        2, "#!TAG TEST a points=1", "write the test",
    ),
    "a_test_swallowed_by_homework": (
        fenced("#!TAG HWBEGIN a", "x = 1") + "\n"
        + fenced("#!TAG TEST b points=1", "assert 1", "#!TAG HWEND"),
        7, "#!TAG TEST b points=1", "began in line 2; write '#!TAG HWEND' before it",
    ),
    "a_message_outside_homework": (
        fenced("x = 1", "#!MSG think"),
        3, "#!MSG think", "move it between '#!TAG HWBEGIN' and '#!TAG HWEND'",
    ),
    "a_tag_in_a_raw_cell": (
        "<!-- #raw -->\nraw\n#!TAG HWBEGIN a\n<!-- #endraw -->\n",
        3, "#!TAG HWBEGIN a", "write a Markdown or code cell",
    ),
    "code_that_does_not_parse": (
        fenced("", "x = 1", "y = = 2", "z = 3"),
        4, "y = = 2", "does not parse",
    ),
    "code_that_does_not_parse_in_hidden_tests": (
        fenced("#!TAG TEST a points=1", "### BEGIN HIDDEN TESTS", "assert (",
               "### END HIDDEN TESTS"),
        4, "assert (", "does not parse",
    ),
    "a_region_that_nothing_can_replace": (
        fenced("from math import (", "    #!TAG HWBEGIN names", "    exp", "    #!TAG HWEND", ")"),
        3, "    #!TAG HWBEGIN names", "let the region cover whole statements or whole items",
    ),
    "students_cannot_import_deltarule": (
        fenced("#!TAG TEST a points=1", "import math", "from deltarule.judging import it"),
        4, "from deltarule.judging import it", "put this between '### BEGIN HIDDEN TESTS'",
    ),
    "judging_inside_a_block": (
        fenced("#!TAG TEST a points=1", "if True:", "    ### BEGIN HIDDEN TESTS",
               "    import deltarule.judging", "    ### END HIDDEN TESTS", "    pass"),
        5, "    import deltarule.judging", "stand at the left margin",
    ),
    "an_unknown_setting": (
        header("deltarule:", "  titel: A lab"),
        4, "    titel: A lab", "the settings are title, points, limits, survivors",
    ),
    "an_unknown_kind_of_points": (
        header("deltarule:", "  points: {automatic: 0, manul: 3}"),
        4, "    points: {automatic: 0, manul: 3}", "known: automatic, manual",
    ),
    "a_limit_that_is_no_number": (
        header("deltarule:", "  limits:", "    cell_seconds: long"),
        5, "      cell_seconds: long", "takes a number, not 'long'",
    ),
    "a_survivor_without_a_reason": (
        header("deltarule:", "  survivors:", "    sign-flipped: ''"),
        5, "      sign-flipped: ''", "takes the reason, in a sentence",
    ),
    "settings_that_are_no_table": (
        header("deltarule: yes"),
        3, "  deltarule: yes", "takes settings such as 'title: Lab 4'",
    ),
    "points_that_do_not_add_up": (
        HEADER + TEST.replace("points=1", "points=3"),
        6, "      automatic: 1", "expects 1 automatic points, the cells have 3",
    ),
    "a_header_that_never_ends": (
        "---\njupyter:\n  kernelspec: {}\n\nText.\n",
        1, "---", "close it with '---'",
    ),
    "a_header_that_is_no_yaml": (
        "---\njupyter:\n  deltarule: {title: [}\n---\n\nText.\n",
        3, "  deltarule: {title: [}", "not valid YAML",
    ),
    "a_header_whose_value_must_be_quoted": (
        "---\njupyter:\n  deltarule:\n    title: 2024-13-45\n---\n\nText.\n",
        1, "---", "quote the value",
    ),
    "a_kernel_that_is_no_table": (
        header("kernelspec: python3"),
        3, "  kernelspec: python3", "'kernelspec:' in the header takes settings",
    ),
    "tags_of_a_cell_that_are_no_list": (
        'Text.\n\n```python tags="hide"\nx = 1\n```\n',
        3, '```python tags="hide"', "not what Jupyter takes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_is_told_with_its_place_and_a_remedy(mistake, problems_of, source):
    text, line, offending, remedy = BROKEN[mistake]
    problems = problems_of(text)
    told = [problem for problem in problems if remedy in problem.message]
    assert [(each.path, each.line, each.text) for each in told] == [(source, line, offending)]
    assert str(told[0]).startswith(f"{source}:{line}: ")
    assert str(told[0]).endswith(f"\n    {offending.strip()}")


FOLLOW_UPS = {
    "a_cell_that_is_two_things",
    "a_hidden_test_outside_a_test_cell",
    "a_marker_in_small_letters",
    "a_tag_in_a_raw_cell",
    "a_test_swallowed_by_homework",
    "hidden_tests_that_never_begin",
}


@pytest.mark.parametrize("mistake", sorted(set(BROKEN) - FOLLOW_UPS))
def test_one_mistake_is_told_once(mistake, problems_of):
    assert len(problems_of(BROKEN[mistake][0])) == 1


def test_messages_name_the_file_as_the_author_knows_it(source, tmp_path):
    source.write_text(BROKEN["an_unknown_tag"][0], encoding="utf-8")
    with pytest.raises(AuthoringError) as raised:
        parse(source, shown=source.relative_to(tmp_path))
    assert str(raised.value).startswith("lab.md:2: unknown tag '#!TAG HOMEWORK'")


def test_all_mistakes_of_a_file_come_together_and_in_file_order(problems_of):
    problems = problems_of(
        header("deltarule:", "  titel: A lab", "  limits: {memory: 3}")
        + "\n"
        + fenced("#!TAG NONE", "x = 1")
        + "\n"
        + fenced("#!TAG TEST a", "assert 1")
        + "\nText\n#!TAG HWEND\n\n"
        + fenced("y = = 2")
        + "\n"
        + fenced("#!TAG HWBEGIN", "z = 3")
    )
    wanted = ["'titel'", "'memory'", "NONE", "points are missing", "HWEND without", "not parse",
              "no name", "never ends"]  # fmt: skip
    assert len(problems) == len(wanted)
    lines = [problem.line for problem in problems]
    assert lines == sorted(lines)
    messages = "\n".join(problem.message for problem in problems)
    assert all(word in messages for word in wanted)


def test_identical_cells_have_their_own_line_numbers(problems_of):
    cell = fenced("x = 1", "#!MSG lost")
    problems = problems_of("\n".join([cell, "Text.\n", cell, "Text.\n", cell]))
    assert [problem.line for problem in problems] == [3, 10, 17]


UNTIDY = [
    "a_near_miss",
    "something_after_a_tag",
    "a_name_with_blanks",
    "homework_without_a_name",
    "a_name_used_twice_by_tests",
    "a_name_used_twice_by_homework",
    "a_class_with_homework_in_two_cells",
    "a_tag_below_the_top",
    "a_message_outside_homework",
    "code_that_does_not_parse",
]


@pytest.mark.parametrize("mistake", UNTIDY)
def test_untidiness_is_a_warning_in_sources_from_anywhere(mistake, compiled):
    text, line, offending, remedy = BROKEN[mistake]
    made = compiled(text, strict=False)
    told = [warning for warning in made.warnings if remedy in warning.message]
    assert [(each.line, each.text) for each in told] == [(line, offending)]


@pytest.mark.parametrize(
    "mistake",
    [
        "a_region_never_ends",
        "an_end_without_a_begin",
        "a_region_in_a_region",
        "an_unknown_tag",
        "points_missing",
        "points_missing_in_an_answer",
        "a_hidden_test_outside_a_test_cell",
        "nbgraders_solution_markers",
        "a_marker_in_small_letters",
        "a_region_that_nothing_can_replace",
        "a_tag_in_a_raw_cell",
    ],
)
def test_what_has_no_meaning_is_an_error_everywhere(mistake, problems_of):
    text, line, _, remedy = BROKEN[mistake]
    problems = problems_of(text, strict=False)
    assert [each.line for each in problems if remedy in each.message] == [line]


def test_a_doubled_name_is_made_unique_in_sources_from_anywhere(compiled):
    made = compiled(3 * (fenced("#!TAG HWBEGIN a", "x", "#!TAG HWEND") + "\n"), strict=False)
    names = [cell.name for cell in made.notebook.cells if cell.kind == "code"]
    assert len(set(names)) == 3
    assert names[0] == "a"
