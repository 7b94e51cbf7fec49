"""nbgrader preprocessors: take the homework out of a release, and the secrets out of feedback."""

from __future__ import annotations

import textwrap
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import List, Unicode

from deltarule.authoring.tags import TagKind

__all__ = ["HideSecrets", "RemoveHomework", "without_secrets"]

SHORTEST_TELLING_LINE = 12
"""Shorter lines (``)``, ``else:``) say nothing about a hidden test."""


PAGE_COLUMNS = 100
"""What fits a feedback page, which cuts longer lines off."""


class RemoveHomework(NbGraderPreprocessor):
    """Put the stand-ins for homework in place and drop everything private.

    The compiled master says in ``metadata.deltarule.student`` what takes a cell's place; None means
    that the cell is in the solution only.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Take the homework out of the notebook ``nb``."""
        kept = []
        for cell in nb.cells:
            private = cell.metadata.pop("deltarule", {})
            if "student" in private:
                if private["student"] is None:
                    continue
                cell.source = private["student"]
            cell.pop("attachments", None)
            kept.append(cell)
        nb.cells = kept
        known = ("kernelspec", "language_info", "deltarule")
        nb.metadata = type(nb.metadata)({k: v for k, v in nb.metadata.items() if k in known})
        return nb, resources


class HideSecrets(NbGraderPreprocessor):
    """Strip hidden tests, mark schemes and whatever quotes them from a feedback page."""

    # The HTML exporter sets this for all its preprocessors; without it, each page logs a warning.
    display_data_priority = List(Unicode()).tag(config=True)

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:  # noqa: ARG002
        """Strip one cell."""
        visible, hidden = without_secrets(cell.source)
        cell.source = visible
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
            quoted = {line.strip() for line in hidden}
            cell.outputs = [_without_quotes(output, quoted) for output in cell.outputs]
        return cell, resources


def without_secrets(source: str) -> tuple[str, list[str]]:
    """Part a cell's text into what everybody may see, and the lines of its secret regions."""
    visible: list[str] = []
    hidden: list[str] = []
    inside = False
    begins = (TagKind.HIDDEN_BEGIN.value, TagKind.SCHEME_BEGIN.value)
    ends = (TagKind.HIDDEN_END.value, TagKind.SCHEME_END.value)
    for line in source.split("\n"):
        if line.strip() in begins:
            inside = True
        elif line.strip() in ends:
            inside = False
        else:
            (hidden if inside else visible).append(line)
    return "\n".join(visible).rstrip(), hidden


def _without_quotes(output: Any, hidden: set[str]) -> Any:
    if output.output_type == "error":
        # A traceback prints the lines around the failing one, hidden ones among them.
        message = f"{output.ename}: {output.evalue}" if output.evalue else output.ename
        output.traceback = [_folded(message)]
    elif output.output_type == "stream":
        output.text = "".join(
            line
            for line in output.text.splitlines(keepends=True)
            if not any(secret in line for secret in hidden if len(secret) >= SHORTEST_TELLING_LINE)
        )
    return output


def _folded(message: str) -> str:
    """A message in lines that fit the page, which breaks none."""
    return "\n".join(
        textwrap.fill(line, PAGE_COLUMNS, break_long_words=False, break_on_hyphens=False)
        for line in message.split("\n")
    )
