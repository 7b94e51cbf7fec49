"""The warm runner: what a cell does stays with the cell, and the others keep their results."""

import time

import numpy as np
import psutil
import pytest

from deltarule.exchange.subject import Program
from deltarule.grading.runner import CodeCell, Limits, Session, Submission, run_all, warm

SHORT = Limits(cell_seconds=1.0, test_seconds=1.0)
PASSES = "assert x == 1"


@pytest.fixture(scope="module", autouse=True)
def libraries():
    warm()


def run(*cells, limits=SHORT, **settings):
    made = tuple(
        CodeCell(f"cell{at}", cell) if isinstance(cell, str) else CodeCell(f"test{at}", *cell)
        for at, cell in enumerate(cells)
    )
    return next(run_all([Submission("s", made, limits=limits, **settings)], 1))


def test_a_test_that_raises_nothing_earns_its_points():
    outcome = run("x = 1", (PASSES, 3.0), ("assert x == 2, 'x is two'", 2.0))
    assert outcome.scores == {"test1": 3.0, "test2": 0.0}
    failed = outcome.tests[1]
    assert (failed.status, failed.verdict_in) == ("failed", "fork")
    assert failed.message == "AssertionError: x is two"


@pytest.mark.parametrize(
    ("ends_in", "score", "status"),
    [
        ("1.5", 1.5, "partial"),
        ("2", 2.0, "passed"),
        ("7", 2.0, "passed"),
        ("-1.0", 0.0, "failed"),
        ("float('nan')", 0.0, "error"),
        ("'full marks'", 0.0, "error"),
        ("True", 0.0, "error"),
        ("None", 2.0, "passed"),
    ],
)
def test_nothing_but_points_is_taken_for_points(ends_in, score, status):
    (test,) = run("x = 1", (ends_in, 2.0)).tests
    assert (test.score, test.status) == (score, status)


def test_a_verdict_brings_message_and_margin_along():
    source = (
        "from deltarule import judging\nfrom deltarule.judging import Sheet\n"
        "sheet = Sheet('f', points=2)\n"
        "judging.function(f, lambda a: 2 * a, a='n')\nsheet.score()"
    )
    (test,) = run("def f(a):\n    return 2 * a", (source, 2.0)).tests
    assert (test.score, test.message) == (2.0, "Right for every input.")
    assert test.margin > 1
    (test,) = run("def f(a):\n    return 3 * a", (source, 2.0)).tests
    assert test.score == 0.0
    assert test.margin < 1


def test_a_test_that_judges_nothing_is_the_authors_error():
    source = "from deltarule.judging import Sheet\nSheet('f', points=2).score()"
    (test,) = run((source, 2.0)).tests
    assert test.status == "error"
    assert "written wrongly" in test.message


def test_nothing_leaks_from_one_test_into_another():
    outcome = run(
        "x = [1]",
        ("x.append(2)\ny = 1", 1.0),
        ("assert x == [1]\nassert 'y' not in globals()", 1.0),
    )
    assert [test.status for test in outcome.tests] == ["passed", "passed"]


@pytest.mark.parametrize(
    ("killer", "said"),
    [
        ("while True: pass", "endless loop"),
        ("import os; os._exit(0)", "ended"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended"),
    ],
)
def test_a_test_that_takes_its_process_along_costs_itself_only(killer, said):
    outcome = run("x = 1", (PASSES, 1.0), (killer, 1.0), (PASSES, 1.0))
    assert [test.status for test in outcome.tests] == ["passed", "error", "passed"]
    assert said in outcome.tests[1].message


@pytest.mark.parametrize(
    ("killer", "said"), [("while True: pass", "endless loop"), ("import os; os._exit(0)", "ended")]
)
def test_the_last_test_is_watched_as_well(killer, said, monkeypatch):
    monkeypatch.setattr("deltarule.grading.runner.GRACE_SECONDS", 0.2)
    outcome = run("x = 1", (PASSES, 1.0), (killer, 1.0))
    assert [test.status for test in outcome.tests] == ["passed", "error"]
    assert said in outcome.tests[1].message


@pytest.mark.parametrize("killer", ["import os; os._exit(0)", "while True: pass"])
def test_a_cell_that_takes_its_process_along_is_left_out(killer, monkeypatch):
    monkeypatch.setattr("deltarule.grading.runner.GRACE_SECONDS", 0.2)
    outcome = run("x = 1", (PASSES, 1.0), killer, (PASSES, 1.0))
    assert [test.status for test in outcome.tests] == ["passed", "passed"]
    assert [cell.error for cell in outcome.cells] == ["", "Killed"]


def test_a_cell_that_raises_stops_nothing():
    outcome = run("x = 1", "1 / 0", "raise SystemExit", (PASSES, 1.0))
    assert [cell.error for cell in outcome.cells] == ["", "ZeroDivisionError", "SystemExit"]
    assert outcome.scores == {"test3": 1.0}


def test_noise_is_cut_short_and_never_a_failure():
    noisy = "import sys, os\nprint('a' * 10**6)\nsys.stderr.write('the end')\nos.write(1, b'{}\\n')"
    outcome = run(noisy, "x = 1", (f"{noisy}\n{PASSES}", 1.0))
    assert outcome.cells[0].output.endswith("the end")
    assert len(outcome.cells[0].output) <= 2000
    assert outcome.scores == {"test2": 1.0}


def test_cells_have_ipython_semantics():
    outcome = run(
        "%matplotlib inline\nx = 0",
        "async def one():\n    return 1\nx = await one()",
        "x",
        ("assert _ == 1\nassert get_ipython() is not None", 1.0),
        "import __main__\nassert __main__.x == 1",
    )
    assert [cell.error for cell in outcome.cells] == ["", "", "", ""]
    assert outcome.scores == {"test3": 1.0}


def test_warnings_of_the_caller_are_not_the_students():
    outcome = run("import warnings\nwarnings.warn('old')")
    assert outcome.cells[0].error == ""


def test_the_seed_is_seen_by_cells_and_judges():
    source = (
        "import random, numpy, torch\n"
        "x = (random.random(), float(torch.rand(1)), numpy.random.rand())"
    )
    values = [
        run(source, seed=seed, finish=lambda names: list(names["x"])).extra for seed in (1, 1, 2)
    ]
    assert values[0] == values[1] != values[2]


def test_stopping_early_leaves_the_rest_alone():
    outcome = run("x = 2", (PASSES, 1.0), ("1 / 0", 1.0), stop_early=True)
    assert [test.name for test in outcome.tests] == ["test1"]


def test_many_at_a_time_all_come_back_and_every_process_is_waited_for():
    submissions = [
        Submission(str(at), (CodeCell("c", f"x = {at}"),), finish=lambda names: names["x"])
        for at in range(7)
    ]
    before = set(psutil.Process().children())
    assert {run.key: run.extra for run in run_all(submissions, 3)} == {str(i): i for i in range(7)}
    assert set(psutil.Process().children()) <= before


def test_giving_up_ends_what_is_running():
    slow = [Submission(str(at), (CodeCell("c", "import time; time.sleep(60)"),)) for at in range(2)]
    fast = Submission("fast", (CodeCell("c", "pass"),))
    before = set(psutil.Process().children())
    began = time.monotonic()
    runs = run_all([slow[0], fast, slow[1]], 2)
    assert next(runs).key == "fast"
    runs.close()
    assert time.monotonic() - began < 20
    assert set(psutil.Process().children()) <= before


def test_a_session_is_a_subject():
    cells = (CodeCell("a", "def double(a):\n    return 2 * a"), CodeCell("b", "1 / 0"))
    with Session(Submission("s", cells)) as subject:
        program = Program()
        made = program.call(subject.reference("double"), program.tensor(np.ones(2), "float64"))
        program.read(made)
        outcome = subject.run(program)
    assert outcome.failure is None
    assert outcome.values[0].array.tolist() == [2.0, 2.0]
