"""JUnit XML, which every CI system can show: one test case for each automatic test."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from deltarule.grading.results import Result, TestResult

__all__ = ["junit_xml"]

_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry."""


def junit_xml(results: list[Result]) -> str:
    """The results as a JUnit document; manual answers are not tests and are left out."""
    root = ElementTree.Element("testsuites")
    for result in results:
        tests = result.automatic
        counts = {
            "tests": len(tests),
            "failures": sum(test.status in ("failed", "partial") for test in tests),
            "errors": sum(test.status == "error" for test in tests),
            "skipped": sum(test.status == "skipped" for test in tests),
        }
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_clean(f"{result.assignment}: {result.student}"),
            time=f"{result.duration_s:.3f}",
        )
        for key, value in counts.items():
            suite.set(key, str(value))
        for test in tests:
            _add_case(suite, result, test)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ElementTree.Element, result: Result, test: TestResult) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_clean(f"{result.assignment}.{test.notebook}"),
        name=_clean(result.title(test)),
        time=f"{test.duration_s or 0:.3f}",
    )
    if test.status == "passed":
        return
    kind = {"error": "error", "skipped": "skipped"}.get(test.status, "failure")
    said = _clean(f"{test.score or 0:g} of {test.points:g} points. {test.advice}".strip())
    # Jenkins and GitHub's reporters show the attribute, GitLab the text.
    ElementTree.SubElement(case, kind, message=said).text = said


def _clean(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)
