"""What is known of an assignment before a submission is opened."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from deltarule.config import Course
from deltarule.errors import AuthoringError, UsageError
from deltarule.grading.plan import modules_to_warm, plan_assignment

LAB = """\
# A lab

```python
import math
import matplotlib.pyplot as plt
```

Complete this.

```python
def double(number):
    #!TAG HWBEGIN
    #!MSG Add it to itself.
    return number + number
    #!TAG HWEND
```

```python
#!TAG TEST double points=2
import random
assert double(1) == 2
### BEGIN HIDDEN TESTS
import statistics
assert double(21) == 42
### END HIDDEN TESTS
```

```python
#!TAG DEMO
import math
print(double(3))
```

```python
#!TAG HWBEGIN numbers
one = 1
```

```python
two = 2
#!TAG HWEND
```

Why?

<!-- #region -->
#!TAG ANSWER why points=3
### BEGIN MARK SCHEME
**3 points**: says twice.
### END MARK SCHEME
#!TAG HWBEGIN
Twice.
#!TAG HWEND
<!-- #endregion -->
"""


@pytest.fixture(scope="module")
def copied(course_root, tmp_path_factory):
    """The course without anything that is built."""
    root = tmp_path_factory.mktemp("plan") / "course"
    for name in ("source", "release"):
        shutil.copytree(course_root / name, root / name)
    shutil.copyfile(course_root / "nbgrader_config.py", root / "nbgrader_config.py")
    return Course(root)


@pytest.fixture
def lab(tmp_path):
    """A course of one small lab with data."""
    (tmp_path / "source" / "lab" / "data").mkdir(parents=True)
    (tmp_path / "source" / "lab" / "lab.md").write_text(LAB, encoding="utf-8")
    (tmp_path / "source" / "lab" / "data" / "numbers.csv").write_text("1,2\n")
    return Course(tmp_path)


def by_name(plan):
    return {cell.grade_id or cell.id: cell for one in plan.notebooks for cell in one.cells}


def test_what_notebooks_import_is_warmed_and_nothing_that_only_hidden_tests_do(lab):
    warmed = modules_to_warm(plan_assignment(lab, "lab"))
    assert {"math", "random", "matplotlib.pyplot", "matplotlib_inline.backend_inline"} < set(warmed)
    assert not {"statistics", "torch", "torch.optim"} & set(warmed)


def test_optimisers_are_warmed_only_where_a_notebook_speaks_of_them(copied):
    assert "torch.optim" not in modules_to_warm(plan_assignment(copied, "lab04"))
    assert "torch.optim" in modules_to_warm(plan_assignment(copied, "titanic"))


@pytest.mark.parametrize("assignment", ["lab04", "gradient_descent", "titanic"])
def test_what_students_see_is_the_release(copied, assignment):
    for notebook in plan_assignment(copied, assignment).notebooks:
        path = copied.release / assignment / f"{notebook.name}.ipynb"
        shown = [(c.id, c.cell_type, c.visible) for c in notebook.cells if c.released]
        assert shown == [(c.id, c.cell_type, c.source) for c in nbformat.read(path, 4).cells]


def test_every_cell_has_its_kind_and_points(lab):
    cells = by_name(plan_assignment(lab, "lab"))
    kinds = {name: (c.kind, c.cell_type, c.points, c.grade_id) for name, c in cells.items()}
    assert kinds["solution-double"] == ("solution", "code", 0, "solution-double")
    assert kinds["double"] == ("test", "code", 2, "double")
    assert kinds["question-why"] == ("locked", "markdown", 0, "question-why")
    assert kinds["why"] == ("manual", "markdown", 3, "why")
    assert Counter(kind for kind, *_ in kinds.values()) == {
        "text": 2,
        "plain": 3,
        "solution": 2,
        "test": 1,
        "locked": 1,
        "manual": 1,
    }


def test_the_source_has_the_secrets_and_the_visible_text_has_none(lab):
    cells = by_name(plan_assignment(lab, "lab"))
    assert "double(21)" in cells["double"].source
    assert cells["double"].visible == "import random\nassert double(1) == 2"
    assert "return number + number" in cells["solution-double"].source
    assert "number + number" not in cells["solution-double"].visible
    assert "Add it to itself." in cells["solution-double"].visible
    assert "says twice" in cells["question-why"].source
    assert cells["question-why"].visible.strip() == "Why?"
    assert (cells["why"].source, cells["why"].visible) == ("Twice.", "*Your answer here.*")


def test_a_cell_of_the_solution_alone_is_not_released(lab):
    cells = plan_assignment(lab, "lab").notebooks[0].cells
    assert [(c.source, c.visible) for c in cells if not c.released] == [("two = 2", "")]


def test_demos_are_known(lab):
    cells = plan_assignment(lab, "lab").notebooks[0].cells
    assert [c.source for c in cells if c.demo] == ["import math\nprint(double(3))"]


def test_imports_are_those_of_the_released_code_once(lab):
    notebook = plan_assignment(lab, "lab").notebooks[0]
    assert notebook.imports == ("import math", "import matplotlib.pyplot as plt", "import random")


def test_magics_and_broken_cells_among_the_imports_do_no_harm(lab):
    path = lab.source / "lab" / "lab.md"
    magic = (
        "```python\n%matplotlib inline\nimport json as j, csv\nfrom os import (path,\n  sep)\n```"
    )
    shell = "```python\n%%bash\nimport this\n```"
    path.write_text(f"{magic}\n\nText.\n\n{shell}\n\n{LAB}", encoding="utf-8")
    imports = plan_assignment(lab, "lab").notebooks[0].imports
    assert imports[:3] == ("import json as j, csv", "from os import path, sep", "import math")
    assert "import this" not in imports


def test_each_notebook_has_the_limits_of_its_header(two_notebooks):
    plan = plan_assignment(Course(two_notebooks), "line")
    assert plan.limits == {"fitting": {"cell_seconds": 30.0}, "predicting": {}}
    assert [one.name for one in plan.notebooks] == ["fitting", "predicting"]
    assert plan.notebooks[0].metadata["kernelspec"]["name"] == "python3"


def test_files_are_the_authors(lab):
    plan = plan_assignment(lab, "lab")
    assert [name for name, _ in plan.files] == ["data/numbers.csv"]
    assert plan.files[0][1].read_text() == "1,2\n"
    assert lab.submitted not in plan.files[0][1].parents


def test_the_key_changes_with_whatever_decides_a_result(lab):
    path = lab.source / "lab" / "lab.md"
    keys = [plan_assignment(lab, "lab").key]
    assert plan_assignment(lab, "lab").key == keys[0]
    header = "---\njupyter:\n  deltarule:\n    limits: {cell_seconds: 7}\n---\n"
    for text in (
        header + LAB,
        LAB.replace("== 42", "== 2 * 21"),
        LAB.replace("points=2", "points=4"),
    ):
        path.write_text(text, encoding="utf-8")
        keys.append(plan_assignment(lab, "lab").key)
    path.write_text(LAB, encoding="utf-8")
    assert plan_assignment(lab, "lab").key == keys[0]
    (lab.source / "lab" / "data" / "numbers.csv").write_text("1,3\n")
    keys.append(plan_assignment(lab, "lab").key)
    assert len(set(keys)) == 5


def test_a_mistake_in_the_source_is_the_authors(lab):
    path = lab.source / "lab" / "lab.md"
    path.write_text(LAB.replace("points=2", "points=two"), encoding="utf-8")
    with pytest.raises(AuthoringError, match=r"lab\.md:\d+: .*points=two"):
        plan_assignment(lab, "lab")


@pytest.mark.parametrize("name", ["lob", "", "a+b"])
def test_an_assignment_that_is_not_there_is_a_wrong_use(lab, name):
    with pytest.raises(UsageError):
        plan_assignment(lab, name)


# -- nbgrader's own courses -----------------------------------------------------------------------


def cell(kind, source, name="", **settings):
    """A cell of an old notebook, without an id."""
    made = getattr(nbformat.v4, f"new_{kind}_cell")(source)
    del made["id"]
    if name:
        flags = dict.fromkeys(("grade", "solution", "locked", "task"), False) | settings
        made.metadata["nbgrader"] = {"grade_id": name, "schema_version": 3, **flags}
    return made


MASTER = [
    cell("markdown", "Read this.", "intro", locked=True),
    cell("code", "import math"),
    cell("code", "unit = 1", "unit", locked=True),
    cell(
        "code",
        "def double(n):\n    ### BEGIN SOLUTION\n    return 2 * n\n    ### END SOLUTION",
        "double",
        solution=True,
    ),
    cell(
        "code",
        "assert double(1) == 2\n### BEGIN HIDDEN TESTS\nassert double(4) == 8\n"
        "### END HIDDEN TESTS",
        "test_double",
        grade=True,
        locked=True,
        points=2,
    ),
    cell("code", "halve = 1 / 2", "halve", solution=True),
    cell("code", "squares = [n * n for n in range(9)]"),
    cell("markdown", "Because.", "why", grade=True, solution=True, points=1.5),
    cell(
        "markdown",
        "Make a plot.\n### BEGIN MARK SCHEME\nwith labels\n### END MARK SCHEME",
        "plot",
        task=True,
        locked=True,
        points=4,
    ),
    cell("code", "print(double(2))"),
    cell("markdown", "The end."),
]
MASTER[6].metadata["tags"] = ["demo"]


def foreign_course(root, cells=MASTER, config=None):
    """An nbgrader course that was not made by Deltarule."""
    folder = root / "source" / "ps1"
    (folder / "data").mkdir(parents=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    (folder / "p1.ipynb").write_text(json.dumps(notebook))
    (folder / "data" / "table.csv").write_text("1\n")
    (folder / "helper.py").write_text("x = 1\n")
    if config is not None:
        (root / "nbgrader_config.py").write_text(f"c = get_config()\n{config}\n")
    return Course(root)


def test_a_course_of_nbgraders_own_masters_is_planned(tmp_path):
    plan = plan_assignment(foreign_course(tmp_path), "ps1")
    (notebook,) = plan.notebooks
    assert [(c.kind, c.cell_type, c.grade_id, c.points) for c in notebook.cells] == [
        ("locked", "markdown", "intro", 0),
        ("plain", "code", "", 0),
        ("locked", "code", "unit", 0),
        ("solution", "code", "double", 0),
        ("test", "code", "test_double", 2),
        ("solution", "code", "halve", 0),
        ("plain", "code", "", 0),
        ("manual", "markdown", "why", 1.5),
        ("task", "markdown", "plot", 4),
        ("plain", "code", "", 0),
        ("text", "markdown", "", 0),
    ]
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)
    assert notebook.imports == ("import math",)
    assert [name for name, _ in plan.files] == ["data/table.csv", "helper.py"]
    assert plan.limits == {"p1": {}}


def test_nbgraders_masters_are_cleared_as_nbgrader_does_it(tmp_path):
    cells = by_name(plan_assignment(foreign_course(tmp_path), "ps1"))
    stub = "# YOUR CODE HERE\nraise NotImplementedError()"
    assert cells["double"].visible == "def double(n):\n    " + stub.replace("\n", "\n    ")
    assert cells["double"].source.count("return 2 * n") == 1
    assert (cells["halve"].source, cells["halve"].visible) == ("halve = 1 / 2", stub)
    assert cells["test_double"].visible == "assert double(1) == 2"
    assert "double(4)" in cells["test_double"].source
    assert cells["why"].visible == "YOUR ANSWER HERE"
    assert cells["plot"].visible == "Make a plot."
    assert "with labels" in cells["plot"].source


def test_a_tag_promises_nothing_in_a_course_that_is_not_ours(tmp_path):
    plan = plan_assignment(foreign_course(tmp_path), "ps1")
    assert not any(c.demo for c in plan.notebooks[0].cells)


def test_planning_leaves_the_course_as_it_was(tmp_path):
    course = foreign_course(tmp_path, config="c.Execute.timeout = 5")
    before = sorted(tmp_path.rglob("*"))
    here = Path.cwd()
    plan_assignment(course, "ps1")
    assert sorted(tmp_path.rglob("*")) == before
    assert Path.cwd() == here


def test_the_courses_own_delimiters_and_stubs_are_nbgraders_business(tmp_path):
    config = (
        "c.ClearHiddenTests.begin_test_delimeter = 'VERSTECKT AN'\n"
        "c.ClearHiddenTests.end_test_delimeter = 'VERSTECKT AUS'\n"
        "c.ClearSolutions.text_stub = 'Ihre Antwort'"
    )
    source = "assert f\n# VERSTECKT AN\nassert f(1)\n# VERSTECKT AUS\nassert True"
    cells = [
        cell("code", source, "f", grade=True, locked=True, points=1),
        cell("markdown", "Darum.", "warum", grade=True, solution=True, points=1),
    ]
    made = by_name(plan_assignment(foreign_course(tmp_path, cells, config), "ps1"))
    assert made["f"].visible == "assert f\nassert True"
    assert made["warum"].visible == "Ihre Antwort"


def test_the_configured_time_and_files_count(tmp_path):
    config = (
        "c.ExecutePreprocessor.timeout = 300\n"
        "c.Autograde.exclude_overwriting = {'ps1': ['helper.py']}\n"
        "c.CourseDirectory.ignore = ['*.bak']"
    )
    course = foreign_course(tmp_path, config=config)
    (course.source / "ps1" / "old.bak").write_text("")
    plan = plan_assignment(course, "ps1")
    assert plan.limits == {"p1": {"cell_seconds": 300.0}}
    assert [name for name, _ in plan.files] == ["data/table.csv"]


def test_a_header_notebook_is_part_of_the_assignment(tmp_path):
    course = foreign_course(tmp_path, config="c.IncludeHeaderFooter.header = 'header.ipynb'")
    header = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import csv", id="top")])
    nbformat.write(header, tmp_path / "header.ipynb")
    notebook = plan_assignment(course, "ps1").notebooks[0]
    assert notebook.cells[0].id == "top"
    assert notebook.imports == ("import csv", "import math")


def test_a_step_of_the_courses_own_may_write_tests(tmp_path):
    (tmp_path / "house_steps.py").write_text(
        "from nbgrader.preprocessors import NbGraderPreprocessor\n"
        "class Sign(NbGraderPreprocessor):\n"
        "    def preprocess_cell(self, cell, resources, index):\n"
        "        if cell.metadata.get('nbgrader', {}).get('grade'):\n"
        "            cell.source += '\\n# signed'\n"
        "        return cell, resources\n"
    )
    after = ("SaveCells", "ClearHiddenTests", "ClearMarkScheme")
    listed = ["nbgrader.preprocessors.ClearSolutions", "house_steps.Sign"]
    listed += [f"nbgrader.preprocessors.{name}" for name in after]
    config = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"c.GenerateAssignment.preprocessors = {listed}"
    )
    try:
        made = by_name(plan_assignment(foreign_course(tmp_path, config=config), "ps1"))
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("house_steps", None)
    assert made["test_double"].source.endswith("### END HIDDEN TESTS\n# signed")
    assert made["test_double"].visible == "assert double(1) == 2\n# signed"
    assert "return 2 * n" in made["double"].source


@pytest.mark.parametrize("name", ["test-v0", "test-v1", "test-v2", "test"])
def test_masters_with_metadata_of_every_age_are_the_same_plan(tmp_path, name):
    course = foreign_course(tmp_path)
    shutil.copyfile(shipped(f"{name}.ipynb"), course.source / "ps1" / "p1.ipynb")
    cells = plan_assignment(course, "ps1").notebooks[0].cells
    points = {c.grade_id: c.points for c in cells if c.points}
    assert points == {
        "correct_squares": 1,
        "squares_invalid_input": 1,
        "correct_sum_of_squares": 0.5,
        "sum_of_squares_uses_squares": 0.5,
        "sum_of_squares_equation": 1,
        "sum_of_squares_application": 2,
    }


def shipped(name):
    """A file of nbgrader's own tests, from its wheel."""
    import nbgrader

    return Path(nbgrader.__file__).parent / "tests" / "apps" / "files" / name


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("### BEGIN HIDDEN TESTS\nassert f(1)", "No end hidden tests statement found"),
        ("assert f\n### BEGIN SOLUTION\nf = 1\n### END SOLUTION", "Solution region detected"),
    ],
)
def test_a_master_that_nbgrader_refuses_is_the_authors_mistake(tmp_path, source, said):
    cells = [cell("code", source, "f", grade=True, locked=True, points=1)]
    with pytest.raises(AuthoringError, match=rf"p1\.ipynb: .*{said}"):
        plan_assignment(foreign_course(tmp_path, cells), "ps1")


@pytest.mark.parametrize(
    ("name", "said"), [("test-v0-invalid", "does not have a grade_id"), ("too-new", "too new")]
)
def test_metadata_that_nbgrader_refuses_is_the_authors_mistake(tmp_path, name, said):
    course = foreign_course(tmp_path)
    shutil.copyfile(shipped(f"{name}.ipynb"), course.source / "ps1" / "p1.ipynb")
    with pytest.raises(AuthoringError, match=said):
        plan_assignment(course, "ps1")


def test_a_damaged_master_is_the_authors_mistake(tmp_path):
    course = foreign_course(tmp_path)
    (course.source / "ps1" / "p1.ipynb").write_text("{")
    with pytest.raises(AuthoringError, match=r"p1\.ipynb: "):
        plan_assignment(course, "ps1")


def test_a_configuration_that_fails_is_named(tmp_path):
    course = foreign_course(tmp_path, config="import a_package_that_is_not_there")
    with pytest.raises(UsageError, match=r"nbgrader_config\.py .*a_package_that_is_not_there"):
        plan_assignment(course, "ps1")


def test_a_plan_is_plain_data(tmp_path):
    plan = plan_assignment(foreign_course(tmp_path), "ps1")
    plain = dataclasses.asdict(dataclasses.replace(plan, files=()))

    def kinds(value):
        yield type(value)
        children = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list | tuple):
            for child in children:
                yield from kinds(child)

    assert set(kinds(plain)) <= {dict, list, tuple, str, float, bool}


@pytest.mark.slow
def test_tests_that_nbgrader_writes_itself_are_written(tmp_path):
    """In a process of its own: nbgrader does not close what it opens to the kernel."""
    course = foreign_course(tmp_path)
    for name, target in (("autotest-hashed.ipynb", "p1.ipynb"), ("autotests.yml", None)):
        shutil.copyfile(shipped(name), course.source / "ps1" / (target or name))
    code = (
        "import dataclasses, json, sys; from pathlib import Path\n"
        "from deltarule.config import Course\n"
        "from deltarule.grading.plan import modules_to_warm, plan_assignment\n"
        "plan = plan_assignment(Course(Path(sys.argv[1])), 'ps1')\n"
        "print(json.dumps([dataclasses.asdict(cell) for cell in plan.notebooks[0].cells]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    test = next(c for c in json.loads(done.stdout) if c["grade_id"] == "test_hashed")
    assert "AUTOTEST" not in test["source"]
    assert "sha1" in test["source"]
    assert test["source"] == test["visible"]
