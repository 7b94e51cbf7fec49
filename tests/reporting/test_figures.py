"""The numbers of the class report, against calculations of another kind."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from simulated_class import gathered

from deltarule.grading.results import Result, Stopped, TestResult
from deltarule.reporting.class_report.figures import discrimination, figures_of, percentile
from deltarule.reporting.gathered import Gathered, Person, Submission


def a_test(name, score, points=2.0, notebook="one", **more):
    status = "passed" if score == points else "partial" if score else "failed"
    return TestResult(notebook, name, points, score, status, "grader", **more)


def a_class(*submissions):
    """A class of students ``s0``, ``s1``, … with these tests each."""
    made = [
        Submission(Person(f"s{at}"), Result("line", f"s{at}", "none", 0, 0.1, {}, tuple(tests)))
        for at, tests in enumerate(submissions)
    ]
    return Gathered("line", tuple(made))


@pytest.fixture(scope="module")
def figures(everybody):
    return figures_of(gathered(everybody))


@pytest.fixture(scope="module")
def points(everybody):
    """Automatic points as an array: a row for each student, a column for each test."""
    return np.array([[test.score for test in one.result.automatic] for one in everybody])


def test_scores_are_those_of_numpy(figures, points):
    totals = points.sum(axis=1)
    assert figures.automatic.mean == pytest.approx(totals.mean())
    assert figures.automatic.median == np.median(totals)
    assert figures.automatic.full == np.count_nonzero(totals == 12)
    counts, _ = np.histogram(totals, bins=np.arange(14))
    assert list(figures.automatic.counts) == list(counts)
    assert sum(figures.automatic.counts) == len(totals)


def test_pass_rates_and_shares_are_those_of_numpy(figures, points):
    worth = np.array([test.points for test in figures.tests])
    assert [test.pass_rate for test in figures.tests] == pytest.approx(
        list((points == worth).mean(axis=0))
    )
    assert [test.mean_share for test in figures.tests] == pytest.approx(
        list(points.mean(axis=0) / worth)
    )


def test_discrimination_is_the_correlation_with_the_other_tests(figures, points):
    for at, test in enumerate(figures.tests):
        rest = np.delete(points, at, axis=1).sum(axis=1)
        expected = np.corrcoef(points[:, at], rest)[0, 1]
        assert test.discrimination == pytest.approx(expected), test.title
        # Together with itself a test would correlate better than it should.
        assert test.discrimination < np.corrcoef(points[:, at], points.sum(axis=1))[0, 1]


def test_times_are_those_of_numpy(figures, everybody):
    for at, test in enumerate(figures.tests):
        took = [one.result.automatic[at].duration_s for one in everybody]
        took = [seconds for seconds in took if seconds is not None]
        assert test.seconds == pytest.approx((np.median(took), np.percentile(took, 95)))


@pytest.mark.parametrize("per_cent", [0, 5, 50, 95, 100])
def test_percentiles_are_those_of_numpy(per_cent):
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0]
    assert percentile(values, per_cent) == pytest.approx(np.percentile(values, per_cent))


def test_misconceptions_count_each_student_once_for_each_name(figures, everybody):
    expected = Counter(
        name
        for one in everybody
        for name in {
            name
            for test in one.result.tests
            if test.diagnosis
            for name in test.diagnosis["name"].split("+")
        }
    )
    assert {row.name: len(row.everybody) for row in figures.misconceptions} == dict(expected)
    order = [len(row.everybody) for row in figures.misconceptions]
    assert order == sorted(order, reverse=True)
    assert order[0] > 10


def test_of_two_misconceptions_each_has_its_own_hint():
    one = {"name": "sum", "explanation": "Sums.", "hint": "Where is the mean?"}
    both = {
        "name": "sum+sign",
        "explanation": "Sums. Signs.",
        "hint": "Where is the mean? Which way is down?",
    }
    rows = figures_of(
        a_class([a_test("a", 0.0, diagnosis=both)], [a_test("a", 0.0, diagnosis=one)])
    ).misconceptions
    found = {row.name: (row.explanation, row.hint, row.everybody, row.joined) for row in rows}
    assert found == {
        "sum": ("Sums.", "Where is the mean?", ("s0", "s1"), 1),
        "sign": ("Signs.", "Which way is down?", ("s0",), 1),
    }


def test_who_passed_the_visible_checks_and_failed_is_named():
    figures = figures_of(
        a_class(
            [a_test("a", 0.0, visible_passed=True)],
            [a_test("a", 1.0, visible_passed=True)],
            [a_test("a", 2.0, visible_passed=True)],
            [a_test("a", 0.0, visible_passed=False)],
            [a_test("a", 0.0)],
        )
    )
    assert figures.tests[0].fooled == ("s0", "s1")
    assert figures.tests[0].seen == 3


def test_without_a_record_of_visible_checks_nothing_is_claimed():
    assert figures_of(a_class([a_test("a", 0.0)])).tests[0].seen is None


def test_messages_that_differ_in_numbers_only_are_one_reason():
    tests = [[a_test("a", 0.0, message=f"got {value}, expected 2")] for value in (1, 3.5, -2e-3)]
    tests.append([a_test("a", 0.0, message="not implemented")])
    reasons = figures_of(a_class(*tests)).tests[0].reasons
    assert reasons == (("got 1, expected 2", 3), ("not implemented", 1))


def test_the_same_test_name_in_two_notebooks_is_two_tests():
    tests = [a_test("error", 2.0, notebook="line"), a_test("error", 0.0, notebook="curve")]
    figures = figures_of(a_class(tests, tests))
    assert [test.title for test in figures.tests] == ["line/error", "curve/error"]
    assert [test.pass_rate for test in figures.tests] == [1.0, 0.0]


@pytest.mark.parametrize("score", [0.0, 2.0])
def test_where_all_are_alike_nothing_discriminates(score):
    figures = figures_of(a_class(*[[a_test("a", score), a_test("b", score)]] * 20))
    assert [test.discrimination for test in figures.tests] == [None, None]
    assert figures.automatic.median == 2 * score


def test_few_students_say_nothing_about_a_test():
    assert discrimination([0.0, 1.0] * 4, [0.0, 1.0] * 4) is None
    assert discrimination([0.0, 1.0] * 5, [0.0, 1.0] * 5) == pytest.approx(1.0)
    assert discrimination([0.0, 1.0] * 5, [1.0, 0.0] * 5) == pytest.approx(-1.0)


def test_one_student_is_a_class():
    figures = figures_of(a_class([a_test("a", 1.0)]))
    assert (figures.automatic.median, figures.automatic.counts) == (1.0, (0, 1, 0))


def test_an_assignment_without_tests_has_scores_of_nothing():
    written = TestResult("one", "essay", 5.0, None, "manual", "grader")
    figures = figures_of(a_class([written]))
    assert (figures.tests, figures.automatic.of, figures.waiting) == ((), 0, (1, 1))


def test_all_points_are_shown_only_when_every_answer_is_graded():
    def written(score):
        return TestResult("one", "essay", 5.0, score, "manual", "grader")

    partly = figures_of(
        a_class([a_test("a", 2.0), written(4.0)], [a_test("a", 0.0), written(None)])
    )
    assert (partly.total, partly.waiting) == (None, (1, 2))
    done = figures_of(a_class([a_test("a", 2.0), written(4.0)], [a_test("a", 0.0), written(0.0)]))
    assert done.total is not None
    assert (done.total.points, done.total.of) == ((0.0, 6.0), 7.0)


def test_many_points_share_columns_and_nobody_is_lost():
    submissions = [[a_test("a", float(score), points=99.0)] for score in range(100)]
    scores = figures_of(a_class(*submissions)).automatic
    assert len(scores.counts) <= 26
    assert sum(scores.counts) == 100
    assert set(scores.counts) == {4}


def test_extra_credit_beyond_all_points_has_a_column():
    gained = a_class([a_test("a", 2.0), TestResult("one", "w", 1.0, 1.0, "manual", "grader")])
    rich = replace(gained.submissions[0], extra_credit=4.0)
    figures = figures_of(replace(gained, submissions=(rich,)))
    assert figures.total is not None
    assert figures.total.points == (7.0,)
    assert figures.total.counts[-1] == 1


def test_limits_and_penalties_are_listed_with_their_student():
    stop = Stopped("one", "a", "time", "too slow")
    calm, slow = a_class([a_test("a", 2.0)], [a_test("a", 0.0)]).submissions
    slow = replace(slow, result=replace(slow.result, stopped=(stop,)), penalties={"one": 0.5})
    figures = figures_of(Gathered("line", (calm, slow)))
    assert figures.stopped == (("s1", stop),)
    assert figures.late == (("s1", 0.5),)
