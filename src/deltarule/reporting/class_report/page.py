"""Draws the class report: one HTML file that loads nothing and runs nothing.

Jinja2 fills ``page.html.j2`` with everything escaped. The page forbids scripts and all loading in
its content security policy; the one stylesheet is allowed by its hash, so that a style
attribute that somebody smuggles in does nothing either.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deltarule import __version__
from deltarule.config import Course
from deltarule.reporting.class_report.figures import Figures, HeatRow, Scores
from deltarule.reporting.class_report.similar import Group, common_from
from deltarule.reporting.gathered import Gathered, Person, Submission

__all__ = ["feedback_links", "page_html"]

HEAT_STEPS = 5
"""Shades of the heat map besides none."""

SIGNS = {"passed": "●", "partial": "◐", "failed": "○", "error": "✕"}
"""What each status looks like where colour alone would have to say it."""

CLASSES = {"passed": "ok", "partial": "part", "failed": "no", "error": "err"}

WIDE, NARROW = 720, 340
"""Widths of a chart; the screen shows one, since text in a chart that is scaled is unreadable."""

ROOM_FOR_NUMBER, ROOM_FOR_RANGE = 24, 50
"""Widths of labels, of up to three digits each."""

MOST_STANDING_OUT = 3

SHOWN_AT_ONCE = 14
"""Misconceptions that are shown before one asks for more."""


@dataclass(frozen=True)
class Bar:
    """A column of a chart, in its coordinates."""

    x: float
    y: float
    width: float
    height: float
    count: int
    label: str
    ticked: bool


@dataclass(frozen=True)
class Chart:
    """A distribution as columns; ``median`` is where its line stands."""

    width: int
    height: int
    base: float
    bars: tuple[Bar, ...]
    median: float


def page_html(
    gathered: Gathered,
    figures: Figures,
    groups: Sequence[Group] | None,
    links: Mapping[str, Sequence[tuple[str, str]]],
    *,
    names: bool = True,
) -> str:
    """The report as HTML.

    Args:
        gathered: the class.
        figures: its numbers.
        groups: of similar submissions; None where there was no code to compare.
        links: titles and addresses of each student's feedback pages.
        names: False leaves out all that is about single students, for a page to be shown.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("deltarule.reporting", "class_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "share": _share, "seconds": _seconds}
    columns = [test for test in figures.tests if _is_column(figures, test.notebook, test.name)]
    style = _style(len(columns))
    often, seldom = _parted(figures.misconceptions)
    people = {one.student: one.person for one in gathered.submissions}
    page = environment.get_template("page.html.j2").render(
        gathered=gathered,
        figures=figures,
        groups=groups,
        links=links,
        names=names,
        shown={student: _shown_name(person) for student, person in people.items()},
        style=style,
        policy=_policy(style),
        columns=columns,
        plain=[test for test in figures.tests if test not in columns],
        often=often,
        seldom=seldom,
        stopped=_stopped(figures),
        most=max((len(row.everybody) for row in figures.misconceptions), default=0),
        heat=_heat,
        rows=[(one, _strip(one)) for one in gathered.submissions],
        charts=[chart(figures.automatic, width) for width in (WIDE, NARROW)],
        total_charts=[chart(figures.total, width) for width in (WIDE, NARROW)]
        if figures.total
        else [],
        outstanding=_outstanding(gathered, figures, groups),
        common=common_from(len(gathered.submissions)),
        classes=CLASSES,
        signs=SIGNS,
        version=__version__,
    )
    # Half a character, which a name or a message may hold, is in no UTF-8 file.
    return page.encode("utf-8", "replace").decode("utf-8")


def feedback_links(
    course: Course, gathered: Gathered, page: Path
) -> dict[str, list[tuple[str, str]]]:
    """The feedback pages that are there: a title and an address relative to ``page``."""
    found = {}
    for submission in gathered.submissions:
        folder = course.root / "feedback" / submission.student / gathered.assignment
        notebooks = dict.fromkeys(test.notebook for test in submission.result.tests)
        found[submission.student] = [
            (name, quote(Path(os.path.relpath(file, page.resolve().parent)).as_posix()))
            for name in notebooks
            if (file := folder / f"{name}.html").is_file()
        ]
    return found


def chart(scores: Scores, width: int) -> Chart:
    """Lay out a distribution in ``width`` units; one unit is about a pixel."""
    height, top, bottom, side = 196, 22, 32, 10
    step = (width - 2 * side) / len(scores.counts)
    most = max(scores.counts)
    base = height - bottom
    widths = scores.edges[1] - scores.edges[0] if len(scores.edges) > 1 else 1.0
    room = ROOM_FOR_NUMBER if widths == 1 else ROOM_FOR_RANGE
    every = max(1, math.ceil(room / step))
    bars = []
    for at, (edge, count) in enumerate(zip(scores.edges, scores.counts, strict=True)):
        tall = (base - top) * count / most
        bars.append(
            Bar(
                round(side + at * step + step * 0.1, 2),
                round(base - tall, 2),
                round(step * 0.8, 2),
                round(tall, 2),
                count,
                f"{edge:g}" if widths == 1 else f"{edge:g}–{edge + widths - 1:g}",
                at % every == 0,
            )
        )
    place = side + (scores.median / widths + 0.5) * step
    return Chart(width, height, base, tuple(bars), round(min(place, width - side), 2))


def _parted(rows: Sequence[HeatRow]) -> tuple[Sequence[HeatRow], Sequence[HeatRow]]:
    """The rows that are shown at once, and those behind a click: a long tail of single students."""
    if len(rows) <= SHOWN_AT_ONCE:
        return rows, ()
    shown = [row for row in rows[:SHOWN_AT_ONCE] if len(row.everybody) > 1]
    shown = shown or list(rows[:SHOWN_AT_ONCE])
    return shown, rows[len(shown) :]


def _stopped(figures: Figures) -> dict[str, dict[str, list[str]]]:
    """The cells that met a limit, by student and by what is said about it."""
    found: dict[str, dict[str, list[str]]] = {}
    for student, stop in figures.stopped:
        cells = found.setdefault(student, {}).setdefault(stop.message, [])
        if stop.cell not in cells:
            cells.append(stop.cell)
    return found


def _outstanding(
    gathered: Gathered, figures: Figures, groups: Sequence[Group] | None
) -> list[tuple[str, str]]:
    """What to look at first: sentences, each with the section that says more."""
    told = []
    number = len(gathered.submissions)
    for row in figures.misconceptions[:MOST_STANDING_OUT]:
        if len(row.everybody) > 1:
            told.append(
                (f"{len(row.everybody)} of {number}: {row.explanation or row.name}", "heat")
            )
    hardest = min(figures.tests, key=lambda test: test.mean_share, default=None)
    if hardest is not None and hardest.mean_share < 1:
        said = f"{hardest.title} was hardest: on average {_share(hardest.mean_share)} of its points"
        told.append((f"{said}.", "tests"))
    odd = [test for test in figures.tests if (test.discrimination or 0.0) < 0]
    for test in odd:
        said = f"{test.title} was done better by those who did worse elsewhere; look at the test."
        told.append((said, "tests"))
    fooled = {name for test in figures.tests for name in test.fooled}
    if fooled:
        said = f"{_students(len(fooled))} passed checks that they could see and lost points behind"
        told.append((f"{said} them.", "fooled"))
    if figures.stopped:
        people = {student for student, _ in figures.stopped}
        told.append((f"{_students(len(people))} ran into a limit.", "limits"))
    if groups:
        alike = {name for group in groups for name in group.students}
        told.append((f"{_students(len(alike))} handed in code that is much alike.", "similar"))
    if figures.waiting[0]:
        said = f"{figures.waiting[0]} of {figures.waiting[1]} written answers wait for points."
        told.append((said, "students"))
    return told


def _students(number: int) -> str:
    return "1 student" if number == 1 else f"{number} students"


def _is_column(figures: Figures, notebook: str, name: str) -> bool:
    return any((notebook, name) in row.students for row in figures.misconceptions)


def _heat(row: HeatRow, test: Any, most: int) -> tuple[int, int]:
    """Number of students, and the shade from 0 to :data:`HEAT_STEPS`."""
    count = len(row.students.get((test.notebook, test.name), ()))
    return count, 0 if not count else max(1, round(HEAT_STEPS * count / most))


def _strip(submission: Submission) -> list[tuple[str, str, str]]:
    """Class, sign and description of each automatic test."""
    return [
        (
            CLASSES.get(test.status, "no"),
            SIGNS.get(test.status, "?"),
            f"{submission.result.title(test)}: {test.score or 0:g} of {test.points:g}",
        )
        for test in submission.result.automatic
    ]


def _shown_name(person: Person) -> str:
    full = f"{person.first_name} {person.last_name}".strip()
    return f"{full} ({person.student})" if full else person.student


def _style(columns: int) -> str:
    sheet = resources.files("deltarule.reporting").joinpath("class_report", "page.css")
    return sheet.read_text(encoding="utf-8").replace("COLUMNS", str(max(columns, 1)))


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
