"""Annotations, read back as a GitHub runner reads them."""

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.grading import Result, TestResult
from deltarule.reporting.annotations import MOST, annotation_lines

LEVELS = {"error", "warning", "notice"}
DECODED = (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%"))


def commands(output):
    """What a runner takes for a command: ``::name key=value,…::data``, blanks before it or not.

    Its older form, ``##[name]``, is found anywhere in a line.
    """
    found = []
    for line in output.split("\n"):
        match = re.match(r"\s*::([^: ]+)(?: ([^:]*))?::(.*)", line)
        if match:
            name, properties, data = match.groups()
            pairs = dict(pair.split("=", 1) for pair in (properties or "").split(",") if pair)
            found.append((name, {k: decoded(v) for k, v in pairs.items()}, decoded(data)))
        elif "##[" in line:
            found.append(("old", {}, line))
    return found


def decoded(text):
    for code, character in DECODED:
        text = text.replace(code, character)
    return text


def test_a_test_that_did_not_pass_is_an_error_and_partial_credit_a_warning(result):
    found = commands("\n".join(annotation_lines("lab04", [result], "work/lab04.ipynb")))
    assert [(name, properties["title"]) for name, properties, _ in found] == [
        ("error", "get_loss: 0 of 1 points"),
        ("error", "train: 0 of 2.5 points"),
        ("warning", "backward: 1 of 4 points"),
        ("notice", "lab04"),
    ]
    assert {properties["file"] for _, properties, _ in found} == {"work/lab04.ipynb"}
    assert found[2][2].endswith("Where does its 1/N show up?")
    assert found[-1][2] == "3 of 9.5 automatic points"


def test_a_students_text_makes_no_command_of_its_own(hostile):
    lines = annotation_lines("lab04", [hostile], "a,b::error::x\n::error::y.ipynb")
    found = commands("\n".join(lines))
    assert len(found) == len(lines) == 4
    assert {name for name, _, _ in found} <= LEVELS
    assert {frozenset(properties) for _, properties, _ in found} == {frozenset(("file", "title"))}
    assert not any("\n" in line or "\r" in line or "\x1b" in line for line in lines)
    assert "100 %" in found[0][2]


@settings(deadline=None)
@given(st.text(), st.text())
def test_whatever_the_text_one_line_is_one_command(message, file):
    test = TestResult("n", "t", 1.0, 0.0, "failed", "grader", message=message)
    one = Result("a", "s", "none", 0, 0.0, {}, (test,))
    lines = annotation_lines("a", [one], file or None)
    found = commands("\n".join(lines))
    assert [name for name, _, _ in found] == ["error", "notice"]
    assert found[0][1]["title"] == "t: 0 of 1 points"


def test_the_reading_above_would_notice_an_unencoded_text():
    assert len(commands("::error title=x::a\n::warning::b")) == 2
    assert commands("text ##[add-mask]x")[0][0] == "old"


def test_github_shows_ten_of_a_level_so_the_tenth_names_the_rest(result):
    many = tuple(
        TestResult("n", f"t{number}", 1.0, 0.0, "failed", "grader") for number in range(MOST + 3)
    )
    lines = annotation_lines("lab04", [replace(result, tests=many)])
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == MOST
    assert errors[-1] == "::error title=4 more tests::t9, t10, t11, t12"


def test_a_class_is_one_notice(result):
    passed = replace(result, tests=result.tests[:1])
    assert annotation_lines("lab04", [result, passed]) == [
        "::notice title=lab04::2 submissions graded; 1 passed every automatic test"
    ]
