"""Files of answers become submissions."""

import textwrap

import nbformat
import pytest

from deltarule.errors import UsageError
from deltarule.grading.answers import fill_all, lost_tests, read_answers

SOLVED = """class Net:
    def a(self):
        return 1

    @property
    def b(self):
        return 2"""


def notebook(source, prose, test="Net"):
    cells = [
        nbformat.v4.new_code_cell(source, id="solution-Net"),
        nbformat.v4.new_markdown_cell(prose, id="eq1"),
        nbformat.v4.new_code_cell("assert Net", id=test),
    ]
    for cell, solution in zip(cells, (True, True, False), strict=True):
        settings = {"solution": solution, "grade": not solution, "grade_id": cell.id}
        cell.metadata["nbgrader"] = settings
    return nbformat.v4.new_notebook(cells=cells)


RELEASE = notebook(SOLVED.replace("return 1", "raise NotImplementedError"), "*Your answer here.*")
SOLUTION = notebook(SOLVED, "Because.")

STUB = "def {}():\n    raise NotImplementedError"
RELEASES = {
    "fitting": notebook(STUB.format("error"), "*Yours.*", "error"),
    "predicting": notebook(STUB.format("error") + "\n" + STUB.format("predict"), "*?*", "error"),
}
SOLUTIONS = {
    "fitting": notebook("def error():\n    return 1", "Because.", "error"),
    "predicting": notebook(
        "def error():\n    return 2\ndef predict():\n    return 3", "So.", "error"
    ),
}


def fill(answers):
    """The one notebook of an assignment, as it is handed in."""
    return fill_all({"net": RELEASE}, {"net": SOLUTION}, answers)["net"]


def write(tmp_path, text):
    path = tmp_path / "student.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def test_a_method_is_replaced_where_it_stands(tmp_path):
    path = write(
        tmp_path,
        '''
        """Swapped."""
        # base: solution
        # loses: Net
        # misconception: some-name

        # %% Net.b
        @property
        def b(self):
            return 3
        # %% [markdown] eq1
        # First line.
        #
        # Last line.
        ''',
    )
    answers = read_answers(path)
    assert answers.loses == ("Net",)
    assert answers.misconception == "some-name"
    filled = fill(answers)
    assert filled.cells[0].source == SOLVED.replace("return 2", "return 3")
    assert filled.cells[1].source == "First line.\n\nLast line."
    assert filled.cells[2].source == "assert Net"


def test_the_untouched_release_stays_untouched(tmp_path):
    path = write(tmp_path, '"""Nothing."""\n# base: release\n# loses: all\n')
    assert fill(read_answers(path)) == RELEASE


def test_a_section_never_replaces_a_test_of_the_same_name(tmp_path):
    path = write(
        tmp_path,
        '"""Own class."""\n# base: solution\n# loses: none\n# %% Net\nclass Net:\n    pass\n',
    )
    filled = fill(read_answers(path))
    assert filled.cells[0].source == "class Net:\n    pass"
    assert filled.cells[2].source == "assert Net"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"""No base."""\n# loses: none\n', "base: solution"),
        ('"""No loses."""\n# base: release\n', "loses"),
        ("def f(:\n", "not valid Python"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path, text, said):
    with pytest.raises(UsageError, match=said):
        read_answers(write(tmp_path, text))


def test_a_section_that_names_nothing_is_an_error(tmp_path):
    path = write(tmp_path, '"""x"""\n# base: solution\n# loses: none\n# %% Net.c\ndef c(self): 0\n')
    with pytest.raises(UsageError, match=r"no cell, class or function 'Net.c'"):
        fill(read_answers(path))


def two(tmp_path, settings, sections="", base="solution"):
    return read_answers(write(tmp_path, f'"""x"""\n# base: {base}\n{settings}\n{sections}'))


def texts(filled):
    return {name: notebook.cells[0].source for name, notebook in filled.items()}


def test_sections_go_to_the_notebook_that_has_their_name(tmp_path):
    answers = two(
        tmp_path,
        "# loses: none",
        "# %% predict\ndef predict():\n    return 4\n"
        "# %% fitting/error\ndef error():\n    return 5\n",
    )
    assert texts(fill_all(RELEASES, SOLUTIONS, answers)) == {
        "fitting": "def error():\n    return 5",
        "predicting": "def error():\n    return 2\ndef predict():\n    return 4",
    }


def test_a_file_about_one_notebook_says_so_once(tmp_path):
    section = "# %% error\ndef error():\n    return 6\n"
    answers = two(tmp_path, "# loses: error\n# notebook: predicting", section)
    filled = texts(fill_all(RELEASES, SOLUTIONS, answers))
    assert filled["fitting"] == SOLUTIONS["fitting"].cells[0].source
    assert filled["predicting"].startswith("def error():\n    return 6\n")


def test_a_notebook_can_be_missing(tmp_path):
    answers = two(tmp_path, "# loses: none\n# missing: fitting")
    assert list(fill_all(RELEASES, SOLUTIONS, answers)) == ["predicting"]


TESTS = {"fitting": ["slope", "error"], "predicting": ["predict", "error"]}


@pytest.mark.parametrize(
    ("settings", "base", "fitting", "predicting"),
    [
        ("# loses: none", "solution", set(), set()),
        ("# loses: all", "solution", {"slope", "error"}, {"predict", "error"}),
        ("# loses: slope, predicting/error", "solution", {"slope"}, {"error"}),
        ("# loses: error\n# notebook: fitting", "solution", {"error"}, set()),
        ("# loses: all\n# notebook: fitting", "solution", {"slope", "error"}, set()),
        ("# loses: slope\n# notebook: fitting", "release", {"slope"}, {"predict", "error"}),
        ("# loses: none\n# missing: predicting", "solution", set(), {"predict", "error"}),
    ],
)
def test_lost_tests_are_told_by_notebook(tmp_path, settings, base, fitting, predicting):
    found = lost_tests(two(tmp_path, settings, base=base), TESTS)
    assert found == {"fitting": fitting, "predicting": predicting}


@pytest.mark.parametrize(
    ("settings", "sections", "line", "said"),
    [
        ("# loses: none", "# %% error\n0\n", 4, "stands in fitting and predicting; write"),
        ("# loses: none", "# %% slopes\n0\n", 4, "no cell, class or function 'slopes'"),
        ("# loses: none", "# %% fitting/predict\n0\n", 4, "function 'predict' in 'fitting'"),
        ("# loses: none", "# %% fit/error\n0\n", 4, "notebook 'fit' does not exist"),
        ("# loses: error", "", 3, "write 'fitting/error'"),
        ("# loses: slop", "", 3, "there is no test 'slop'"),
        ("# loses: none\n# notebook: fit", "", 4, "no notebook 'fit'; the assignment has fitting"),
        ("# loses: none\n# missing: fit", "", 4, "no notebook 'fit'"),
        ("# loses: none\n# missing: fitting, predicting", "", 4, "no notebook is left"),
        ("# loses: none\n# missing: fitting", "# %% fitting/error\n0\n", 5, "is not handed in"),
        ("# loses: none\n# notebook: fitting", "# %% predicting/error\n0\n", 5, "contradicts"),
    ],
)
def test_what_the_assignment_does_not_have_is_refused_where_it_stands(
    tmp_path, settings, sections, line, said
):
    with pytest.raises(UsageError) as refusal:
        fill_all(RELEASES, SOLUTIONS, two(tmp_path, settings, sections))
    assert str(refusal.value).startswith(f"{tmp_path / 'student.py'}:{line}: ")
    assert said in str(refusal.value)


def test_a_comment_inside_a_section_is_no_setting(tmp_path):
    answers = two(tmp_path, "# loses: none", "# %% predict\n# base: none\ndef predict(): 0\n")
    assert answers.base == "solution"
