"""What a student has written is shown to an instructor, and does nothing.

The attacks are those of ``tests/attacks/submissions/readers.py``, in a notebook of lab 4 that
``deltarule grade`` has graded: script in Markdown, in raw cells, in outputs and attachments,
headings and fields called like nbgrader's own, forms, refreshes, pictures with a purpose.
"""

from __future__ import annotations

import io
from urllib.parse import urlsplit

import pytest

from deltarule.bridge.feedback import generate_feedback

from .conftest import MATHJAX_ADDRESS
from .lab import saved

pytestmark = pytest.mark.slow

QUESTIONS = [f"eq{number}" for number in range(1, 9)]
STATE = """() => {
    const shown = [...document.querySelectorAll(
        '#notebook-container .rendered_html, #notebook-container .output, .jp-MarkdownOutput,'
        + ' .jp-OutputArea-output')];
    const all = shown.flatMap(one => [...one.querySelectorAll('*')])
        .filter(e => !e.closest('[class*="MathJax"], [class*="MJX"], [class*="mjx"]')
            && !(e.localName === 'script' && e.type.startsWith('math/tex')));
    return {
        ran: document.documentElement.dataset.ran ?? null,
        title: document.title,
        handlers: all.flatMap(e => [...e.attributes]).map(a => a.name).filter(n => /^on/i.test(n)),
        links: [...document.querySelectorAll('#notebook-container [href], .jp-Notebook [href]')]
            .map(e => e.href),
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
def submission(graded_lab04):
    """The graded notebook's id in formgrader; its feedback is written, too."""
    generate_feedback(graded_lab04.course, "lab04")
    with graded_lab04() as gradebook:
        return gradebook.find_submission_notebook("lab04", "lab04", "mallory").id


def test_nothing_of_it_happens_in_formgrader(page, watched, server, submission, graded_lab04):
    page.goto(server.url(f"formgrader/submissions/{submission}", index="0"))
    page.wait_for_function(LOADED)
    page.evaluate(POKED)
    assert_harmless(page, watched)
    assert page.evaluate(FIELDS, QUESTIONS) == [[1, True, 1, True]] * len(QUESTIONS)
    for address in watched.asked:
        parts = urlsplit(address)
        assert "path=" not in parts.query, address
        assert not parts.path.startswith("/formgrader/api/") or "submission_id=" in parts.query

    page.locator("#eq1").fill("0")
    with saved(page, "grade"):
        page.locator("#eq1").press("Tab")
    with graded_lab04() as gradebook:
        scores = {
            name: gradebook.find_grade(name, "lab04", "lab04", "mallory").manual_score
            for name in QUESTIONS
        }
    assert scores == {**dict.fromkeys(QUESTIONS), "eq1": 0.0}


def test_nothing_of_it_happens_on_the_feedback_page(page, watched, server, submission):
    page.goto((server.root / "feedback/mallory/lab04/lab04.html").as_uri())
    page.wait_for_load_state("networkidle")
    page.evaluate(POKED)
    assert_harmless(page, watched)


def test_nothing_of_it_happens_in_the_graded_notebook(lab, watched, graded_lab04):
    lab.open("autograded/mallory/lab04/lab04.ipynb")
    lab.cell("eq1")
    assert_harmless(lab.page, watched, of_jupyter=True)


def test_without_the_cleaning_it_would_happen(page, server, graded_lab04, tmp_path):
    from nbconvert import HTMLExporter

    handed_in = server.root / "submitted" / "mallory" / "lab04" / "lab04.ipynb"
    plain = handed_in.read_text("utf-8").replace("attachment:", "missing:")
    text, _ = HTMLExporter(template_name="classic").from_file(io.StringIO(plain))
    (tmp_path / "plain.html").write_text(text, encoding="utf-8")
    page.goto((tmp_path / "plain.html").as_uri(), wait_until="commit")
    page.wait_for_function("() => document.documentElement.dataset.ran")


def assert_harmless(page, watched, of_jupyter=False):
    address = page.url
    for frame in page.frames:
        state = frame.evaluate(STATE)
        assert (state["ran"], state["handlers"], state["fixed"]) == (None, [], 0)
        assert state["title"] != "ran"
        assert state["tags"] == []
        for link in map(urlsplit, state["links"]):
            assert link.scheme in {"http", "https", "mailto", urlsplit(address).scheme}, link
            assert "formgrader" not in link.path or link.fragment, link
    assert [one for one in watched.elsewhere if not MATHJAX_ADDRESS.match(one)] == []
    assert watched.dialogs == []
    if not of_jupyter:
        assert watched.sent == []
    assert len(page.context.pages) == 1
