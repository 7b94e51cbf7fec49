"""A student opens each notebook, runs it, fills in what is missing, and presses Validate."""

from __future__ import annotations

import json

import pytest

from .screenshots import take

pytestmark = pytest.mark.slow

FIRST_STUBS = {
    "lab04/lab04": "single_sample_gradients",
    "gradient_descent/gradient_descent": "optimize_f",
    "titanic/titanic": "prepare",
    "titanic/vanishing_gradients": "DeepMLP.__init__",
}
WRONG = """\
def single_sample_gradients(z_prev: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    return torch.outer(delta, z_prev), delta"""
RIGHT = WRONG.replace("delta, z_prev", "z_prev, delta")

DRAWN = """() => {
    const texts = jupyterapp.shell.currentWidget.content.widgets
        .filter(cell => cell.model.type === 'markdown');
    return document.querySelectorAll('.jp-Notebook .jp-MarkdownOutput').length === texts.length
        && [...document.querySelectorAll('.jp-Notebook .jp-MarkdownOutput img')]
            .every(picture => picture.naturalWidth > 0);
}"""
"""All texts are there, and in them every picture."""

FORMULAS = """() => ({
    drawn: document.querySelectorAll('.jp-Notebook mjx-container').length,
    wrong: [...document.querySelectorAll('mjx-merror, [data-mjx-error]')].map(e => e.innerText),
    left: [...document.querySelectorAll('.jp-Notebook .jp-MarkdownOutput')]
        .map(e => e.innerText).filter(text => text.includes('$')),
})"""


def test_every_released_notebook_is_opened_here(course):
    released = {
        path.relative_to(course.release).with_suffix("").as_posix()
        for path in course.release.glob("*/*.ipynb")
    }
    assert set(FIRST_STUBS) == released


@pytest.mark.parametrize("name", FIRST_STUBS)
def test_a_run_of_all_cells_stops_at_the_first_task_and_names_it(lab, handout, name):
    assignment, notebook = name.split("/")
    lab.open(f"{handout(assignment)}/{notebook}.ipynb")
    lab.run_all()
    failed = [
        (cell["id"], output["ename"], output["evalue"])
        for cell in lab.cells()
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    message = f"{FIRST_STUBS[name]}: your code is missing here"
    assert [error[1:] for error in failed] == [("NotImplementedError", message)]
    shown = lab.cell(failed[0][0]).locator(".jp-OutputArea-output").last
    shown.scroll_into_view_if_needed()
    assert shown.inner_text().rstrip().endswith(f"NotImplementedError: {message}")
    if name == "lab04/lab04":
        take(lab.page, "student_stub", {"x": 286, "y": 34, "width": 958, "height": 836})
    lab.page.wait_for_function(DRAWN)
    formulas = lab.page.evaluate(FORMULAS)
    assert formulas["drawn"] > 20
    assert (formulas["wrong"], formulas["left"]) == ([], [])


def test_validate_names_the_wrong_cell_and_is_content_with_the_right_one(lab, course, handout):
    path = f"{handout('lab04')}/lab04.ipynb"
    solution = json.loads((course.solutions / "lab04" / "lab04.ipynb").read_text("utf-8"))
    lab.open(path)
    for cell in solution["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            lab.set(cell["id"], "".join(cell["source"]))
    lab.type("solution-single_sample_gradients", WRONG)
    dialog = lab.validate()
    said = dialog.inner_text()
    assert said.count("The following cell failed") == 1
    assert "3 senders and 2 receivers need a weight gradient of shape (3, 2), not (2, 3)" in said
    dialog.get_by_role("button", name="Ok").click()

    lab.type("solution-single_sample_gradients", RIGHT)
    dialog = lab.validate()
    assert "Success! Your notebook passes all the tests." in dialog.inner_text()
    take(lab.page, "student_validate", {"x": 286, "y": 34, "width": 958, "height": 560})
    saved = json.loads((course.root / path).read_text("utf-8"))
    assert RIGHT in {"".join(cell["source"]) for cell in saved["cells"]}
