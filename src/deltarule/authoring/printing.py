"""Print a notebook as a PDF, without TeX: Markdown by pandoc, pages by Typst.

::

    notebook ──printed_cells──► text, code, outputs ──printed_text──► Typst ──compile──► PDF

Nothing is printed half: a formula, picture or character that cannot be printed is an error that
names notebook and cell. Everything that is needed comes with two packages, fonts included, so that
the same notebook gives the same bytes on every machine.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltarule.authoring.printed_cells import (
    Markdown,
    Pictures,
    PrintedCell,
    UnprintableError,
    printed_cells,
)
from deltarule.authoring.printed_fonts import missing_characters
from deltarule.authoring.printed_math import BARE_BAR, Formula
from deltarule.authoring.printed_text import (
    Node,
    TextPrinter,
    leading,
    read_markdown,
    typst,
    typst_string,
    write_typst,
)
from deltarule.errors import AuthoringError, MachineryError, Problem

__all__ = ["TEMPLATE", "Imprint", "print_notebook"]

TEMPLATE = Path(__file__).with_name("printing.typ")
"""How the pages look."""

MARK = re.compile(r"^// cell (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Imprint:
    """What stands around the text.

    Attributes:
        title: of the notebook; on its first page if it does not begin with a heading of its own.
        name: of assignment and notebook, at the foot of each page.
        solution: whether this is the solution: no line for a name, and no room to write.
    """

    title: str
    name: str
    solution: bool


def print_notebook(notebook: Any, folder: Path, shown: Path, imprint: Imprint) -> bytes:
    """The PDF of a notebook.

    Args:
        notebook: an ``nbformat`` notebook.
        folder: where its pictures are.
        shown: how an error names it.
        imprint: what stands around the text.

    Raises:
        AuthoringError: something in it cannot be printed; every formula and character is named.
        MachineryError: pandoc or Typst failed.
    """
    with tempfile.TemporaryDirectory() as root:
        try:
            pictures = Pictures(folder, Path(root))
            cells = printed_cells(notebook, pictures, solution=imprint.solution)
            blocks, formulas = _read(cells, pictures)
        except UnprintableError as error:
            raise AuthoringError([Problem(shown, 0, str(error))]) from None
        text, failed = write_typst(blocks)
        problems = _formula_problems(cells, formulas, failed, shown)
        problems += _character_problems(cells, text, shown)
        if problems:
            raise AuthoringError(problems)
        (Path(root) / TEMPLATE.name).write_bytes(TEMPLATE.read_bytes())
        head = _head(notebook, imprint)
        return _compiled(head, text, Path(root), cells, shown)


def _read(
    cells: list[PrintedCell], pictures: Pictures
) -> tuple[list[Node], dict[int, list[Formula]]]:
    """The blocks of the whole document, and the formulas of each cell by its number."""
    texts = [part.text for cell in cells for part in cell.parts if isinstance(part, Markdown)]
    read = iter(read_markdown(texts))
    blocks: list[Node] = []
    formulas: dict[int, list[Formula]] = {}
    for cell in cells:
        blocks.append(typst(f"// cell {cell.number}"))
        for part in cell.parts:
            if isinstance(part, str):
                if part.startswith("#answer") and len(blocks) > 1 and blocks[-2]["t"] == "Para":
                    blocks[-2:-1] = leading(blocks[-2])  # the question, with its answer's box
                blocks.append(typst(part))
                continue
            found, its_formulas = next(read)
            formulas.setdefault(cell.number, []).extend(its_formulas)

            def picture(
                address: str, alt: str, width: float | None, cell: PrintedCell = cell
            ) -> str:
                name = pictures.named(address, cell.attachments)
                size = "none" if width is None else f"{width:g}"
                return f"({typst_string(name)}, alt: {typst_string(alt)}, width: {size})"

            try:
                blocks += TextPrinter(its_formulas, picture).blocks(found)
            except UnprintableError as error:
                raise UnprintableError(f"{_named(cell)}: {error}") from None
    return blocks, formulas


def _named(cell: PrintedCell) -> str:
    return f"cell {cell.number} ({cell.cell_id})"


def _formula_problems(
    cells: list[PrintedCell], formulas: dict[int, list[Formula]], failed: list[str], shown: Path
) -> list[Problem]:
    problems = [
        Problem(
            shown,
            0,
            f"{_named(cell)}: this formula cannot be printed; write it in other words",
            formula.written,
        )
        for cell in cells
        for formula in formulas.get(cell.number, [])
        if formula.tex in failed
    ]
    if failed and not problems:
        problems = [Problem(shown, 0, "a formula cannot be printed", tex) for tex in failed]
    return list(dict.fromkeys(problems))


def _character_problems(cells: list[PrintedCell], text: str, shown: Path) -> list[Problem]:
    missing = missing_characters(text.replace(BARE_BAR, ""))
    if not missing:
        return []
    problems = []
    for cell, part in _by_cell(cells, text):
        if lacking := sorted(missing & set(part)):
            named = ", ".join(f"{char} ({unicodedata.name(char, '?')})" for char in lacking)
            message = f"{_named(cell)}: no printing font has {named}; write something else"
            problems.append(Problem(shown, 0, message))
    return problems


def _by_cell(cells: list[PrintedCell], text: str) -> list[tuple[PrintedCell, str]]:
    pieces = MARK.split(text)
    by_number = {cell.number: cell for cell in cells}
    return [
        (by_number[int(number)], piece)
        for number, piece in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def _head(notebook: Any, imprint: Imprint) -> str:
    first = notebook.cells[0] if notebook.cells else None
    titled = first is not None and first.cell_type == "markdown" and first.source.startswith("# ")
    version = "Solution" if imprint.solution else ""
    settings = (
        f"title: {typst_string(imprint.title)}, name: {typst_string(imprint.name)}, "
        f"version: {typst_string(version)}, name-line: {str(not imprint.solution).lower()}"
    )
    head = f'#import "{TEMPLATE.name}": *\n#show: sheet.with({settings})\n'
    return head if titled else f"{head}#heading(level: 1, {typst_string(imprint.title)})\n"


def _compiled(head: str, text: str, root: Path, cells: list[PrintedCell], shown: Path) -> bytes:
    from typst import TypstError

    try:
        return _pages(head + text, root)
    except TypstError as error:
        whole = str(error)
    for cell, piece in _by_cell(cells, text):  # Typst does not say where
        try:
            _pages(head + piece, root)
        except TypstError as error:
            message = f"{_named(cell)} cannot be printed: {error}"
            raise AuthoringError([Problem(shown, 0, message)]) from None
    raise MachineryError(f"{shown} cannot be printed: {whole}")


def _pages(text: str, root: Path) -> bytes:
    import typst

    (root / "main.typ").write_text(text, encoding="utf-8")
    return typst.compile(root / "main.typ", root=root, ignore_system_fonts=True)
