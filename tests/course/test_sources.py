"""What every source of the course promises, whichever assignment it belongs to."""

import re
from pathlib import Path

import nbformat
import pytest

from deltarule.authoring import Role, parse

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "source").glob("*/*.md"))


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: path.stem)
def source(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(source):
    return parse(source)[0]


def test_all_three_assignments_are_there():
    assert {path.parent.name for path in SOURCES} == {"lab04", "gradient_descent", "titanic"}


def test_every_written_answer_has_a_mark_scheme(notebook):
    schemes = {cell.name: cell.master for cell in notebook.cells if cell.role is Role.QUESTION}
    for cell in notebook.cells:
        if cell.role is Role.ANSWER:
            assert "BEGIN MARK SCHEME" in schemes[f"question-{cell.name}"], cell.name


def test_every_image_is_there_and_has_a_text_for_those_who_cannot_see_it(source, notebook):
    for cell in notebook.cells:
        if cell.kind == "markdown":
            for alternative, path in re.findall(r"!\[(.*?)\]\((.*?)\)", cell.solution):
                assert len(alternative) > 30, path
                assert (source.parent / path).is_file(), path


def test_formulas_are_closed(notebook):
    for cell in notebook.cells:
        if cell.kind != "markdown":
            continue
        for environment in set(re.findall(r"\\begin\{(\w+\*?)\}", cell.master)):
            begun = cell.master.count(f"\\begin{{{environment}}}")
            assert begun == cell.master.count(f"\\end{{{environment}}}"), cell.name
        assert cell.master.count("$$") % 2 == 0, cell.name


def test_no_line_of_code_runs_out_of_the_page(source):
    inside = False
    for number, line in enumerate(source.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith("```"):
            inside = line.startswith("```python")
        elif inside:
            assert len(line) <= 100, f"line {number}"


def test_the_committed_solution_ran_without_a_warning(source):
    path = ROOT / "solutions" / source.parent.name / f"{source.stem}.ipynb"
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code if cell.source.strip())
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error", output
            assert output.get("name") != "stderr", output.text
