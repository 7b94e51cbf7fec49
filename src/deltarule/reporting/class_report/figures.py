"""The numbers of a class report. What each means, and what it cannot say, is in docs/report.md.

Everything here is a pure function of what :func:`~deltarule.reporting.gathered.gather` has read.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deltarule.grading.results import Stopped, TestResult
from deltarule.reporting.gathered import Gathered, Submission

__all__ = [
    "Figures",
    "HeatRow",
    "Scores",
    "TestFigures",
    "discrimination",
    "figures_of",
    "percentile",
]

STATUSES = ("passed", "partial", "failed", "error")

FEWEST_FOR_DISCRIMINATION = 10
"""Below so many submissions a correlation says nothing: its standard error is about 1/√n."""

MOST_BINS = 26
"""Columns of the distribution: one for each whole point where the assignment gives up to 25."""

MOST_REASONS = 3

LATE_PERCENTILE = 95.0

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")

TestKey = tuple[str, str]
"""Notebook and name: what makes a test unique."""


@dataclass(frozen=True)
class Scores:
    """The distribution of points.

    Attributes:
        of: the most that can be had.
        points: each student's, sorted.
        edges: of the bins; bin ``i`` counts from ``edges[i]`` up to, not including, the next, and
            the last bin counts the full score too.
        counts: students in each bin.
    """

    of: float
    points: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def median(self) -> float:
        """Half of the class has this much or more."""
        return statistics.median(self.points)

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return statistics.fmean(self.points)

    @property
    def full(self) -> int:
        """Students with every point."""
        return sum(points >= self.of for points in self.points)


@dataclass(frozen=True)
class TestFigures:
    """One automatic test over the class.

    Attributes:
        notebook, name: unique together.
        title: the name; with its notebook where the assignment has several.
        points: what the test is worth.
        statuses: number of submissions by status.
        mean_share: mean of the points earned, as a share of those to be had.
        discrimination: see :func:`discrimination`.
        seconds: median and 95th percentile of what judging took; None where nothing was measured.
        fooled: students whose visible checks passed and who lost points on what was hidden.
        seen: submissions in which the visible checks passed; None if nothing was recorded.
        reasons: what is most often said where points were lost without a diagnosis, and how often;
            messages that differ in numbers only count as one.
    """

    __test__ = False  # not a test class of pytest's

    notebook: str
    name: str
    title: str
    points: float
    statuses: dict[str, int]
    mean_share: float
    discrimination: float | None
    seconds: tuple[float, float] | None
    fooled: tuple[str, ...]
    seen: int | None
    reasons: tuple[tuple[str, int], ...]

    @property
    def number(self) -> int:
        """How many submissions it judged."""
        return sum(self.statuses.values())

    @property
    def pass_rate(self) -> float:
        """The share of submissions that earned every point of it."""
        return self.statuses["passed"] / self.number


@dataclass(frozen=True)
class HeatRow:
    """One misconception over the tests.

    Attributes:
        name: in the bank of misconceptions.
        explanation: what such code does.
        hint: what students read.
        students: who has it, by test; sorted.
        joined: how many of all these had another one in the same test.
    """

    name: str
    explanation: str
    hint: str
    students: dict[TestKey, tuple[str, ...]]
    joined: int

    @property
    def everybody(self) -> tuple[str, ...]:
        """Who has it in any test."""
        return tuple(sorted({name for names in self.students.values() for name in names}))


@dataclass(frozen=True)
class Figures:
    """All numbers of a class.

    Attributes:
        assignment: its name.
        automatic: the distribution of automatic points.
        total: that of all points, less penalties; None until every written answer is graded.
        tests: in the order of the assignment.
        misconceptions: the most frequent first.
        undiagnosed: students by test who lost points without a diagnosis.
        stopped: who ran into which limits.
        waiting: number of written answers to be graded, and of all written answers.
        late: students with a penalty, and the points.
    """

    assignment: str
    automatic: Scores
    total: Scores | None
    tests: tuple[TestFigures, ...]
    misconceptions: tuple[HeatRow, ...]
    undiagnosed: dict[TestKey, int]
    stopped: tuple[tuple[str, Stopped], ...]
    waiting: tuple[int, int]
    late: tuple[tuple[str, float], ...]


def figures_of(gathered: Gathered) -> Figures:
    """Calculate everything.

    Args:
        gathered: with one submission at least.
    """
    submissions = gathered.submissions
    by_test = _by_test(submissions)
    tests = tuple(_test(key, found, submissions) for key, found in by_test.items())
    written = sum(len(one.result.manual) for one in submissions)
    waiting = sum(len(one.waiting) for one in submissions)
    automatic = [one.automatic for one in submissions]
    total = None
    if written and not waiting:
        most = max(one.max_total for one in submissions)
        total = _scores([one.total for one in submissions], most)
    return Figures(
        gathered.assignment,
        _scores(automatic, sum(test.points for test in tests)),
        total,
        tests,
        _misconceptions(by_test),
        {key: _undiagnosed(found) for key, found in by_test.items()},
        tuple((one.student, stop) for one in submissions for stop in one.result.stopped),
        (waiting, written),
        tuple((one.student, one.penalty) for one in submissions if one.penalty > 0),
    )


def _by_test(submissions: Sequence[Submission]) -> dict[TestKey, list[tuple[str, TestResult]]]:
    """Who came to what in each test, in the order in which tests are first met."""
    found: dict[TestKey, list[tuple[str, TestResult]]] = {}
    for one in submissions:
        for test in one.result.automatic:
            found.setdefault((test.notebook, test.name), []).append((one.student, test))
    return found


def _test(
    key: TestKey, found: list[tuple[str, TestResult]], submissions: Sequence[Submission]
) -> TestFigures:
    results = [test for _, test in found]
    points = results[0].points
    of_all = {
        one.student: sum(test.score or 0.0 for test in one.result.automatic) for one in submissions
    }
    own = [test.score or 0.0 for test in results]
    rest = [of_all[student] - (test.score or 0.0) for student, test in found]
    took = [test.duration_s for test in results if test.duration_s is not None]
    counts = Counter(test.status for test in results)
    told = [test.visible_passed for test in results if test.visible_passed is not None]
    several = len({test.notebook for one in submissions for test in one.result.tests}) > 1
    return TestFigures(
        *key,
        f"{key[0]}/{key[1]}" if several else key[1],
        points,
        {status: counts.pop(status, 0) for status in STATUSES} | dict(counts),
        statistics.fmean(own) / points if points else 0.0,
        discrimination(own, rest),
        (statistics.median(took), percentile(took, LATE_PERCENTILE)) if took else None,
        tuple(name for name, test in found if test.visible_passed and test.status != "passed"),
        sum(told) if told else None,
        _reasons(results),
    )


def _reasons(results: Iterable[TestResult]) -> tuple[tuple[str, int], ...]:
    lost = [one for one in results if one.status != "passed" and one.diagnosis is None]
    often = Counter(_NUMBER.sub("#", test.message) for test in lost)
    example = {_NUMBER.sub("#", test.message): test.message for test in reversed(lost)}
    return tuple(
        (example[text] or "no message", count) for text, count in often.most_common(MOST_REASONS)
    )


def discrimination(own: Sequence[float], rest: Sequence[float]) -> float | None:
    """How well a test tells those who do well elsewhere from those who do not.

    The corrected item-total (item-rest) correlation: Pearson's r between the points of the test and
    the points of all other tests (J. C. Nunnally and I. H. Bernstein, *Psychometric Theory*, 3rd
    edition, 1994, chapter 8). The test itself is left out of the sum, since it would correlate
    with itself. Unlike the difference of the upper and lower 27 per cent it uses every student
    and knows partial credit.

    Args:
        own: points in the test.
        rest: points in all others, of the same students.

    Returns:
        From -1 to 1; None where it says nothing: fewer than ten students, or no differences in one
        of the two.
    """
    if len(own) < FEWEST_FOR_DISCRIMINATION or len(set(own)) < 2 or len(set(rest)) < 2:
        return None
    return statistics.correlation(own, rest)


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The value below which ``per_cent`` of the values lie, with linear interpolation.

    Type 7 of R. J. Hyndman and Y. Fan, *Sample quantiles in statistical packages*, 1996.
    """
    ordered = sorted(values)
    place = (len(ordered) - 1) * per_cent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _scores(points: Iterable[float], most: float) -> Scores:
    ordered = tuple(sorted(round(value, 6) for value in points))
    # Extra credit may go beyond what can be had.
    top = max(most, ordered[-1], 1.0)
    width = max(1, math.ceil((math.floor(top) + 1) / MOST_BINS))
    bins = math.floor(top / width) + 1
    counts = Counter(min(int(value // width), bins - 1) for value in ordered)
    edges = tuple(float(width * at) for at in range(bins))
    return Scores(most, ordered, edges, tuple(counts[at] for at in range(bins)))


def _misconceptions(
    by_test: dict[TestKey, list[tuple[str, TestResult]]],
) -> tuple[HeatRow, ...]:
    """A row for each misconception; two that were found together count in both of their rows."""
    texts = _texts(test for found in by_test.values() for _, test in found)
    who: dict[str, dict[TestKey, set[str]]] = defaultdict(lambda: defaultdict(set))
    joined: Counter[str] = Counter()
    for key, found in by_test.items():
        for student, test in found:
            names = _names(test)
            for name in names:
                who[name][key].add(student)
                joined[name] += len(names) > 1
    rows = [
        HeatRow(
            name,
            *texts[name],
            {key: tuple(sorted(students)) for key, students in places.items()},
            joined[name],
        )
        for name, places in who.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-len(row.everybody), row.name)))


def _names(test: TestResult) -> tuple[str, ...]:
    return tuple(test.diagnosis["name"].split("+")) if test.diagnosis else ()


def _texts(tests: Iterable[TestResult]) -> dict[str, tuple[str, str]]:
    """Explanation and hint of each misconception.

    Of two that were found together the texts are joined; what is known of one is taken off.
    """
    given = [(_names(test), test.diagnosis) for test in tests if test.diagnosis]
    found: dict[str, tuple[str, str]] = {}
    for names, told in sorted(given, key=lambda one: len(one[0])):
        both = (told.get("explanation", ""), told["hint"])
        for name in names:
            others = [found[other] for other in names if other != name and other in found]
            left = [
                " ".join(text.replace(other[at], "").split()) or text
                for other in others[:1]
                for at, text in enumerate(both)
            ]
            found.setdefault(name, (left[0], left[1]) if left else both)
    return found


def _undiagnosed(found: list[tuple[str, TestResult]]) -> int:
    return sum(test.status != "passed" and test.diagnosis is None for _, test in found)
