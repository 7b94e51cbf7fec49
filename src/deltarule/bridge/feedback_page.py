"""The page that a student gets back, made of nbgrader's own by its own means.

::

    GetGrades ──► Grades        whose answers wait for a person, besides the points
    HideSecrets                 (in preprocessors: hidden tests and mark schemes go)
    ShowVerdicts                message, explanation and hint of each test, apart
    FeedbackExporter            a template that extends nbgrader's: templates/deltarule_feedback

nbgrader shows a failed test as a traceback in one long line, gives its table of contents no names,
and shows a written answer that nobody has graded as zero points.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbgrader
from nbconvert.exporters import HTMLExporter
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution, is_task
from traitlets import List, Unicode
from traitlets.config import Config

__all__ = ["VERDICT_MIME", "FeedbackExporter", "Grades", "ShowVerdicts"]

VERDICT_MIME = "application/vnd.deltarule.verdict+json"
"""The same as ``deltarule.judging.verdicts`` has; the bridge stands before judging."""

SHORTEST_FULL = 1e-9
"""By how much a score may fall short of all points, being a sum of parts."""

LONGEST_SHORT = 120
"""Characters of a message that the summary shows."""

TEMPLATES = Path(__file__).parent / "templates"
NBGRADERS = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"


class FeedbackExporter(HTMLExporter):
    """nbconvert's HTML with our template, which extends nbgrader's.

    A class of its own, since formgrader's pages are made by :class:`HTMLExporter` as well and keep
    their template.
    """

    def __init__(self, config: Config | None = None, **kwargs: Any) -> None:
        # nbgrader's converter configures its own template for all HTML exporters; what is said
        # about a subclass goes before that.
        own = copy.deepcopy(config or Config())
        own.FeedbackExporter.template_name = "deltarule_feedback"
        own.FeedbackExporter.extra_template_basedirs = [str(TEMPLATES), str(NBGRADERS)]
        paths = list(own.HTMLExporter.get("extra_template_paths", []))
        own.FeedbackExporter.extra_template_paths = [*paths, str(NBGRADERS)]
        super().__init__(config=own, **kwargs)


class Grades(GetGrades):
    """nbgrader's own, and whether a person has yet to look at an answer."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Write grades and comments into the cells of ``nb``, and sums into ``resources``."""
        nb, resources = super().preprocess(nb, resources)
        settings = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
        resources["nbgrader"]["waiting"] = sum(one.get("state") == "wait" for one in settings)
        return nb, resources

    def _get_score(self, cell: Any, resources: Any) -> None:  # noqa: ARG002
        own = cell.metadata.nbgrader
        where = (self.notebook_id, self.assignment_id, self.student_id)
        grade = self.gradebook.find_grade(own["grade_id"], *where)
        own["score"], own["points"] = grade.score, grade.max_score
        nobody = grade.auto_score is None and grade.manual_score is None
        if nobody and grade.needs_manual_grade:
            own["state"] = "wait"
        elif own["score"] >= own["points"] - SHORTEST_FULL:
            own["state"] = "full"
        else:
            own["state"] = "part" if own["score"] > 0 else "none"


class ShowVerdicts(NbGraderPreprocessor):
    """Take the verdict of each test out of its outputs, for the template to show."""

    # The HTML exporter sets this for all its preprocessors; without it, each page logs a warning.
    display_data_priority = List(Unicode()).tag(config=True)

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:  # noqa: ARG002
        """Give a test's cell ``metadata.nbgrader.verdict``; what it printed stays an output."""
        test = is_grade(cell) and not is_solution(cell) and not is_task(cell)
        if test and cell.cell_type == "code":
            told = _told(cell)
            message = str(told.get("message") or "")
            diagnosis = told.get("diagnosis")
            if not isinstance(diagnosis, Mapping):
                diagnosis = {}
            explanation = str(diagnosis.get("explanation") or "")
            first = (explanation or message).split("\n")[0]
            short = first if len(first) <= LONGEST_SHORT else f"{first[:LONGEST_SHORT]}…"
            if not message and cell.metadata.nbgrader.get("state") == "full":
                message = "Right."
            cell.metadata.nbgrader["verdict"] = {
                "message": message,
                "short": short,
                "explanation": explanation,
                "hint": str(diagnosis.get("hint") or ""),
            }
            cell.outputs = [one for one in cell.outputs if one.output_type in KEPT]
        return cell, resources


KEPT = ("stream", "display_data")


def _told(cell: Any) -> Mapping[str, Any]:
    """What is known of a test's verdict: recorded, shown as its value, or raised."""
    recorded = cell.metadata.get("deltarule", {})
    if isinstance(recorded, Mapping) and isinstance(recorded.get("verdict"), Mapping):
        found: Mapping[str, Any] = recorded["verdict"]
        return found
    for output in cell.outputs:
        if output.output_type == "execute_result":
            value = output.get("data", {}).get(VERDICT_MIME)
            if isinstance(value, Mapping):
                return value
        if output.output_type == "error":
            name = "" if output.ename == "AssertionError" else f"{output.ename}: "
            return {"message": f"{name}{output.evalue}" if output.evalue else output.ename}
    return {}
