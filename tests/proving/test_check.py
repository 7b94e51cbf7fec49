"""``deltarule check`` on a toy: a good test passes, each kind of weak test is found out."""

import json

import pytest

from deltarule.config import Course
from deltarule.proving.check import run_check

from .conftest import FORWARD, LOSS_GRADIENT

GOOD = """
from deltarule import judging
judging.function(loss_gradient, lambda y, y_hat: 2 * (y_hat - y) / len(y), y="n", y_hat="n")
"""

WEAK = {
    "shape only": (
        LOSS_GRADIENT,
        "assert loss_gradient(torch.ones(3), torch.zeros(3)).shape == (3,)",
    ),
    "batch of one": (
        LOSS_GRADIENT,
        """
        y, y_hat = torch.tensor([0.25]), torch.tensor([0.75])
        assert torch.allclose(loss_gradient(y, y_hat), 2 * (y_hat - y))
        """,
    ),
    "compared with itself": (
        LOSS_GRADIENT,
        """
        y, y_hat = torch.rand(4), torch.rand(4)
        assert torch.equal(loss_gradient(y, y_hat), loss_gradient(y, y_hat))
        """,
    ),
    "one architecture": (
        FORWARD,
        """
        x, weight = torch.rand(4, 2), torch.rand(2, 3)
        assert torch.allclose(forward(x, [weight]), torch.tanh(x @ weight))
        """,
    ),
}
SURVIVING = {
    "shape only": "wrong-factor",
    "batch of one": "drop-operand",
    "compared with itself": "wrong-factor",
    "one architecture": "first-round-only",
}


def gate(report, name):
    (found,) = [one for one in report.gates if name in one.name]
    return found


def test_a_good_test_passes_every_gate(toy):
    report = run_check(toy(LOSS_GRADIENT, GOOD), "toy")
    assert [one.name for one in report.gates if not one.passed] == []
    counts = report.counts()
    assert counts["total"] == counts["killed"] + counts["equivalent"] > 20
    record = json.loads(json.dumps(report.as_json()))
    assert record["passed"] is True
    assert record["mutants"]["surviving"] == 0
    assert len(report.rows()) == len(report.gates)


@pytest.mark.parametrize("kind", WEAK)
def test_a_weak_test_fails_with_its_survivors_as_the_reason(toy, kind):
    report = run_check(toy(*WEAK[kind]), "toy")
    assert not report.passed
    found = gate(report, "survives unexplained")
    assert not found.passed
    assert SURVIVING[kind] in {one.mutant.operator for one in report.survivors}
    said = "\n".join(found.details)
    assert "\n-    " in said
    assert "\n+    " in said
    assert report.as_json()["mutants"]["surviving"] == len(report.survivors)


@pytest.mark.parametrize("kind", ["shape only", "compared with itself"])
def test_a_test_without_values_kills_nothing_quiet(toy, kind):
    report = run_check(toy(*WEAK[kind]), "toy")
    assert not gate(report, "kills a quiet mutant").passed


def test_a_survivor_with_a_reason_in_the_header_passes(toy):
    weak = run_check(toy(*WEAK["batch of one"]), "toy")
    lines = "".join(f"  '{one.mutant.id}': one sample is enough here\n" for one in weak.survivors)
    report = run_check(toy(*WEAK["batch of one"], header=f"survivors:\n{lines}"), "toy")
    assert report.passed
    assert report.counts()["explained"] == len(weak.survivors) > 0
    stale = "survivors:\n  'loss_gradient:drop-statement:000000': gone\n"
    report = run_check(toy(LOSS_GRADIENT, GOOD, header=stale), "toy")
    assert not gate(report, "survives unexplained").passed


def test_a_test_that_gives_points_for_nothing_is_found(toy):
    report = run_check(toy(LOSS_GRADIENT, "assert torch.ones(1)"), "toy")
    found = gate(report, "untouched")
    assert not found.passed
    assert "loss_gradient: 2 of 2 points" in found.details[0]


def test_a_wrong_solution_is_found(toy):
    wrong = GOOD.replace("len(y)", "len(y) ** 2")
    report = run_check(toy(LOSS_GRADIENT, wrong), "toy")
    assert not gate(report, "solution earns").passed


def test_a_name_of_a_demo_is_found(toy):
    demo = "```python\n#!TAG DEMO\nseen = 1\n```\n\n```python\nlater = [seen]\n```\n"
    report = run_check(toy(LOSS_GRADIENT, GOOD, more=demo), "toy")
    found = gate(report, "demo")
    assert not found.passed
    assert "reads 'seen'" in found.details[0]


def test_a_broken_given_cell_is_found_before_the_first_stub(toy):
    report = run_check(toy(LOSS_GRADIENT, GOOD, more="```python\n1 / 0\n```\n"), "toy")
    assert not gate(report, "first stub").passed
    assert not gate(report, "solution earns").passed


def test_limits_of_the_header_hold_for_the_solution(toy):
    course = toy(LOSS_GRADIENT, GOOD, header="limits:\n  memory_mb: 5\n")
    found = gate(run_check(course, "toy"), "limits")
    assert not found.passed
    assert found.details[0].startswith("memory_mb:")


def test_a_solution_that_is_given_away_is_found(toy):
    course = toy(LOSS_GRADIENT, GOOD)
    release = course.release / "toy"
    release.mkdir(parents=True)
    (release / "notes.txt").write_text("    return 2 * error / len(y)\n", encoding="utf-8")
    assert not gate(run_check(course, "toy"), "released").passed


def answers(course, kind, name, text, loses="none"):
    path = course.root / "tests" / kind / "toy" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'"""An answer."""\n# base: solution\n# loses: {loses}\n# %% loss_gradient\n{text}\n',
        encoding="utf-8",
    )


def test_a_right_variant_that_loses_points_is_found(toy):
    course = toy(LOSS_GRADIENT, GOOD)
    body = "def loss_gradient(y, y_hat):\n    return -(y - y_hat) * 2 / y.numel()"
    answers(course, "variants", "other_order", body)
    assert gate(run_check(course, "toy"), "variants").passed
    answers(course, "variants", "halved", body.replace("* 2", "* 1"))
    found = gate(run_check(course, "toy"), "variants")
    assert not found.passed
    assert "halved, seed" in "\n".join(found.details)


def test_a_verdict_that_depends_on_the_seed_is_found(toy):
    chance = """
    import os
    loss_gradient(torch.ones(2), torch.ones(2))
    2.0 * (int(os.environ["DELTARULE_SEED"]) % 2 == 0)
    """
    course = toy(LOSS_GRADIENT, chance)
    answers(course, "submissions", "anything", "def loss_gradient(y, y_hat):\n    return y")
    assert not gate(run_check(course, "toy"), "two seeds").passed


def test_a_label_that_says_something_else_is_found(toy):
    course = toy(LOSS_GRADIENT, GOOD)
    answers(course, "submissions", "wrong", "def loss_gradient(y, y_hat):\n    return y", "none")
    found = gate(run_check(course, "toy"), "two seeds")
    assert found.details == ("wrong: should keep its points in loss_gradient, gets 0",)


SLOPE = '''
def slope(x):
    """The slope of x squared."""
    #!TAG HWBEGIN
    return 2 * x
    #!TAG HWEND
'''

SLOPE_ANEW = '''
```python
#!TAG TEST first points=1
#!TAG SKIPQUESTEXEC
### BEGIN HIDDEN TESTS
from deltarule import judging
judging.function(slope, lambda x: 2 * x, x="n")
### END HIDDEN TESTS
```

```python
def slope(x, factor=1.0):
    """The slope of factor times x squared."""
    #!TAG HWBEGIN anew
    return 2 * factor * x
    #!TAG HWEND
```
'''


def test_a_function_that_is_defined_anew_is_compared_where_it_was_defined(toy):
    again = """
    from deltarule import judging
    judging.function(slope, lambda x, factor: 2 * factor * x, x="n", factor="")
    """
    report = run_check(toy(SLOPE, again, more=SLOPE_ANEW, points=3), "toy")
    assert gate(report, "quiet").details == ("2 tests",)
    assert gate(report, "survives").passed


@pytest.mark.slow
def test_lab_4_passes_every_gate(course_root):
    report = run_check(Course(course_root), "lab04")
    failed = {one.name: one.details for one in report.gates if not one.passed}
    assert failed == {}
    assert report.counts()["total"] > 300
    assert report.counts()["surviving"] == 0
