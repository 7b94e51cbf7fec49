"""JUnit XML: what parsers need, and texts that no XML can carry."""

from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.grading import Result, TestResult
from deltarule.reporting.junit import junit_xml


def test_a_failure_says_the_same_to_those_who_read_the_text_and_the_attribute(result):
    failure = ElementTree.fromstring(junit_xml([result])).find(".//testcase[@name='backward']/*")
    assert failure.tag == "failure"
    assert failure.text == failure.get("message")
    assert failure.text.startswith("1 of 4 points. 6 of 6 values differ")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_gives_a_document_that_can_be_read(message):
    test = TestResult("n", "t", 1.0, 0.0, "error", "grader", message=message)
    xml = junit_xml([Result("a", message or "s", "none", 0, 0.0, {}, (test,))])
    suite = ElementTree.fromstring(xml.encode("utf-8")).find("testsuite")
    assert suite.get("errors") == "1"


def test_control_characters_are_replaced_and_markup_is_escaped(hostile):
    tests = (replace(hostile.tests[1], message="\x00\x08\x1b[31m<a>&\ufffe\ud800 ]]>"),)
    failure = ElementTree.fromstring(junit_xml([replace(hostile, tests=tests)])).find(".//failure")
    assert "\ufffd\ufffd\ufffd[31m<a>&\ufffd\ufffd ]]>" in failure.text
