"""Single results to report, and a whole class of them."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deltarule.grading import Result, TestResult

sys.path.insert(0, str(Path(__file__).parent))

import simulated_class

HOSTILE = (
    "</td></table><script>alert(1)</script><img src=x onerror=alert(1)> | a | b |\n"
    "# a heading\n::error title=x::fake\n::set-output name=a::b\n##[add-mask]x\n"
    "[click](javascript:alert(1)) ![i](https://evil.example/i.png) https://evil.example "
    "www.evil.example @ada #12 `code` *bold* _it_ ~~del~~ $x^2$ <!-- -- > &lt; "
    "\\| 100 % \x1b[31mred"
)


def judged(name, score, status, points=4.0, **more):
    return TestResult("lab04", name, points, score, status, "grader", cell=name, **more)


@pytest.fixture
def result():
    """One of each status, a diagnosis, and a written answer."""
    diagnosis = {
        "name": "missing-batch-mean",
        "explanation": "The gradients are those of the sum over the batch, not of its mean.",
        "hint": "The loss is a mean over the samples. Where does its 1/N show up?",
    }
    tests = (
        judged("forward", 2.0, "passed", 2.0),
        judged("backward", 1.0, "partial", message="6 of 6 values differ", diagnosis=diagnosis),
        judged("get_loss", 0.0, "failed", 1.0, message="not a scalar"),
        judged("train", 0.0, "error", 2.5, message="NameError: name 'x' is not defined"),
        judged("eq1", None, "manual", 1.0),
    )
    return Result("lab04", "ada", "namespaces", 7, 1.4, {"python": "3.11"}, tests)


@pytest.fixture
def hostile(result):
    """Everything that a student's code may have a hand in says what it should not."""
    tests = tuple(
        replace(test, message=HOSTILE) if test.status != "passed" else test for test in result.tests
    )
    return replace(result, student=HOSTILE.replace("/", "-")[:200], tests=tests, notes=(HOSTILE,))


@pytest.fixture(scope="session")
def everybody():
    """200 students of lab 4."""
    return simulated_class.simulate()


@pytest.fixture(scope="session")
def few_on_record(tmp_path_factory):
    """A course in which twelve of them are on record; tests must not change it."""
    students = simulated_class.simulate(12)
    place = tmp_path_factory.mktemp("course")
    return simulated_class.put_on_record(place, students), students


@pytest.fixture(scope="session")
def all_on_record(tmp_path_factory, everybody):
    """A course in which all 200 are on record; tests must not change it."""
    return simulated_class.put_on_record(tmp_path_factory.mktemp("large"), everybody)
