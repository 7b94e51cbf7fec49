"""A notebook file of a submission, read without trusting it: cells' types, ids, texts, pictures.

Everything else is dropped, since metadata can cheat. Whatever the file is, reading it takes a
bounded amount of time and memory, and ends in cells or in one sentence that says what the student
should do.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from deltarule.errors import MachineryError

__all__ = [
    "LARGEST_NOTEBOOK",
    "MOST_CELLS",
    "MOST_VALUES",
    "UnusableError",
    "Written",
    "read_notebook",
]

LARGEST_NOTEBOOK = 50 * 2**20
"""Bytes of a notebook that are read; with all its figures, a large one of a course has five MB."""

MOST_VALUES = 4_000_000
"""JSON values of a notebook, about 100 bytes of memory each, guessed by its commas and brackets."""

MOST_CELLS = 5_000
"""Cells of a notebook. Each is run, and costs a thousandth of a second at the least."""

AGAIN = "hand in a copy that opens in Jupyter"
SMALLER = "clear its outputs in Jupyter and hand it in again"

PICTURES = ("image/png", "image/jpeg")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_NO_FILE = {errno.ELOOP: "a link", errno.EISDIR: "a folder", errno.ENXIO: "a socket"}
"""What cannot be opened as a file, and is the student's doing."""

_T = TypeVar("_T")


class UnusableError(Exception):
    """Why a file is no notebook; follows on the file's name."""


@dataclass(frozen=True)
class Written:
    """All that is taken from a submitted cell."""

    cell_type: str
    id: str
    grade_id: str
    source: str
    pictures: dict[str, dict[str, str]]


def read_notebook(path: Path) -> list[Written]:
    """The cells of a file in UTF-8, or in the encoding that its first bytes say."""
    content = _content(path)
    if not content.strip():
        raise UnusableError(f"is empty; {AGAIN}")
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
    except UnicodeDecodeError:
        raise UnusableError(f"is not in UTF-8; {AGAIN}") from None
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        raise UnusableError(f"holds too much data; {SMALLER}")
    try:
        read = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise UnusableError(f"is nested too deeply for a notebook; {AGAIN}") from None
    except ValueError as error:  # JSON's own kind, or that of a number of thousands of digits
        said = getattr(error, "msg", "a number is too long")
        raise UnusableError(f"is damaged ({said}); {AGAIN}") from None
    cells = _raw_cells(read)
    if len(cells) > MOST_CELLS:
        raise UnusableError(f"has {len(cells)} cells; leave at most {MOST_CELLS} and hand it in")
    return [_written(number, cell) for number, cell in enumerate(cells, 1)]


def _content(path: Path) -> bytes:
    """A regular file's content; a pipe would wait for ever, and a link leads who knows where."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    try:
        with open(path, "rb", opener=opener) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnusableError("is no plain file; hand in the notebook itself")
            if status.st_size > LARGEST_NOTEBOOK:
                size = f"{status.st_size / 2**20:.0f} MB, more than {LARGEST_NOTEBOOK // 2**20}"
                raise UnusableError(f"has {size}; {SMALLER}")
            return file.read(LARGEST_NOTEBOOK)
    except OSError as error:
        if error.errno in _NO_FILE:
            kind = _NO_FILE[error.errno]
            raise UnusableError(f"is {kind}; hand in the notebook itself") from None
        raise MachineryError(f"{path} cannot be read: {error.strerror}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says nothing twice: others might read the other value."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise UnusableError(f"is damaged (it gives one entry twice); {AGAIN}")
    return made


def _raw_cells(read: Any) -> list[Any]:
    """The cells of a parsed notebook, of format 4 or the one before it."""
    version = read.get("nbformat", 4) if isinstance(read, dict) else None
    if version not in (3, 4):
        raise UnusableError(f"is not a Jupyter notebook of format 4; {AGAIN}")
    sheets = _entry(read, "worksheets", list) if version == 3 else [read]
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    found = [cells for cells in lists if isinstance(cells, list)]
    if not found or len(found) < len(sheets):
        raise UnusableError(f"is damaged (it has no list of cells); {AGAIN}")
    return list(chain.from_iterable(found))


def _written(number: int, cell: Any) -> Written:
    # Format 3 has the text of a code cell under "input".
    source = cell.get("source", cell.get("input", "")) if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise UnusableError(f"is damaged (cell {number} has no text); {AGAIN}")
    metadata = _entry(cell, "metadata", dict)
    cell_type = cell.get("cell_type")
    return Written(
        cell_type if cell_type in ("code", "markdown") else "raw",
        # Colab keeps the id among the metadata.
        _entry(cell, "id", str) or _entry(metadata, "id", str),
        _entry(metadata.get("nbgrader"), "grade_id", str),
        # Half of a surrogate pair is no character; the other half may follow in the next line.
        source.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        _pictures(_entry(cell, "attachments", dict)),
    )


def _pictures(attachments: dict[Any, Any]) -> dict[str, dict[str, str]]:
    """Attachments that can only be pictures."""
    found: dict[str, dict[str, str]] = {}
    for name, bundle in attachments.items():
        for kind in PICTURES:
            data = "".join(_entry(bundle, kind, str).split())
            if isinstance(name, str) and data and _BASE64.fullmatch(data):
                found[name] = {kind: data}
    return found


def _entry(table: Any, key: str, kind: type[_T]) -> _T:
    """An entry of what may be a table, or an empty one if it is of another kind."""
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, kind) else kind()
