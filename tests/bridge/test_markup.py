"""What is recorded of a student's text and outputs: harmless as it was, or made so."""

import json
import time
from pathlib import Path

import pytest

from deltarule.bridge.markup import Cleaner, _rendered, is_harmless
from deltarule.bridge.shown_code import shown_code
from deltarule.grading.paper import PaperCell
from deltarule.grading.recorded import _shown_source

ROOT = Path(__file__).parents[2]

HARMLESS = [
    "At zero: its slope is $y (1 - y)$, and *that* is `largest`.",
    "# My answer\n\n- one\n- two\n\n> because\n\n1. first\n",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "[a book](https://example.org/book) and ![](plot.png)",
    "$$\\frac{\\partial L}{\\partial W} = \\sum_i \\delta_i$$",
    "```python\nif x < 3 and y > 4:\n    print('<b>')\n```",
    "a < b and c > d",
    'H<sub>2</sub>O, <b>bold</b>, <span style="color: red">red</span>',
    "- [ ] to do\n- [x] done",
    "![](data:image/png;base64,iVBORw0KGgo=)",
]
HARMFUL = {
    "script": "<script>x()</script>",
    "handler": '<img src="x.png" onerror="x()">',
    "link": "[click](javascript:x())",
    "link in disguise": "[click](java&#115;cript:x())",
    "frame": "<iframe srcdoc='<script>x()</script>'></iframe>",
    "form": "<form action=/formgrader/api method=post><button>x</button></form>",
    "own field": '<input id="double" value="2">',
    "heading like a field": "# double",
    "server's own address": "![](/formgrader?path=x)",
    "overlay": '<div style="position:fixed;top:0">x</div>',
    "unfinished": '<img src="x" onerror="x()" <b>\n\n<details><a href="',
    "comment": "<!--><script>x()</script>-->",
    "base": '<base href="//x"><meta http-equiv="refresh" content="0;url=//x">',
    "style": "<style>body {display: none}</style>",
    "mermaid": "```mermaid\n</pre><script>x()</script>\n```",
}


@pytest.mark.parametrize("source", HARMLESS)
def test_a_harmless_answer_is_recorded_as_it_was(source):
    assert Cleaner(["double"]).markdown(source) == source


@pytest.mark.parametrize("source", HARMFUL.values(), ids=HARMFUL)
def test_a_harmful_answer_is_recorded_as_something_harmless(source):
    cleaner = Cleaner(["double"])
    made = cleaner.markdown(f"before\n\n{source}\n\nafter")
    assert made != f"before\n\n{source}\n\nafter"
    shown = _rendered(made, {})
    assert is_harmless(shown, cleaner.reserved)
    assert "before" in shown
    assert "after" in shown or "<!--" in source or source.endswith('="')
    assert not is_harmless(_rendered(source, {}), cleaner.reserved)


@pytest.mark.parametrize("html", ["<script>x()</script>", '<b onclick="x()">y</b>', "<xmp><b>"])
def test_an_output_s_html_keeps_what_can_be_read(html):
    data = {"text/html": f"<p>kept</p>{html}", "application/javascript": "x()"}
    (made,) = Cleaner().outputs([{"output_type": "display_data", "data": data, "metadata": {}}])
    assert "kept" in made["data"]["text/html"]
    assert is_harmless(made["data"]["text/html"])
    assert "application/javascript" not in made["data"]


def test_an_output_of_unknown_kinds_only_says_so():
    data = {"application/javascript": "x()"}
    (made,) = Cleaner().outputs([{"output_type": "display_data", "data": data, "metadata": {}}])
    assert made["data"] == {
        "text/plain": "[an output that is not shown here: application/javascript]"
    }


def test_a_picture_s_size_is_a_number():
    told = {"image/png": {"width": "1 onerror=x()", "height": 20}}
    data = {"image/png": "iVBORw0KGgo="}
    (made,) = Cleaner().outputs([{"output_type": "display_data", "data": data, "metadata": told}])
    assert made["metadata"] == {"image/png": {"height": 20}}


@pytest.mark.parametrize("text", ["[" * 30_000, "*a " * 15_000, "<" * 30_000, "$`" * 20_000])
def test_a_text_that_stalls_renderers_is_not_rendered(text, monkeypatch):
    def never(*_):
        raise AssertionError("it was rendered")

    monkeypatch.setattr("deltarule.bridge.markup._rendered", never)
    assert Cleaner().markdown(text).startswith("<div>")


BLANKS = " " * 100_000
STALLING = {
    "style": f'<b style="color:{BLANKS}!">x</b>',
    "style's names": f'<b style="border{"-a" * 50_000}!">x</b>',
    "comments": "<!--a-" * 50_000 + ">",
    "tag": f"<b{BLANKS}!",
    "long number": f"<b title='&#{'1' * 100_000};'>x &#{'1' * 100_000};</b>",
}


@pytest.mark.parametrize("markup", STALLING.values(), ids=STALLING)
def test_html_that_stalls_patterns_takes_no_time(markup, monkeypatch):
    monkeypatch.setattr("deltarule.bridge.markup.LONGEST_STYLE", 10**6)
    began = time.process_time()
    Cleaner().raw(markup)
    data = {"text/html": markup}
    Cleaner().outputs([{"output_type": "display_data", "data": data, "metadata": {}}])
    assert time.process_time() - began < 2.0


def test_a_style_is_short():
    assert is_harmless(f'<b style="{"color: red;" * 50}">x</b>')
    assert not is_harmless(f'<b style="{"color: red;" * 200}">x</b>')


def test_a_number_of_many_digits_hides_no_name():
    assert not is_harmless(f'<b id="&#{"0" * 5000}100;ouble">x</b>', ["double"])


def test_without_seconds_left_nothing_is_looked_at(monkeypatch):
    def never(*_):
        raise AssertionError("it was looked at")

    monkeypatch.setattr("deltarule.bridge.markup.is_harmless", never)
    monkeypatch.setattr("deltarule.bridge.markup._links_in_formulas", never)
    cleaner = Cleaner()
    cleaner.seconds = 0.0
    assert cleaner.raw("<b>x</b>").startswith("<div><pre>&lt;b&gt;")
    data = {"text/html": "<b>x</b>", "text/plain": "x"}
    (made,) = cleaner.outputs([{"output_type": "display_data", "data": data, "metadata": {}}])
    assert made["data"] == {"text/plain": "x"}


def test_a_large_table_is_shown_as_it_is():
    table = "<table>" + "<tr><td>1.25</td></tr>" * 20_000 + "</table>"
    data = {"text/html": table}
    (made,) = Cleaner().outputs([{"output_type": "display_data", "data": data, "metadata": {}}])
    assert made["data"] == data


def test_code_is_shown_as_it_was_written():
    code = "def f(x):\n    y = 1   \n   \n\n    return f'{x:>10}'\n" * 2_000
    assert shown_code(code) == code


def test_very_many_blanks_of_code_are_left_out_and_no_line():
    assert shown_code("a\n" + "\n   " * 10_000 + "x = 1") == "a\n" + "\n" * 10_000 + "   x = 1"
    assert shown_code("a" + "\n\x0b" * 1000 + "b") == "a" + "\n" * 1000 + "\x0bb"
    assert len(shown_code("case" + " " * 50_000 + "!")) < 300
    assert len(shown_code('"%' + "0" * 50_000)) < 300


def test_a_recorded_code_cell_has_no_blanks_without_an_end():
    stalling = "\n   " * 10_000 + "x = 1"
    made = _shown_source(PaperCell("code", "a", stalling, stalling, None), Cleaner())
    assert made == "\n" * 10_000 + "   x = 1"


def test_of_too_much_code_the_rest_is_left_out():
    assert shown_code("x = 1\n" * 50_000).endswith("[left out: what comes after 100000 characters]")
    assert len(shown_code("[" * 90_000)) < 11_000


def test_the_course_s_own_answers_are_harmless():
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        names = [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in cells]
        cleaner = Cleaner([name for name in names if name])
        for cell in cells:
            settings = cell["metadata"].get("nbgrader", {})
            if cell["cell_type"] == "markdown" and settings.get("solution"):
                source = "".join(cell["source"])
                assert cleaner.markdown(source) == source
