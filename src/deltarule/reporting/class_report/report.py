"""Makes a class report: reads what is on record, has it calculated and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deltarule.config import Course
from deltarule.reporting.class_report.figures import Figures, figures_of
from deltarule.reporting.class_report.page import feedback_links, page_html
from deltarule.reporting.class_report.similar import Group, similar_groups
from deltarule.reporting.gathered import Gathered, gather

__all__ = ["REPORT_SCHEMA", "ClassReport", "make_report"]

REPORT_SCHEMA = "deltarule/report/v1"

LARGEST_NOTEBOOK = 20 * 2**20
"""Bytes of a graded notebook, outputs and all, beyond which its code is not compared."""


@dataclass(frozen=True)
class ClassReport:
    """A report in both of its forms.

    Attributes:
        gathered: what was on record.
        figures: the numbers.
        groups: of similar submissions; None where no graded notebook is there.
        html: the page.
    """

    gathered: Gathered
    figures: Figures
    groups: tuple[Group, ...] | None
    html: str

    def as_json(self) -> dict[str, Any]:
        """All numbers of the report, with names."""
        figures, groups = self.figures, self.groups
        return {
            "schema": REPORT_SCHEMA,
            "assignment": figures.assignment,
            "submissions": len(self.gathered.submissions),
            "absent": [person.student for person in self.gathered.absent],
            "ungraded": [one.student for one in self.gathered.ungraded],
            "automatic": asdict(figures.automatic),
            "total": None if figures.total is None else asdict(figures.total),
            "tests": [
                asdict(test)
                | {
                    "pass_rate": test.pass_rate,
                    "undiagnosed": figures.undiagnosed[test.notebook, test.name],
                }
                for test in figures.tests
            ],
            "misconceptions": [
                {
                    **asdict(row),
                    "students": [
                        {"notebook": notebook, "name": name, "students": list(students)}
                        for (notebook, name), students in row.students.items()
                    ],
                }
                for row in figures.misconceptions
            ],
            "stopped": [{"student": name, **asdict(stop)} for name, stop in figures.stopped],
            "waiting": figures.waiting[0],
            "late": [{"student": name, "penalty": points} for name, points in figures.late],
            "similar": None if groups is None else [asdict(group) for group in groups],
        }


def make_report(course: Course, assignment: str, page: Path, *, names: bool = True) -> ClassReport:
    """Make the report of an assignment's class; nothing is written.

    Args:
        course: with kept results, gradebook, ``autograded/`` and ``release/``.
        assignment: its name.
        page: where the page will stand, for its links to the feedback.
        names: False for a page without anything about single students.

    Raises:
        UsageError: there is no such assignment, or nothing of it is on record.
        MachineryError: the gradebook cannot be read.
    """
    gathered = gather(course, assignment)
    figures = figures_of(gathered)
    written = {
        one.student: cells
        for one in gathered.submissions
        if (cells := _code_of(course.root / "autograded" / one.student / assignment))
    }
    released = _code_of(course.release / assignment, whole=True)
    groups = similar_groups(written, released) if written else None
    links = feedback_links(course, gathered, page)
    html = page_html(gathered, figures, groups, links, names=names)
    return ClassReport(gathered, figures, groups, html)


def _code_of(folder: Path, *, whole: bool = False) -> list[str]:
    """The code cells of the notebooks in a folder; locked ones, tests too, only if ``whole``."""
    return [
        text
        for path in sorted(folder.glob("*.ipynb"))
        for locked, text in _code_cells(path)
        if whole or not locked
    ]


def _code_cells(path: Path) -> Iterator[tuple[bool, str]]:
    """Whether each code cell is locked, and its text; none of a file that cannot be used."""
    try:
        if path.stat().st_size > LARGEST_NOTEBOOK:
            return
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                settings = cell["metadata"].get("nbgrader", {})
                yield bool(settings.get("locked")), "".join(cell["source"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
