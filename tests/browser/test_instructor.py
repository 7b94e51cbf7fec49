"""An instructor grades a written answer by its mark scheme, and looks at what a student gets."""

from __future__ import annotations

import pytest

from .lab import saved
from .screenshots import take

pytestmark = pytest.mark.slow

COMMENT = "Right, but say where the chain rule comes in."
HINT = "Where does its 1/N show up when you differentiate?"
MESSAGE = "The weight gradient of layer 1 is"
SECRETS = ("judging.network", "BEGIN HIDDEN", "MARK SCHEME", "starts from the definition of")
"""From the hidden tests, and from the mark scheme of the first question."""


@pytest.fixture(scope="module")
def submission(graded_lab04):
    """The graded submission of ben, whose gradients miss the mean."""
    with graded_lab04() as gradebook:
        return gradebook.find_submission_notebook("lab04", "lab04", "ben").id


def test_a_written_answer_is_graded_by_its_mark_scheme(lab, graded_lab04, submission):
    lab.visit()
    lab.choose("Nbgrader", "Formgrader")
    formgrader = lab.page.frame_locator("iframe")
    formgrader.get_by_role("link", name="Manual Grading").click()
    formgrader.locator("#main-table").get_by_role("link", name="lab04").click()
    formgrader.locator("#main-table").get_by_role("link", name="lab04").click()
    formgrader.locator(f'#main-table a.name-hidden[href$="/{submission}"]').click()

    question = formgrader.locator(".text_cell_render", has_text="the delta of an output unit")
    assert "Typical errors: " in question.inner_text()
    score, comment = formgrader.locator("#eq1"), formgrader.locator("#eq1-comment")
    # Until the page has fetched what is on record, it stores nothing that is filled in.
    formgrader.locator("#eq1.needs_manual_grade").wait_for()
    formgrader.locator("#eq1-comment[placeholder^='Type any comments']").wait_for()
    score.fill("0.5")
    with saved(lab.page, "grade"):
        score.press("Tab")
    comment.fill(COMMENT)
    with saved(lab.page, "comment"):
        comment.blur()

    question.get_by_text("BEGIN MARK SCHEME").evaluate(
        "heading => { heading.scrollIntoView(); window.scrollBy(0, -120); }"
    )
    take(lab.page, "formgrader", {"x": 286, "y": 60, "width": 960, "height": 810})

    with graded_lab04() as gradebook:
        grade = gradebook.find_grade("eq1", "lab04", "lab04", "ben")
        assert (grade.manual_score, grade.needs_manual_grade) == (0.5, False)
        said = gradebook.find_comment("eq1", "lab04", "lab04", "ben")
        assert said.manual_comment == COMMENT
        assert gradebook.find_grade("eq1", "lab04", "lab04", "ada").manual_score is None


def test_feedback_holds_message_hint_and_comment_and_nothing_secret(page, server, graded_lab04):
    with graded_lab04() as gradebook:
        gradebook.find_comment("eq2", "lab04", "lab04", "ben").manual_comment = COMMENT
        gradebook.db.commit()
    page.goto(server.url("formgrader/manage_assignments"))
    row = page.locator("#main-table tr", has=page.get_by_role("link", name="lab04", exact=True))
    row.locator(".generate-feedback a").click()
    page.get_by_text("Successfully generated feedback of 'lab04'.").wait_for()

    page.goto((graded_lab04.course.root / "feedback/ben/lab04/lab04.html").as_uri())
    for text in (MESSAGE, HINT, COMMENT, "NeuralNetwork"):
        assert page.get_by_text(text).first.is_visible(), text
    hint = page.get_by_text(HINT).first
    assert hint.evaluate("hint => hint.scrollWidth <= hint.clientWidth"), "it needs scrolling"
    hint.evaluate("hint => hint.scrollIntoView({block: 'center'})")
    take(page, "feedback", {"x": 100, "y": 170, "width": 1080, "height": 420})
    whole = page.content()
    for secret in SECRETS:
        assert secret not in whole, secret
