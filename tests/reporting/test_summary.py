"""The summary in Markdown, rendered to see what is left of a text that wants to be more."""

from dataclasses import replace
from html.parser import HTMLParser

import pypandoc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deltarule.grading.messages import plain_message
from deltarule.reporting.summary import class_summary, literal, summary

GITHUB = "gfm+autolink_bare_uris+tex_math_dollars+emoji"


class Page(HTMLParser):
    """The tags of a page, the text of each, and all attributes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.attributes = [], {}, set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        if data.strip():
            self.texts.setdefault(self.tags[-1] if self.tags else "", []).append(data)


def rendered(markdown):
    return Page(pypandoc.convert_text(markdown, "html", format=GITHUB, extra_args=["--wrap=none"]))


ALLOWED = {"h2", "table", "thead", "tbody", "tr", "th", "td", "p", "strong", "em", "blockquote"}
ALLOWED |= {"colgroup", "col"}


def test_a_summary_tells_points_messages_and_hints(result):
    page = rendered(summary(result))
    assert page.texts["h2"] == ["lab04: 3 of 9.5 points"]
    cells = page.texts["td"]
    assert cells[:3] == ["forward", "2 / 2", "✅ passed"]
    assert cells[3:6] == ["backward", "1 / 4", "🟨 partial"]
    assert "get_loss" in cells
    assert page.texts["strong"][:1] == ["backward"]
    assert page.texts["em"] == ["The loss is a mean over the samples. Where does its 1/N show up?"]
    assert "Graded by hand: eq1." in summary(result)


def test_tests_with_the_same_message_are_told_together(result):
    said = "this part is not implemented yet"
    tests = tuple(replace(test, message=said, diagnosis=None) for test in result.tests)
    text = summary(replace(result, tests=tests))
    assert text.count(said) == 1
    assert f"**backward**, **get_loss**, **train**: {said}" in text


def test_a_students_text_stays_text(result, hostile):
    honest, page = rendered(summary(result)), rendered(summary(hostile))
    assert set(page.tags) <= ALLOWED
    assert page.tags.count("td") == honest.tags.count("td")
    assert page.tags.count("h2") == 1
    assert page.tags.count("em") == 1
    assert not {"href", "src", "onerror"} & page.attributes
    shown = " ".join(text for texts in page.texts.values() for text in texts)
    assert "<script>alert(1)</script>" in shown
    assert "[click](javascript:alert(1))" in shown
    assert "@\u200bada" in shown


def test_a_class_has_a_row_for_each_student_whatever_the_name(result, hostile):
    page = rendered(class_summary("lab04", [result, hostile]))
    assert set(page.tags) <= ALLOWED
    assert page.tags.count("tr") == 3
    assert page.texts["td"][:3] == ["ada", "3 / 9.5", "backward, get_loss, train"]


MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@settings(deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from("`*_[]()<>!|~#&\\:@$-+=.\n")))
def test_every_text_comes_out_as_it_went_in(text):
    page = Page(MARKDOWN.render(f"x {literal(text)} x"))
    assert page.tags == ["p"]
    shown = "".join(page.texts["p"]).replace("\u200b", "")
    meant = f"x {' '.join(plain_message(text).split())} x"
    assert " ".join(shown.split()) == " ".join(meant.replace("\u200b", "").split())


def test_the_rendering_above_would_notice_markup():
    assert "a" in rendered("https://evil.example").tags
    assert "em" in Page(MARKDOWN.render("x *a* x")).tags


@pytest.mark.parametrize("tests", [40, 200])
def test_a_summary_fits_into_a_comment(hostile, tests):
    many = tuple(
        replace(hostile.tests[1], name=f"t{number}", message="[" * 2000 + str(number))
        for number in range(tests)
    )
    text = summary(replace(hostile, tests=many))
    assert "more messages stand in the result itself" in text
    assert len(text) < 65_536
