"""A test that is judged on the trusted side ends as it would in the student's kernel."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deltarule.grading.remote import bench as benches
from deltarule.grading.remote import link
from deltarule.grading.remote.bench import Cell

HERE = Path(__file__).parent
NET = (HERE / "net.txt").read_text(encoding="utf-8")


def cases(name):
    """Student's code, test, and what the result is to say; ``(net)`` stands for a network."""
    text = (HERE / name).read_text(encoding="utf-8")
    for case in re.split(r"^## student\n", text, flags=re.M)[1:]:
        student, _, rest = case.partition("## test\n")
        test, _, says = rest.partition("## says\n")
        yield student.replace("(net)", NET), test.strip(), says.strip()


@pytest.mark.parametrize(("student", "test", "_"), list(cases("passes.txt")))
def test_what_passes_in_a_kernel_passes_here(student, test, _, judged):
    result = judged(student, test)
    assert (result.status, result.message) == ("passed", "")
    assert result.score == 2.0


@pytest.mark.parametrize(("student", "test", "_"), list(cases("passes.txt")))
def test_the_same_cells_pass_in_a_kernel(student, test, _, in_kernel):
    in_kernel(student, test)


@pytest.mark.parametrize(("student", "test", "says"), list(cases("fails.txt")))
def test_what_fails_says_why(student, test, says, judged):
    waits = "more than" in says  # for its limit; the others need none so short
    result = judged(student, test, seconds=1.5 if waits else 60.0)
    assert result.score == 0
    assert says in result.message, result


def test_a_last_value_is_a_number_of_points(judged):
    student = "def f():\n    return 1.5\ndef g():\n    return 'x'"
    assert judged(student, "f()").score == 1.5
    assert judged(student, "f() * 0").status == "failed"
    assert judged(student, "f() * 2").score == 2.0
    assert judged(student, "g()").score == 2.0
    assert judged(student, "f() - 2.0").score == 2.0  # as nbgrader takes it
    assert judged(student, "float('nan')").score == 0


def test_a_test_finds_the_variable_that_nbgrader_sets(judged):
    test = "import os\nassert os.getenv('NBGRADER_EXECUTION') == 'autograde' and x == 1"
    assert judged("x = 1", test).status == "passed"


def test_later_tests_see_what_earlier_ones_have_bound(bench, forked):
    with forked("x = 1") as pipe:
        assert (
            bench.judge(Cell("nb", "a", "def helper(v):\n    return v + x", 1.0), pipe).score == 1
        )
    with forked("x = 5") as pipe:
        assert bench.judge(Cell("nb", "b", "assert helper(1) == 6", 1.0), pipe).score == 1


def test_a_test_that_is_over_time_fails_whatever_it_has_caught(judged, monkeypatch):
    monkeypatch.setattr(benches, "GRACE_SECONDS", 0.1)
    caught = "try:\n    while f():\n        pass\nexcept BaseException:\n    pass"
    test = f"value = f()\n{caught.replace('f()', 'value')}"
    result = judged("def f():\n    return 1", test, seconds=0.3)
    assert (result.score, result.status, result.message) == (0.0, "error", benches.TOO_LONG)


def test_a_process_that_has_judged_can_be_profiled():
    """In Python 3.11, an exception for a thread that is taken back unasked hangs every tracer."""
    program = (
        "import cProfile\n"
        "from deltarule.grading.remote.limits import limited\n"
        "with limited(60.0, KeyboardInterrupt):\n    pass\n"
        "cProfile.run('sum(map(abs, range(9)))', sort='time')\n"
    )
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True, capture_output=True)


def test_a_limit_of_ours_is_not_called_the_students_error(judged, monkeypatch):
    long = judged("def f():\n    return [0.5] * 900_000", "assert f()")
    assert long.score == 0
    assert "a limit of the grading" in long.message
    monkeypatch.setattr(link, "MOST_TRIPS", 5)
    result = judged("def f(g):\n    return [g(1) for _ in range(9)]", "f(lambda x: x)")
    assert (result.score, "a limit of the grading" in result.message) == (0.0, True)
