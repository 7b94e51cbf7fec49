"""What a student has written is shown to an instructor, and does nothing.

The attacks are those of ``tests/attacks/submissions/readers.py``, in a notebook of lab 4 that
``deltarule grade`` has graded: script in Markdown, in raw cells, in outputs and attachments,
headings and fields called like nbgrader's own, forms, refreshes, pictures with a purpose.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow

ATTACKS = Path(__file__).parents[1] / "attacks"
QUESTIONS = [f"eq{number}" for number in range(1, 9)]
STATE = """() => {
    const shown = [...document.querySelectorAll(
        '#notebook-container .rendered_html, #notebook-container .output, .jp-MarkdownOutput,'
        + ' .jp-OutputArea-output')];
    const all = shown.flatMap(one => [...one.querySelectorAll('*')]);
    return {
        ran: document.documentElement.dataset.ran ?? null,
        title: document.title,
        handlers: all.flatMap(e => [...e.attributes]).map(a => a.name).filter(n => /^on/i.test(n)),
        links: [...new Set(all.filter(e => e.href).map(e => new URL(e.href, location).protocol))],
        tags: all.map(e => e.localName).filter(name => [
            'script', 'style', 'link', 'meta', 'base', 'form', 'input', 'textarea', 'button',
            'iframe', 'object', 'embed', 'template'].includes(name)),
        fixed: all.filter(e => ['fixed', 'sticky'].includes(getComputedStyle(e).position)).length,
    };
}"""
POKED = """() => {
    for (const one of document.querySelectorAll('#notebook-container *'))
        for (const name of ['mouseover', 'mouseenter', 'focus', 'toggle', 'error', 'load'])
            one.dispatchEvent(new Event(name, {bubbles: false}));
}"""
FIELDS = """names => names.map(name => [
    document.querySelectorAll(`[id="${name}"]`).length,
    document.getElementById(name).matches('.nbgrader_cell .panel-heading input.score'),
    document.querySelectorAll(`[id="${name}-comment"]`).length,
    document.getElementById(`${name}-comment`).matches('.nbgrader_cell .panel-footer textarea'),
])"""
LOADED = "() => window.formgrader?.loaded && formgrader.grades.loaded && formgrader.comments.loaded"


@pytest.fixture(scope="session")
def readers():
    """The module with the attacks; its package is no part of this one."""
    spec = importlib.util.spec_from_file_location(
        "attacks_in_browser", ATTACKS / "__init__.py", submodule_search_locations=[str(ATTACKS)]
    )
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{spec.name}.submissions.readers")


def test_nothing_of_it_happens_in_formgrader(page, watched, server, mallory, graded_lab04):
    page.goto(server.url(f"formgrader/submissions/{mallory['mallory']}", index="0"))
    page.wait_for_function(LOADED)
    page.evaluate(POKED)
    assert_harmless(page, watched)
    assert page.evaluate(FIELDS, QUESTIONS) == [[1, True, 1, True]] * len(QUESTIONS)
    for address in watched.asked:
        parts = urlsplit(address)
        assert "path=" not in parts.query, address
        assert not parts.path.startswith("/formgrader/api/") or "submission_id=" in parts.query

    answer = page.locator(".nbgrader_cell", has=page.locator("#eq1"))
    page.locator("#eq1").fill("0")
    page.locator("#eq1").press("Tab")
    answer.locator(".score-saved").wait_for()
    with graded_lab04() as gradebook:
        scores = {
            name: gradebook.find_grade(name, "lab04", "lab04", "mallory").manual_score
            for name in QUESTIONS
        }
    assert scores == {**dict.fromkeys(QUESTIONS), "eq1": 0.0}


def test_an_attackers_page_asks_for_what_an_honest_page_asks_for(page, watched, server, mallory):
    asked = {}
    for student in ("ada", "mallory"):
        watched.elsewhere.clear()
        page.goto(server.url(f"formgrader/submissions/{mallory[student]}", index="0"))
        page.wait_for_function(LOADED)
        page.goto(feedback(server, student))
        page.wait_for_load_state("networkidle")
        asked[student] = set(watched.elsewhere)
    assert asked["mallory"] <= asked["ada"]


def test_nothing_of_it_happens_on_the_feedback_page(page, watched, server, mallory):
    page.goto(feedback(server, "mallory"))
    page.wait_for_load_state("networkidle")
    page.evaluate(POKED)
    assert_harmless(page, watched)


def test_nothing_of_it_happens_in_the_graded_notebook(lab, watched, mallory):
    lab.open("autograded/mallory/lab04/lab04.ipynb")
    lab.cell("eq1")
    assert_harmless(lab.page, watched, of_jupyter=True)


def test_without_the_cleaning_it_would_happen(page, watched, server, mallory, tmp_path):
    from nbconvert import HTMLExporter

    handed_in = server.root / "submitted" / "mallory" / "lab04" / "lab04.ipynb"
    text, _ = HTMLExporter(template_name="classic").from_filename(str(handed_in))
    (tmp_path / "plain.html").write_text(text, encoding="utf-8")
    page.goto((tmp_path / "plain.html").as_uri(), wait_until="commit")
    page.wait_for_function("() => document.documentElement.dataset.ran")


def feedback(server, student):
    return (server.root / "feedback" / student / "lab04" / "lab04.html").as_uri()


def assert_harmless(page, watched, of_jupyter=False):
    address = page.url
    for frame in page.frames:
        state = frame.evaluate(STATE)
        assert (state["ran"], state["handlers"], state["fixed"]) == (None, [], 0)
        assert state["title"] != "ran"
        assert state["tags"] == []
        assert set(state["links"]) <= {"http:", "https:", "mailto:", urlsplit(address).scheme + ":"}
    assert watched.dialogs == []
    if not of_jupyter:
        assert watched.sent == []
    assert len(page.context.pages) == 1


@pytest.fixture(scope="session")
def mallory(course, server, graded_lab04, readers):
    """Ids in formgrader of the graded notebooks, by student; feedback is written for all."""
    from .conftest import type_command

    notebook = json.loads((course.solutions / "lab04" / "lab04.ipynb").read_text("utf-8"))
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    texts = [text.replace("steepest", "eq1") for text in readers.MARKDOWN.values()]
    cells["eq1"]["source"] = "\n\n".join(texts)
    cells["eq1"]["attachments"] = readers.ATTACHMENTS
    extra = [(kind, text) for text in texts for kind in ("markdown", "raw")]
    extra += [("code", text) for text in (readers.DISPLAYS, *readers.OUTPUTS.values())]
    at = notebook["cells"].index(cells["question-eq1"])
    notebook["cells"][at:at] = [
        {"cell_type": kind, "id": f"own-{number}", "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for number, (kind, text) in enumerate(extra)
    ]
    folder = course.submitted / "mallory" / "lab04"
    folder.mkdir(parents=True)
    (folder / "lab04.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for name, content in readers.FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    type_command(course, "deltarule", "grade", "lab04")
    type_command(course, "nbgrader", "generate_feedback", "lab04", "--force")
    with graded_lab04() as gradebook:
        return {
            student: gradebook.find_submission_notebook("lab04", "lab04", student).id
            for student in ("ada", "mallory")
        }
