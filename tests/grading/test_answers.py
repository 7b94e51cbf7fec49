"""Files of answers become submissions."""

import textwrap

import nbformat
import pytest

from deltarule.errors import UsageError
from deltarule.grading.answers import fill, read_answers

SOLVED = """class Net:
    def a(self):
        return 1

    @property
    def b(self):
        return 2"""


def notebook(source, prose):
    cells = [
        nbformat.v4.new_code_cell(source, id="solution-Net"),
        nbformat.v4.new_markdown_cell(prose, id="eq1"),
        nbformat.v4.new_code_cell("assert Net", id="Net"),
    ]
    for cell, solution in zip(cells, (True, True, False), strict=True):
        cell.metadata["nbgrader"] = {"solution": solution, "grade": not solution}
    return nbformat.v4.new_notebook(cells=cells)


RELEASE = notebook(SOLVED.replace("return 1", "raise NotImplementedError"), "*Your answer here.*")
SOLUTION = notebook(SOLVED, "Because.")


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
        # loses: backward, train
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
    assert answers.loses == ("backward", "train")
    assert answers.misconception == "some-name"
    filled = fill(RELEASE, SOLUTION, answers)
    assert filled.cells[0].source == SOLVED.replace("return 2", "return 3")
    assert filled.cells[1].source == "First line.\n\nLast line."
    assert filled.cells[2].source == "assert Net"


def test_the_untouched_release_stays_untouched(tmp_path):
    path = write(tmp_path, '"""Nothing."""\n# base: release\n# loses: all\n')
    assert fill(RELEASE, SOLUTION, read_answers(path)) == RELEASE


def test_a_section_never_replaces_a_test_of_the_same_name(tmp_path):
    path = write(
        tmp_path,
        '"""Own class."""\n# base: solution\n# loses: none\n# %% Net\nclass Net:\n    pass\n',
    )
    filled = fill(RELEASE, SOLUTION, read_answers(path))
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
        fill(RELEASE, SOLUTION, read_answers(path))
