"""The tag language: how a tag is spelled, and what each one makes of a cell."""

import pytest

from deltarule.authoring.tags import TagKind, classify, graded_arguments

HOMEWORK = "#!TAG HWBEGIN {name}\n{text}\n#!TAG HWEND"


def fenced(*lines):
    return "```python\n" + "\n".join(lines) + "\n```\n"


SPELLINGS = [
    (kind, f"{kind.value}{argument}")
    for kind in TagKind
    for argument in {
        TagKind.HOMEWORK_BEGIN: ["", " name_1-a"],
        TagKind.MESSAGE: ["", " think: σ′!", "  two blanks"],
        TagKind.TEST: [" backward points=4"],
        TagKind.ANSWER: [" eq1 points=0.5"],
    }.get(kind, [""])
]


@pytest.mark.parametrize(("kind", "line"), SPELLINGS)
@pytest.mark.parametrize("indent", ["", "    ", "\t", "  \t "])
def test_every_tag_is_known_at_any_indentation(kind, line, indent):
    tag = classify(f"{indent}{line}")
    assert (tag.kind, tag.mistake) == (kind, "")


@pytest.mark.parametrize(("kind", "line"), SPELLINGS)
def test_blanks_after_a_tag_do_not_matter(kind, line):
    assert classify(f"{line}  ").mistake == ""


@pytest.mark.parametrize(
    "line",
    [
        "# !TAG HWBEGIN",
        "#! TAG HWBEGIN",
        "#!tag HWBEGIN",
        "#!TAG: HWBEGIN",
        "#!TAGHWBEGIN",
        "#TAG HWBEGIN",
        "!TAG HWBEGIN",
        "# HWBEGIN",
        "#!HWEND",
        "##!TAG HWEND",
        "x = 1 #!TAG HWBEGIN",
        "x = 1  # !TAG HWEND",
        "- `#!TAG HWBEGIN`",
        "<!-- #!TAG HWBEGIN -->",
        "# !MSG think",
        "#!msg think",
        "#!MSGthink",
        "! MSG think",
    ],
)
def test_a_near_miss_is_found_and_is_not_a_tag(line):
    tag = classify(line)
    assert tag is not None
    assert tag.kind is None
    assert "looks like a tag" in tag.mistake


@pytest.mark.parametrize(
    "line",
    [
        "### begin hidden tests",
        "### BEGIN HIDDEN TEST",
        "# BEGIN HIDDEN_TESTS",
        "###BEGIN MARKSCHEME",
        "### End Mark Scheme",
        "### BEGIN MARKING SCHEME",
    ],
)
def test_a_marker_that_would_hide_nothing_is_refused_everywhere(line):
    tag = classify(line)
    assert tag.kind is None
    assert tag.fatal


@pytest.mark.parametrize("line", ["### BEGIN SOLUTION", "  # END SOLUTION", "### BEGIN SOLUTION x"])
def test_nbgraders_solution_markers_are_refused(line):
    tag = classify(line)
    assert tag.fatal
    assert "#!TAG HWBEGIN" in tag.mistake


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x = 1",
        "# a comment",
        "#!/usr/bin/env python",
        "### Solution",
        "The message is: tag it!",
        "!ls tags",
        "# The homework begins here",
        "MSG = 'x'",
        "## Begin with the hidden layers",
        "tag = '#hw'",
    ],
)
def test_ordinary_lines_are_no_tags(line):
    assert classify(line) is None


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("#!TAG", "unknown tag"),
        ("#!TAG HWBEGINN", "HWBEGIN, HWEND"),
        ("#!TAG hwbegin", "HWBEGIN, HWEND"),
        ("#!TAG HWEND now", "remove 'now'"),
        ("#!TAG SKIPQUESTEXEC # why", "takes nothing after it"),
        ("#!TAG DEMO plot", "takes nothing after it"),
        ("#!TAG HWBEGIN two words", "is not a name"),
        ("### BEGIN HIDDEN TESTS ###", "alone on its line"),
        ("    x = 1 ### END HIDDEN TESTS", "alone on its line"),
        ("### BEGIN MARK SCHEME:", "alone on its line"),
    ],
)
def test_a_wrongly_written_tag_says_what_to_write(line, remedy):
    assert remedy in classify(line).mistake


def test_graded_tags_carry_a_name_and_points():
    assert graded_arguments("backward points=4") == ("backward", 4.0)
    assert graded_arguments("eq-1   points=0.5") == ("eq-1", 0.5)
    assert graded_arguments("bonus points=0") == ("bonus", 0.0)


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ("", "name is missing"),
        ("points=4", "name is missing"),
        ("backward", "write 'backward points=4'"),
        ("backward 4", "write 'backward points=4'"),
        ("backward point=4", "write 'backward points=4'"),
        ("backward points=4 extra", "points are missing or misspelt"),
        ("backward points=", "not a number"),
        ("backward points=four", "not a number"),
        ("backward points=-1", "not a number"),
        ("backward points=nan", "not a number"),
        ("backward points=inf", "not a number"),
        ("back.ward points=1", "is not a name"),
        ("b" * 49 + " points=1", "is not a name"),
    ],
)
def test_graded_tags_without_name_or_points_are_refused(argument, remedy):
    with pytest.raises(ValueError, match=remedy):
        graded_arguments(argument)


def test_homework_is_in_the_solution_and_a_message_in_the_student_version(compiled):
    made = compiled(
        fenced("def f(x):", "  #!TAG HWBEGIN", "  #!MSG Twice.", "  return 2 * x", "  #!TAG HWEND")
    )
    assert made.texts("solution") == ["def f(x):\n  return 2 * x"]
    (text,) = made.texts("student")
    assert text.startswith("def f(x):\n  # Twice.\n  raise NotImplementedError(")


def test_a_message_keeps_its_own_indentation(compiled):
    made = compiled(
        fenced("#!TAG HWBEGIN a", "#!MSG 1. First", "#!MSG    then", "x", "#!TAG HWEND")
    )
    assert made.texts("student")[0].startswith("# 1. First\n#    then\n")


def test_skipped_cells_are_marked_in_master_and_student_version(compiled):
    made = compiled(fenced("#!TAG SKIPQUESTEXEC", "", "plot()") + "\n" + fenced("x = 1"))
    assert [cell.skip for cell in made.notebook.cells] == [True, False]
    assert made.texts("solution") == ["plot()", "x = 1"]


def test_a_test_cell_has_its_name_and_points(compiled):
    made = compiled(fenced("#!TAG TEST forward points=2.5", "assert f(1) == 2"))
    (cell,) = made.notebook.cells
    assert (cell.role, cell.name, cell.points) == ("test", "forward", 2.5)
    assert made.texts("student") == ["assert f(1) == 2"]


def test_several_tags_may_lead_a_cell_in_any_order(compiled):
    for tags in (("TEST a points=1", "SKIPQUESTEXEC"), ("SKIPQUESTEXEC", "TEST a points=1")):
        made = compiled(fenced(*(f"#!TAG {tag}" for tag in tags), "", "assert x"))
        (cell,) = made.notebook.cells
        assert (cell.role, cell.name, cell.skip) == ("test", "a", True)
        assert made.texts("student") == ["assert x"]


def test_a_demo_cell_is_labelled_and_not_graded(compiled):
    made = compiled(fenced("#!TAG DEMO", "#!TAG SKIPQUESTEXEC", "plot()"))
    (cell,) = made.student.cells
    assert cell.metadata["tags"] == ["demo"]
    assert "nbgrader" not in cell.metadata


def test_hidden_tests_are_in_the_master_only(compiled):
    made = compiled(
        fenced(
            "#!TAG TEST a points=1",
            "assert f(1) == 1",
            "### BEGIN HIDDEN TESTS",
            "assert f(2) == 4",
            "### END HIDDEN TESTS",
        )
    )
    assert made.texts("student") == made.texts("solution") == ["assert f(1) == 1"]
    assert (
        "### BEGIN HIDDEN TESTS\nassert f(2) == 4\n### END HIDDEN TESTS" in made.texts("master")[0]
    )


ANSWER = """\
Why does it work?

<!-- #region -->
#!TAG ANSWER why points=2
### BEGIN MARK SCHEME
One point for each reason.
### END MARK SCHEME
#!TAG HWBEGIN
Because of the chain rule.
#!TAG HWEND
<!-- #endregion -->
"""


def test_a_mark_scheme_goes_into_the_locked_question_before_the_answer(compiled):
    made = compiled(ANSWER)
    question, answer = made.master.cells
    assert question.source == (
        "Why does it work?\n\n"
        "### BEGIN MARK SCHEME\nOne point for each reason.\n### END MARK SCHEME"
    )
    assert question.metadata.nbgrader["locked"]
    assert answer.source == "Because of the chain rule."
    assert answer.metadata.nbgrader["points"] == 2


def test_a_question_is_made_where_there_is_none(compiled):
    alone = ANSWER.split("\n", 2)[2]
    made = compiled(fenced("x = 1") + "\n" + alone)
    assert made.roles == ["code plain", "markdown question", "markdown answer"]
    assert made.texts("student")[1] == "**Your answer to `why`** (2 points)"


def test_a_question_that_is_made_counts_one_point_in_the_singular(compiled):
    made = compiled(ANSWER.split("\n", 2)[2].replace("points=2", "points=1"))
    assert made.texts("student")[0] == "**Your answer to `why`** (1 point)"


def test_two_answers_in_a_row_have_a_question_each(compiled):
    made = compiled(ANSWER + "\n" + ANSWER.split("\n", 2)[2].replace("why", "how"))
    assert [cell.name for cell in made.notebook.cells] == [
        "question-why",
        "why",
        "question-how",
        "how",
    ]


def test_given_text_in_an_answer_cell_is_the_question_and_the_rest_comes_after_it(compiled):
    made = compiled(
        "<!-- #region -->\n#!TAG ANSWER why points=2\nWhy?\n#!TAG HWBEGIN\nSo.\n#!TAG HWEND\n"
        "Now go on.\n<!-- #endregion -->\n"
    )
    assert made.roles == ["markdown question", "markdown answer", "markdown plain"]
    assert made.texts("solution") == ["Why?", "So.", "Now go on."]
    assert made.texts("student") == ["Why?", "*Your answer here.*", "Now go on."]


def test_an_answer_may_be_code(compiled):
    made = compiled(
        "Plot it.\n\n"
        + fenced(
            "#!TAG ANSWER plot points=3", "import p", "#!TAG HWBEGIN", "p.plot(1)", "#!TAG HWEND"
        )
    )
    question, answer = made.student.cells
    assert question.metadata.nbgrader["locked"]
    assert answer.cell_type == "code"
    assert answer.source == 'import p\nraise NotImplementedError("plot: your code is missing here")'
    assert answer.metadata.nbgrader["points"] == 3


def test_an_answer_without_a_solution_is_kept_for_students_to_write_in(compiled):
    made = compiled(
        "What do you see?\n\n<!-- #region -->\n#!TAG ANSWER see points=1\n<!-- #endregion -->\n"
    )
    assert made.texts("student") == ["What do you see?", "*Your answer here.*"]
    assert [cell.id for cell in made.master.cells] == ["question-see", "see"]
    assert made.master.cells[1].metadata.deltarule["student"] == "*Your answer here.*"


def test_messages_of_a_written_answer_are_plain_text(compiled):
    made = compiled(ANSWER.replace("#!TAG HWBEGIN\n", "#!TAG HWBEGIN\n#!MSG Two sentences.\n"))
    assert made.texts("student") == ["Why does it work?", "Two sentences."]


def test_a_markdown_cell_is_split_at_its_homework(compiled):
    made = compiled(
        "# Question\nDerive it.\n"
        + HOMEWORK.format(name="derivation", text="### Solution\n$x$")
        + "\nAnd now code.\n"
    )
    assert made.texts("solution") == [
        "# Question\nDerive it.",
        "### Solution\n$x$",
        "And now code.",
    ]
    assert made.texts("student") == [
        "# Question\nDerive it.",
        "*Your answer here.*",
        "And now code.",
    ]


def test_a_region_runs_over_cells_of_mixed_kinds(compiled):
    made = compiled(
        "Before.\n#!TAG HWBEGIN tour\nIn text.\n\n"
        + fenced("#!TAG SKIPQUESTEXEC", "secret = 1")
        + "\nMore text.\n\n\nAnd more.\n\n"
        + fenced("secret += 1", "#!TAG HWEND", "given = 2")
        + "\nAfter.\n"
    )
    assert made.texts("solution") == [
        "Before.",
        "In text.",
        "secret = 1",
        "More text.",
        "And more.",
        "secret += 1\ngiven = 2",
        "After.",
    ]
    assert made.texts("student") == ["Before.", "*Your answer here.*", "given = 2", "After."]


def test_a_region_that_begins_in_text_swallows_whole_code_cells(compiled):
    made = compiled(
        "#!TAG HWBEGIN sketch\nA sketch:\n\n" + fenced("x = 1") + "\nDone.\n#!TAG HWEND\n"
    )
    assert made.texts("solution") == ["A sketch:", "x = 1", "Done."]
    assert made.texts("student") == ["*Your answer here.*"]


def test_a_message_in_a_later_cell_of_a_region_is_shown(compiled):
    made = compiled(
        "#!TAG HWBEGIN sketch\nText.\n\n"
        + fenced("#!MSG Use a list.", "x = [1]")
        + "\n#!MSG Describe it.\nDone.\n#!TAG HWEND\n"
    )
    assert made.texts("student") == ["*Your answer here.*", "# Use a list.", "Describe it."]


def test_a_region_over_two_code_cells_raises_once(compiled):
    made = compiled(
        fenced("#!TAG HWBEGIN both", "x = 1") + "\n" + fenced("y = 2", "#!TAG HWEND", "z = 3")
    )
    first, second = made.texts("student")
    assert first == 'raise NotImplementedError("both: your code is missing here")'
    assert second == "z = 3"


def test_tags_inside_a_string_are_tags(compiled):
    made = compiled(fenced('text = """', "#!TAG HWBEGIN letter", "Dear", "#!TAG HWEND", '"""'))
    assert made.texts("solution") == ['text = """\nDear\n"""']
    assert made.texts("student") == ['text = """\n...\n"""']


def test_a_tag_may_follow_the_magic_of_a_shell_cell(compiled):
    made = compiled("```bash\n#!TAG SKIPQUESTEXEC\nls\n```\n")
    assert made.notebook.cells[0].skip
    assert made.texts("student") == ["%%bash\nls"]
