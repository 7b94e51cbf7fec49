"""Cells of a student notebook as HTML, with nbconvert's Markdown and highlighting.

Only cells that were not seen before are rendered, so that a save costs what it changed. Formulas
become MathML, which browsers set by themselves: nothing is fetched from the net, and nothing moves
on the page after it was shown. pandoc makes it, all new formulas in one call.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from deltarule.authoring.printed_math import BARE_BAR, Formula, split_at_formulas, take_out
from deltarule.errors import MachineryError

__all__ = ["CellRenderer"]

TAGS = re.compile(r"(<[^>]*>)")
MOST_KEPT = 5000
"""Cells and formulas that are remembered; an author who has changed more begins again."""


class CellRenderer:
    """Renders cells, and remembers them."""

    def __init__(self) -> None:
        from nbconvert.filters import Highlight2HTML
        from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

        def highlighted(source: str) -> str:
            # A highlighter of its own for each cell: a magic's language stays with the highlighter.
            return str(Highlight2HTML(pygments_lexer="ipython3")(source))

        self._highlighted = highlighted
        plain = IPythonRenderer(escape=False, exclude_anchor_links=True)
        self._read_markdown = MarkdownWithMath(renderer=plain).render
        self._cells: dict[str, str] = {}
        self._formulas: dict[Formula, str] = {}

    def render(self, cells: Sequence[Any]) -> tuple[str, ...]:
        """The HTML of some cells of an ``nbformat`` notebook, in their order.

        Raises:
            MachineryError: pandoc cannot be run.
        """
        if len(self._cells) + len(self._formulas) > MOST_KEPT:
            self._cells, self._formulas = {}, {}
        keys = [json.dumps([cell.cell_type, cell.source, cell.metadata]) for cell in cells]
        new = {key: cell for key, cell in zip(keys, cells, strict=True) if key not in self._cells}
        self._set_formulas(
            formula
            for cell in new.values()
            if cell.cell_type == "markdown"
            for formula in take_out(cell.source)[1]
        )
        for key, cell in new.items():
            self._cells[key] = self._render(cell)
        return tuple(self._cells[key] for key in keys)

    def _render(self, cell: Any) -> str:
        if cell.cell_type == "markdown":
            inside = self._markdown(cell.source)
        elif cell.cell_type == "code":
            inside = self._highlighted(cell.source)
        else:
            inside = f"<pre>{html.escape(cell.source)}</pre>"
        role, label = _role(cell)
        shown = f'<p class="role">{html.escape(label)}</p>' if label else ""
        return f'<section class="{cell.cell_type} {role}">{shown}{inside}</section>'

    def _markdown(self, source: str) -> str:
        text, formulas = take_out(source)
        pieces = TAGS.split(self._read_markdown(text))
        return "".join(
            "".join(
                piece
                if isinstance(piece, str)
                else html.escape(piece.written)  # in a picture's description, or an address
                if index % 2
                else self._formulas[piece]
                for piece in split_at_formulas(part, formulas)
            )
            for index, part in enumerate(pieces)
        )

    def _set_formulas(self, formulas: Iterable[Formula]) -> None:
        new = list(dict.fromkeys(each for each in formulas if each not in self._formulas))
        if new:
            self._formulas.update(zip(new, _as_mathml(new), strict=True))


def _role(cell: Any) -> tuple[str, str]:
    """What a cell is for, as a class and in words."""
    graded = cell.metadata.get("nbgrader", {})
    if "demo" in cell.metadata.get("tags", ()):
        return "demo", "demo"
    if not graded:
        return "plain", ""
    points = graded.get("points", 0)
    worth = f"{graded['grade_id']}: {points:g} point{'' if points == 1 else 's'}"
    if graded["grade"]:
        return ("answer", f"answer {worth}") if graded["solution"] else ("test", f"test {worth}")
    return ("homework", "homework") if graded["solution"] else ("question", "")


def _as_mathml(formulas: Sequence[Formula]) -> list[str]:
    """Formulas as MathML; one that pandoc does not know stands as it was written."""
    import pypandoc

    mark = "<!--formula-->"
    blocks: list[dict[str, Any]] = []
    for formula in formulas:
        kind = {"t": "DisplayMath" if formula.display else "InlineMath"}
        math = {"t": "Math", "c": [kind, formula.tex.replace(BARE_BAR, "|")]}
        blocks += [{"t": "Plain", "c": [math]}, {"t": "RawBlock", "c": ["html", mark]}]
    document = json.dumps({"pandoc-api-version": [1, 23, 1], "meta": {}, "blocks": blocks})
    try:
        made = pypandoc.convert_text(
            document, "html", format="json", extra_args=["--mathml", "--quiet"]
        )
    except (OSError, RuntimeError) as error:
        raise MachineryError(f"pandoc cannot set the formulas: {error}") from error
    return [
        _framed(formula, text.strip())
        for formula, text in zip(formulas, made.split(mark)[:-1], strict=True)
    ]


def _framed(formula: Formula, mathml: str) -> str:
    if not mathml.startswith("<math"):
        return f'<code class="unset">{html.escape(formula.written)}</code>'
    if not formula.tag:
        return mathml
    return f'<span class="numbered">{mathml}<span>{html.escape(formula.tag)}</span></span>'
