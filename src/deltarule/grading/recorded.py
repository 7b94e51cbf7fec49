"""The notebook that is kept of a submission: its cells, what they showed, and what tests came to.

Its test cells say what nbgrader reads from outputs, so that a score stays the same when nbgrader
reads the notebook again: an error is no points, a number is so many, no output is all of them.

It is shown in the instructor's browser, and must be valid whatever a student's code claims to have
put out: what a student has written or shown goes through :mod:`deltarule.bridge.markup`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from deltarule.bridge.markup import Cleaner, valid_count
from deltarule.bridge.shown_code import shown_code
from deltarule.grading.paper import Paper, PaperCell
from deltarule.grading.plan import NotebookPlan, PlannedCell
from deltarule.grading.results import TestResult
from deltarule.grading.sandbox.cell_outcomes import CellOutcome
from deltarule.judging.verdicts import VERDICT_MIME

__all__ = ["MOST_OUTPUT", "left_out", "output_size", "recorded_notebook"]

MOST_OUTPUT = 32 * 2**20
"""Characters of all outputs of a notebook: thousands of cells may each put out megabytes."""

NODE = 50
"""What an output and each part of it takes besides its text."""

SCHEMA_VERSION = 3
FLAGS = {
    "test": {"grade": True, "locked": True},
    "manual": {"grade": True, "solution": True},
    "solution": {"solution": True},
    "locked": {"locked": True},
    "task": {"locked": True, "task": True},
}
"""What nbgrader's metadata says about each kind of cell; every other flag is false."""


def recorded_notebook(
    plan: NotebookPlan,
    paper: Paper,
    outcomes: Mapping[int, CellOutcome],
    tests: Sequence[TestResult],
) -> dict[str, Any]:
    """The graded notebook in nbformat 4.

    Args:
        plan: of the notebook; gives the metadata.
        paper: the cells.
        outcomes: what cells came to, by their position.
        tests: the results of the notebook's tests.
    """
    results = {test.name: test for test in tests}
    cleaner = Cleaner({cell.grade_id for cell in plan.cells if cell.grade_id})
    cells, room = [], MOST_OUTPUT
    for at, cell in enumerate(paper.cells):
        made = _cell(cell, outcomes.get(at), results, cleaner)
        room -= output_size(made.get("outputs", []))
        is_test = cell.planned is not None and cell.planned.kind == "test"
        if room < 0 and made.get("outputs") and not is_test:  # of a test they are the verdict
            made["outputs"] = left_out()
        cells.append(made)
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": plan.metadata, "cells": cells}


def output_size(outputs: Any) -> int:
    """About how many characters outputs take in a file."""
    if isinstance(outputs, str):
        return len(outputs) + NODE
    if isinstance(outputs, dict):
        return NODE + sum(map(output_size, outputs.values()))
    return NODE + (sum(map(output_size, outputs)) if isinstance(outputs, list) else 0)


def left_out() -> list[dict[str, Any]]:
    """What stands in the place of outputs for which there is no room."""
    said = f"[left out: the outputs of this notebook take more than {MOST_OUTPUT >> 20} MB]\n"
    return [{"output_type": "stream", "name": "stdout", "text": said}]


def _cell(
    cell: PaperCell,
    outcome: CellOutcome | None,
    results: Mapping[str, TestResult],
    cleaner: Cleaner,
) -> dict[str, Any]:
    planned = cell.planned
    made: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "metadata": {} if planned is None else _metadata(cell, planned),
        "source": _shown_source(cell, cleaner),
    }
    if planned is not None and planned.kind == "test":
        # Where there are no points the outputs must be an error's, which has room for one text.
        made["metadata"]["deltarule"] = {"verdict": _told(results[planned.grade_id])}
    if cell.pictures and made["source"] == cell.source:
        made["attachments"] = cell.pictures
    if cell.cell_type != "code":
        return made
    outputs = [] if outcome is None else [*cleaner.outputs(outcome.outputs), *_struck(outcome)]
    if planned is not None and planned.kind == "test":
        outputs = _verdict(outputs, results[planned.grade_id])
    return {
        **made,
        "outputs": outputs,
        "execution_count": None if outcome is None else valid_count(outcome.count),
    }


def _shown_source(cell: PaperCell, cleaner: Cleaner) -> str:
    """A cell's text; what the author has written is shown as it is."""
    planned = cell.planned
    if planned is not None and (planned.fixed or planned.unchanged(cell.source)):
        return cell.source
    if cell.cell_type == "markdown":
        return cleaner.markdown(cell.source, cell.pictures)
    return cleaner.raw(cell.source) if cell.cell_type == "raw" else shown_code(cell.source)


def _metadata(cell: PaperCell, planned: PlannedCell) -> dict[str, Any]:
    if not planned.grade_id or planned.kind not in FLAGS:
        return {}
    flags = FLAGS[planned.kind]
    made: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "grade_id": planned.grade_id,
        "cell_type": cell.cell_type,
        **{name: flags.get(name, False) for name in ("grade", "locked", "solution", "task")},
    }
    if flags.get("grade") or flags.get("task"):
        made["points"] = planned.points
    return {"nbgrader": made}


def _struck(outcome: CellOutcome) -> list[dict[str, Any]]:
    """What a limit did to a cell, as an output that people see."""
    if outcome.struck is None or outcome.error is not None:
        return []
    line = f" (last line that ran: {outcome.struck.line})" if outcome.struck.line else ""
    said = f"{outcome.struck.message}{line}"
    return [{"output_type": "error", "ename": "Stopped", "evalue": said, "traceback": [said]}]


def _verdict(outputs: list[dict[str, Any]], test: TestResult) -> list[dict[str, Any]]:
    """The outputs of a test cell: what was printed, and the verdict instead of any other value."""
    kept = [one for one in outputs if one["output_type"] in ("stream", "display_data")]
    kept = [{**one, "name": "stdout"} if "name" in one else one for one in kept]
    score = test.score or 0.0
    if score <= 0.0:
        error = {
            "output_type": "error",
            "ename": "AssertionError",
            "evalue": test.advice,
            "traceback": [test.advice],
        }
        return [*kept, error]
    if not test.message and score >= test.points:
        return kept
    head = f"{html.escape(test.name)}: {score:g} of {test.points:g} points"
    data = {
        "text/plain": repr(float(score)),
        "text/html": f"<p><b>{head}</b></p><p>{html.escape(test.advice)}</p>",
        VERDICT_MIME: _told(test),
    }
    shown = {
        "output_type": "execute_result",
        "execution_count": None,
        "data": data,
        "metadata": {},
    }
    return [*kept, shown]


def _told(test: TestResult) -> dict[str, Any]:
    """A verdict as data, for pages that show its parts apart."""
    return {
        "name": test.name,
        "points": test.points,
        "score": test.score or 0.0,
        "message": test.message,
        "margin": test.margin,
        "diagnosis": test.diagnosis,
    }
