"""Links of students': none leads an instructor into formgrader, which loads configurations."""

import html
import re

import pytest

from deltarule.bridge.markup import Cleaner, _rendered, is_harmless

FORMGRADER = "http://localhost:8888/formgrader?path=submitted/mallory/lab04"


@pytest.mark.parametrize(
    "text",
    [
        f"[my plot]({FORMGRADER})",
        f"[my plot]({FORMGRADER.replace('formgrader', 'FormGrader')})",
        f'<a href="{FORMGRADER}">my plot</a>',
        f"[my plot][1]\n\n[1]: {FORMGRADER}",
        f"<{FORMGRADER}>",
        "[my plot](//localhost:8888/formgrader)",
    ],
)
def test_no_link_leads_into_formgrader(text):
    assert "href" not in _rendered(Cleaner().markdown(text), {}).replace("&lt;a href", "")


@pytest.mark.parametrize(
    "text",
    [
        rf"$\href{{{FORMGRADER}}}{{y}}$",
        r"$\newcommand{\x}[1]{\href{http://localhost/form#1}{y}} \x{grader}$",
        "<b>&#36;&#92;href{http://localhost/formgrader}{y}&dollar;</b>",
        "&dollar;&bsol;href{http://localhost/formgrader}{y}&dollar;",
        "a\n\n&#36;\\hr&#101;f{http://localhost/formgrader}{y}$",
        "&#36;\\hr<!-- -->ef{http://localhost/formgrader}{y}$",
        "![](attachment:none.png) &#36;\\href{http://localhost/formgrader}{y}$",
    ],
)
def test_a_link_in_a_formula_is_shown_as_it_was_written(text):
    cleaned = Cleaner().markdown(text)
    assert cleaned.startswith("<div><pre>")
    assert is_harmless(cleaned)


@pytest.mark.parametrize("kind", ["text/html", "text/latex", "text/markdown"])
@pytest.mark.parametrize(
    "text", [rf"$\href{{{FORMGRADER}}}{{y}}$", rf"<u>$\hr<x>ef</x>{{{FORMGRADER}}}{{y}}$</u>"]
)
def test_no_output_brings_a_link_in_a_formula(kind, text):
    output = {"output_type": "display_data", "metadata": {}, "data": {kind: text}}
    (shown,) = Cleaner().outputs([output])
    left = html.unescape(shown["data"].get(kind, ""))
    assert "\\href" not in re.sub(r"<pre>.*</pre>", "", left)
