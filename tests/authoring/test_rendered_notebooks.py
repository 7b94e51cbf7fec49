"""The three notebooks: who gets which cells, and what nbgrader reads in them."""

import json

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import CheckCellMetadata

from deltarule.authoring.syntax import compiles

LAB = """\
---
jupyter:
  jupytext:
    text_representation: {extension: .md, format_name: markdown}
  deltarule:
    title: A lab
    points: {automatic: 3, manual: 2.5}
    survivors: {private-reason: nobody must know}
  kernelspec: {display_name: Python 3, language: python, name: python3}
---

<!-- #region pycharm={"name": "#%% md\\n"} -->
# A lab
<!-- #endregion -->

```python pycharm={"name": "#%%\\n"} tags=["hide-input"]
import math
```

Why is it so?

<!-- #region -->
#!TAG ANSWER why points=2.5
### BEGIN MARK SCHEME
rubric: two reasons
### END MARK SCHEME
#!TAG HWBEGIN
solved in words
#!TAG HWEND
<!-- #endregion -->

```python
class Net:
    def forward(self, x):
        #!TAG HWBEGIN
        #!MSG Think.
        return solved_in_code(x)
        #!TAG HWEND
```

```python
#!TAG TEST forward points=2
#!TAG SKIPQUESTEXEC
assert Net().forward(1) == 1
### BEGIN HIDDEN TESTS
from deltarule.judging import compare
compare(secret_input)
### END HIDDEN TESTS
print("visible")
### BEGIN HIDDEN TESTS
compare(another_secret)
### END HIDDEN TESTS
```

```python
#!TAG TEST plain points=1
### BEGIN HIDDEN TESTS
assert Net().forward(7) == secret_result
### END HIDDEN TESTS
```

```python
#!TAG DEMO
print(Net())
```
"""
VERSIONS = ("master", "student", "solution")
SOLVED = ("solved in words", "solved_in_code")
SECRETS = ("rubric", "secret_input", "another_secret", "secret_result", "deltarule.judging")


@pytest.fixture
def lab(compiled):
    return compiled(LAB)


def cell_named(notebook, name):
    (cell,) = [cell for cell in notebook.cells if cell.id == name]
    return cell


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_a_valid_notebook(lab, version):
    nbformat.validate(getattr(lab, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_passes_nbgraders_own_validation(lab, version):
    notebook = getattr(lab, version)
    MetadataValidator().validate_nb(notebook)
    CheckCellMetadata().preprocess(notebook, {})


def test_all_versions_share_cell_ids_and_grade_ids(lab):
    ids = [
        [(cell.id, cell.metadata.get("nbgrader", {}).get("grade_id")) for cell in notebook.cells]
        for notebook in (lab.master, lab.student, lab.solution)
    ]
    assert ids[0] == ids[1] == ids[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_all_versions_share_nbgraders_metadata(lab, version):
    shown = {
        cell.id: cell.metadata.nbgrader
        for cell in getattr(lab, version).cells
        if "nbgrader" in cell.metadata
    }
    common = {"schema_version": 3, "task": False}
    wanted = {
        "question-why": {"grade": False, "locked": True, "solution": False},
        "why": {"grade": True, "locked": False, "solution": True, "points": 2.5},
        "solution-Net": {"grade": False, "locked": False, "solution": True},
        "forward": {"grade": True, "locked": True, "solution": False, "points": 2},
        "plain": {"grade": True, "locked": True, "solution": False, "points": 1},
    }
    assert shown == {name: {**common, **rest, "grade_id": name} for name, rest in wanted.items()}


@pytest.mark.parametrize("version", ["student", "solution"])
def test_hidden_tests_and_mark_schemes_are_in_no_version_that_is_handed_out(lab, version):
    text = json.dumps(getattr(lab, version))
    assert not [secret for secret in SECRETS if secret in text]
    assert "HIDDEN TESTS" not in text
    assert "MARK SCHEME" not in text


def test_no_solution_is_in_the_student_version(lab):
    text = json.dumps(lab.student)
    assert not [solved for solved in SOLVED if solved in text]
    assert "NotImplementedError" in text


def test_the_solution_has_all_solutions_and_no_stand_ins(lab):
    text = json.dumps(lab.solution)
    assert all(solved in text for solved in SOLVED)
    assert "NotImplementedError" not in text
    assert "Think." not in text


def test_the_master_has_everything(lab):
    text = json.dumps(lab.master)
    assert all(each in text for each in (*SOLVED, *SECRETS))


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_of_the_authors_tools_is_left(lab, version):
    text = json.dumps(getattr(lab, version))
    assert not [each for each in ("pycharm", "jupytext", "nobody must know", "#!TAG", "#!MSG")
                if each in text]  # fmt: skip


def test_the_student_version_says_nothing_private_but_what_is_not_to_be_run(lab):
    private = {
        cell.id: cell.metadata.deltarule
        for cell in lab.student.cells
        if "deltarule" in cell.metadata
    }
    assert private == {"forward": {"skip": True}}
    assert set(lab.student.metadata) == {"kernelspec", "language_info"}


def test_no_version_has_outputs_or_counts(lab):
    for version in VERSIONS:
        for cell in getattr(lab, version).cells:
            if cell.cell_type == "code":
                assert (cell.outputs, cell.execution_count) == ([], None)


def test_tags_of_a_cell_are_kept(lab):
    assert [cell.metadata.get("tags") for cell in lab.student.cells] == [
        None, ["hide-input"], None, None, None, None, None, ["demo"],
    ]  # fmt: skip


def test_the_master_carries_what_takes_the_homeworks_place(lab):
    text = cell_named(lab.master, "solution-Net").metadata.deltarule["student"]
    assert text == cell_named(lab.student, "solution-Net").source
    assert cell_named(lab.master, "why").metadata.deltarule["student"] == "*Your answer here.*"


def test_a_cell_of_the_solution_only_is_marked_to_go(compiled):
    made = compiled("Hm.\n#!TAG HWBEGIN a\nText\n\n```python\nx\n```\n\nEnd.\n#!TAG HWEND\n")
    students = [cell.metadata.deltarule.get("student", "") for cell in made.master.cells]
    assert students == ["", "*Your answer here.*", None, None]


def test_a_test_that_judges_keeps_a_score_sheet_from_begin_to_end(lab):
    rows = cell_named(lab.master, "forward").source.split("\n")
    begin, end = rows.index("### BEGIN HIDDEN TESTS"), len(rows) - 1
    assert rows[end] == "### END HIDDEN TESTS"
    assert rows[begin + 1 : begin + 3] == [
        "from deltarule.judging import Sheet as _deltarule_sheet",
        "_deltarule_sheet = _deltarule_sheet('forward', points=2)",
    ]
    assert rows[end - 1] == "_deltarule_sheet.score()"
    assert sum("_deltarule_sheet.score()" in row for row in rows) == 1
    assert compiles("\n".join(rows))


def test_a_test_that_does_not_judge_has_no_score_sheet(lab):
    assert "_deltarule" not in cell_named(lab.master, "plain").source


@pytest.mark.parametrize(
    ("line", "judges"),
    [
        ("from deltarule.judging import compare", True),
        ("import deltarule.judging", True),
        ("import deltarule.judging as j", True),
        ("from deltarule import judging", True),
        ("from deltarule.judging.verdicts import Verdict", True),
        ("from deltarule import engine", False),
        ("import deltarule.judging_helpers", False),
        ("# import deltarule.judging", False),
        ("text = 'import deltarule.judging'", False),
        ("import math", False),
    ],
)
def test_only_an_import_of_judging_opens_a_sheet(line, judges, compiled):
    made = compiled(
        f"```python\n#!TAG TEST a points=1\nassert 1\n### BEGIN HIDDEN TESTS\n{line}\n"
        "### END HIDDEN TESTS\n```\n"
    )
    assert ("_deltarule_sheet" in made.texts("master")[0]) == judges


def test_a_test_whose_every_line_is_hidden_is_there_for_students_too(lab):
    assert cell_named(lab.student, "plain").source == ""


def test_the_notebooks_that_are_built_say_what_they_were_made_from(lab):
    from deltarule.authoring import master

    made = master(lab.notebook, "abc")
    assert made.metadata.deltarule["source_sha256"] == "abc"
    assert "edit the source instead" in made.metadata.deltarule["generated"]


def test_compiling_twice_gives_the_same_notebooks(lab, compiled):
    again = compiled(LAB)
    for version in VERSIONS:
        assert getattr(lab, version) == getattr(again, version)
