"""What a printed notebook shows of each cell: text, code in boxes, outputs, room for answers.

A cell becomes a list of parts, ``Markdown`` to be read and Typst to be kept as it is; the functions
that the Typst calls stand in ``printing.typ``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deltarule.authoring.printed_text import breakable, typst_string
from deltarule.authoring.stubs import PLACEHOLDER

__all__ = ["Markdown", "Pictures", "PrintedCell", "UnprintableError", "printed_cells"]

ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
KINDS = {".svg": "svg", ".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".gif": "gif"}
MIMES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}
MATHEMATICS = re.compile(r"\s*(\$|\\begin\{(align|equation|gather))")

MISSING = "your code is missing here"
CODE_ROOM, TEXT_ROOM, ROOM_PER_POINT, MOST_ROOM = 25, 45, 20, 110
"""Millimetres: for each missing piece of code; for a text of one point, each more; at most."""

SHORT_TEXT = 600
"""Characters up to which an answer's box stays on one page."""


class UnprintableError(Exception):
    """Something in a cell cannot be printed; says what, and what to do."""


@dataclass(frozen=True)
class Markdown:
    """A part of a cell that is Markdown."""

    text: str


@dataclass(frozen=True)
class PrintedCell:
    """A cell: its number, counted from 1, its id, and its parts, Typst where they are strings."""

    number: int
    cell_id: str
    parts: tuple[str | Markdown, ...]
    attachments: dict[str, Any]


class Pictures:
    """The pictures of one notebook, collected into the folder where Typst finds them.

    Args:
        folder: where the notebook lies; addresses are relative to it.
        target: where the pictures go.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self.target = target
        self.count = 0

    def named(self, address: str, attachments: dict[str, Any]) -> str:
        """The name below ``target`` of the picture that a cell shows.

        Raises:
            UnprintableError: it is not there, is on the web, or of a kind that cannot be printed.
        """
        if address.startswith("attachment:"):
            bundle = attachments.get(unquote(address.removeprefix("attachment:")), {})
            for mime, data in bundle.items():
                if mime in MIMES:
                    return self.kept(decoded(data, mime), MIMES[mime])
            raise UnprintableError(f"the cell has no picture '{address}' attached")
        if match := re.match(r"data:(image/[\w+]+);base64,(.*)", address, re.DOTALL):
            return self.kept(decoded(match[2], match[1]), MIMES.get(match[1], match[1]))
        if re.match(r"[a-z]+:", address):
            raise UnprintableError(
                f"the picture {address} is on the web; put a copy beside the source, which is "
                "then there in every student's notebook, too"
            )
        path = self.folder / unquote(address)
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            known = ", ".join(KINDS)
            raise UnprintableError(f"'{address}' cannot be printed; these kinds can: {known}")
        if not path.resolve().is_relative_to(self.folder.resolve()) or not path.is_file():
            raise UnprintableError(f"there is no picture '{address}' beside the notebook")
        return self.kept(path.read_bytes(), kind)

    def kept(self, data: bytes, kind: str) -> str:
        """Keep a picture; its name."""
        self.count += 1
        name = f"picture-{self.count}.{kind}"
        (self.target / name).write_bytes(data)
        return name


def decoded(data: str | list[str], mime: str) -> bytes:
    """The bytes of a picture in a notebook: text for SVG, base64 for all others."""
    text = "".join(data)
    if mime == "image/svg+xml" and text.lstrip().startswith("<"):
        return text.encode()
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error:
        raise UnprintableError(f"a picture of the kind {mime} is damaged") from None


def printed_cells(notebook: Any, pictures: Pictures, *, solution: bool) -> list[PrintedCell]:
    """All cells of a notebook.

    Raises:
        UnprintableError: an output cannot be printed; says number and id of the cell.
    """
    language = notebook.metadata.get("language_info", {}).get("name", "python")
    made = []
    for number, cell in enumerate(notebook.cells, 1):
        cell_id = str(cell.get("id", ""))
        try:
            parts = tuple(_parts(cell, language, pictures, solution))
        except UnprintableError as error:
            raise UnprintableError(f"cell {number} ({cell_id}): {error}") from None
        made.append(PrintedCell(number, cell_id, parts, dict(cell.get("attachments", {}))))
    return made


def _parts(
    cell: Any, language: str, pictures: Pictures, solution: bool
) -> Iterator[str | Markdown]:
    graded = cell.metadata.get("nbgrader", {})
    label = _label(cell, graded, solution)
    answer = bool(graded.get("solution")) or cell.source.strip() == PLACEHOLDER
    if cell.cell_type == "markdown":
        if answer:
            room = 0 if solution else _text_room(graded)
            whole = str(room > 0 and len(cell.source) < SHORT_TEXT).lower()
            yield f"#answer({typst_string(label)}, room: {room}, whole: {whole})["
            yield Markdown(cell.source)
            yield "]"
        else:
            yield Markdown(cell.source)
        return
    text = typst_string(breakable(_clean(cell.source)))
    if cell.cell_type != "code":
        yield f"#fenced({text})"
        return
    settings = f"label: {typst_string(label)}, lang: {typst_string(_language(cell, language))}"
    settings += f", joined: {str(bool(cell.get('outputs'))).lower()}"
    if answer:
        pieces = 0 if solution else max(1, cell.source.count(MISSING))
        room = min(CODE_ROOM * pieces, MOST_ROOM)
        yield f"#answer-code({text}, {settings}, room: {room})"
    elif cell.source.strip():
        yield f"#code({text}, {settings})"
    for output in cell.get("outputs", []):
        yield from _output(output, pictures)


def _label(cell: Any, graded: dict[str, Any], solution: bool) -> str:
    """What stands above a graded cell: what it is, its name, its points."""
    name, points = str(graded.get("grade_id", "")), graded.get("points")
    worth = "" if points is None else f"{points:g} point{'' if points == 1 else 's'}"
    if graded.get("solution"):
        kind = "Solution" if solution else "Your answer"
        name = name if graded.get("grade") else ""
    elif graded.get("grade"):
        kind = "Test"
    elif cell.source.strip() == PLACEHOLDER:
        kind = "Your answer"
    else:
        return ""
    return " · ".join(word for word in (kind, name, worth) if word)


def _text_room(graded: dict[str, Any]) -> int:
    more = ROOM_PER_POINT * (float(graded.get("points") or 1) - 1)
    return int(max(TEXT_ROOM, min(TEXT_ROOM + more, MOST_ROOM)))


def _language(cell: Any, language: str) -> str:
    magic = re.match(r"%%(bash|sh|html|javascript|latex|sql)\b", cell.source)
    return magic[1] if magic else language


def _output(output: Any, pictures: Pictures) -> Iterator[str | Markdown]:
    """One output, in the richest form that paper can show."""
    if output.output_type == "stream":
        kind = "stderr" if output.name == "stderr" else ""
        yield _text_output(output.text, kind)
    elif output.output_type == "error":
        lines = output.traceback or [f"{output.ename}: {output.evalue}"]
        yield _text_output("\n".join(lines), "error")
    else:
        yield from _rich_output(output, pictures)


def _rich_output(output: Any, pictures: Pictures) -> Iterator[str | Markdown]:
    data = output.data
    for mime, kind in MIMES.items():
        if mime in data:
            name = pictures.kept(decoded(data[mime], mime), kind)
            pixels = output.metadata.get(mime, {}).get("width")
            width = "none" if not isinstance(pixels, int | float) else f"{pixels * 0.75:g}"
            alt = typst_string(_clean("".join(data.get("text/plain", ""))))
            yield f"#picture-block(picture({typst_string(name)}, alt: {alt}, width: {width}))"
            return
    latex = "".join(data.get("text/latex", ""))
    if "text/markdown" in data or MATHEMATICS.match(latex):
        yield "#shown["
        yield Markdown("".join(data.get("text/markdown", latex)))
        yield "]"
    elif "text/plain" in data:
        yield _text_output("".join(data["text/plain"]), "")
    else:
        kinds = ", ".join(sorted(data))
        yield _text_output(f"[only to be seen in the notebook: {kinds}]", "")


def _text_output(text: str | list[str], kind: str) -> str:
    shown = breakable(_clean("".join(text)).rstrip("\n"))
    return f"#output({typst_string(shown)}, kind: {typst_string(kind)})" if shown else ""


def _clean(text: str) -> str:
    """Text without colours for terminals; of a line that rewrites itself the last state."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]) for line in lines)
