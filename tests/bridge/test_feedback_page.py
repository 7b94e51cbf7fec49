"""What a student reads: each test with its verdict, and nothing that is secret."""

import re

import nbformat
import pytest
from nbgrader.api import Gradebook

from deltarule.bridge.configuration import FEEDBACK
from deltarule.bridge.feedback import generate_feedback
from deltarule.bridge.feedback_page import VERDICT_MIME, ShowVerdicts
from deltarule.bridge.gradebook import GradebookWriter, Record
from deltarule.bridge.leaks import feedback_leaks
from deltarule.bridge.release import course_directory

HOSTILE = "<script>alert(1)</script>"


def test_the_verdicts_type_is_the_one_that_judging_writes():
    from deltarule.judging import verdicts

    assert verdicts.VERDICT_MIME == VERDICT_MIME


def test_secrets_go_before_verdicts_are_read():
    names = [name.rsplit(".", 1)[-1] for name in FEEDBACK]
    assert names.index("HideSecrets") < names.index("ShowVerdicts")


def a_test_cell(*outputs, **metadata):
    settings = {"grade": True, "solution": False, "task": False, "grade_id": "t", "state": "none"}
    cell = nbformat.v4.new_code_cell("assert True", outputs=list(outputs))
    cell.metadata = nbformat.from_dict({"nbgrader": settings, **metadata})
    return cell


def shown(cell):
    ShowVerdicts().preprocess_cell(cell, {}, 0)
    return cell.metadata.nbgrader["verdict"]


def an_error(name="AssertionError", text="no"):
    return nbformat.v4.new_output("error", ename=name, evalue=text, traceback=[text])


def test_message_explanation_and_hint_are_told_apart():
    told = {"message": "wrong", "diagnosis": {"explanation": "You sum.", "hint": "Mean?"}}
    cell = a_test_cell(an_error(text="wrong You sum. Mean?"), deltarule={"verdict": told})
    assert shown(cell) == {
        "message": "wrong",
        "short": "You sum.",
        "explanation": "You sum.",
        "hint": "Mean?",
    }
    assert cell.outputs == []


def test_a_verdict_that_nbgraders_own_run_left_is_read_from_its_value():
    value = nbformat.v4.new_output(
        "execute_result", data={VERDICT_MIME: {"message": "half"}, "text/plain": "1.0"}
    )
    assert shown(a_test_cell(value))["message"] == "half"


def test_without_any_verdict_the_error_is_the_message():
    assert shown(a_test_cell(an_error()))["message"] == "no"
    assert shown(a_test_cell(an_error("TypeError", "x")))["message"] == "TypeError: x"
    assert shown(a_test_cell())["message"] == ""


def test_what_a_test_printed_stays():
    printed = nbformat.v4.new_output("stream", name="stdout", text="loss 0.1\n")
    cell = a_test_cell(printed, an_error())
    shown(cell)
    assert cell.outputs == [printed]


@pytest.mark.parametrize("told", [3, "x", None, {"diagnosis": [1]}, {"message": None}])
def test_an_odd_verdict_is_no_verdict_and_no_error(told):
    assert shown(a_test_cell(deltarule={"verdict": told}))["hint"] == ""


@pytest.mark.slow
def test_the_page_has_a_table_with_links_and_escapes_what_students_caused(released):
    toy = released
    toy.hand_in("ann", "def double(number):\n    return 0")
    coursedir, config = course_directory(toy.course, "toy")
    notebook = nbformat.read(toy.course.release / "toy" / "toy.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.id == "double":
            cell.source = toy.cell("build/source/toy/toy.ipynb", "double").source
            told = {"message": HOSTILE, "diagnosis": {"explanation": HOSTILE, "hint": HOSTILE}}
            cell.metadata["deltarule"] = {"verdict": told}
        if cell.id == "why":
            cell.source = "Because."
    url = f"sqlite:///{toy.course.gradebook}"
    with GradebookWriter(coursedir, config, "toy", url, toy.root / "autograded") as writer:
        scores = {("toy", "double"): 0.0, ("toy", "why"): None}
        writer.record(Record("ann", {"toy": notebook}, scores, None, None))
    generate_feedback(toy.course, "toy")
    page = (toy.root / "feedback/ann/toy/toy.html").read_text(encoding="utf-8")
    assert "toy: 0 of 5 points, 1 answer is not graded yet" in page
    assert 'href="#double"' in page
    assert 'name="double"' in page
    assert "a person will grade this" in page
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    assert feedback_leaks(toy.course, "toy", "ann") == []
    with Gradebook(url) as book:
        grade = book.find_grade("why", "toy", "toy", "ann")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        book.db.commit()
    generate_feedback(toy.course, "toy")
    page = (toy.root / "feedback/ann/toy/toy.html").read_text(encoding="utf-8")
    assert re.search(r"toy: 2 of 5 points\s*</h4>", page)
    assert "a person will grade this" not in page
