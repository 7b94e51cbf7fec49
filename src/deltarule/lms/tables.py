"""CSV files of other systems, read and written so that nothing changes on the way.

**Formulas.** A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``, and a name
may begin with one. :func:`harmless` puts an apostrophe before such text, and is for files of ours,
that people open. What came from a system's own export goes back to it as it came: it was in that
file before, and a changed name or id would be somebody else's, or nobody's.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deltarule.errors import UsageError

__all__ = ["Table", "as_number", "harmless", "read_table", "shown_points", "table_bytes"]

DELIMITERS = (",", ";", "\t")
LARGEST_TABLE = 50 * 2**20
BOM = "\ufeff"
QUOTED = re.compile(r'"[^"]*"')
"""What is between quotes. A reader with the wrong delimiter takes ``ID;"a, b"`` for two cells."""

NUMBER = re.compile(r"[-+.,]*[0-9][-+.,0-9]*")
"""What is meant as a number, if not always read as one."""

GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?")
"""A number whose commas can stand between thousands."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet, or one of its importers, take a text for something to compute."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        header: names of the columns.
        rows: each as long as the header.
        delimiter: between cells.
        bom: whether the file begins with a byte-order mark.
        path: where it was read, for messages; None for one that was made.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","
    bom: bool = False
    path: Path | None = None

    def column(self, name: str) -> int | None:
        """A column's place by its name, whatever its capitals; None if there is none.

        Raises:
            UsageError: there are two of this name, and nothing says which is meant.
        """
        places = self._places(name)
        if len(places) > 1:
            raise UsageError(f"{self.path or 'the table'} has the column '{name}' twice; keep one")
        return places[0] if places else None

    def has(self, name: str) -> bool:
        """Whether there is a column of a name, or several."""
        return bool(self._places(name))

    def _places(self, name: str) -> list[int]:
        wanted = name.casefold()
        return [at for at, one in enumerate(self.header) if one.strip().casefold() == wanted]


def read_table(path: Path) -> Table:
    """Read a CSV file with a header, in UTF-8, separated by commas, semicolons or tabs.

    Raises:
        UsageError: it is missing, or no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_TABLE:
        raise UsageError(f"{path} has more than {LARGEST_TABLE >> 20} MB and is no list of a class")
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            f"{path} is not in UTF-8; take it as the system exports it, or save it as 'CSV UTF-8'"
        ) from None
    bom, text = text.startswith(BOM), text.removeprefix(BOM)
    first = re.split(r"[\r\n]", QUOTED.sub("", text).lstrip("\r\n"), maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV file: {error}") from None
    rows = [row for row in read if any(cell.strip() for cell in row)]
    if not rows:
        raise UsageError(f"{path} is empty")
    width = len(rows[0])
    long = next((row for row in rows if len(row) > width), None)
    if long is not None:
        raise UsageError(f"{path} has a row with more cells than columns: {', '.join(long[:4])}, …")
    filled = [tuple(row) + ("",) * (width - len(row)) for row in rows]
    return Table(filled[0], tuple(filled[1:]), delimiter, bom, path)


def table_bytes(table: Table) -> bytes:
    """The file of a table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=table.delimiter, lineterminator="\r\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return ((BOM if table.bom else "") + text.getvalue()).encode("utf-8")


def harmless(cells: Iterable[str]) -> tuple[str, ...]:
    """Texts that no spreadsheet takes for formulas; numbers stay numbers."""
    return tuple(f"'{one}" if _runs(one) else one for one in cells)


def _runs(text: str) -> bool:
    return text.startswith(FORMULA) and (text != text.strip() or as_number(text) is None)


def as_number(text: str) -> float | None:
    """A number as systems write it, with a point or a comma; None for anything else.

    A comma is a decimal one in ``0,5``, ``12,50`` and ``0,500``; commas stand between thousands
    in ``1,234.5`` and ``1,234,567``. ``1,000`` is either: Canvas writes a thousand so, and Moodle
    a one with three decimals, where commas are decimal. It is None, as a wrong guess would be wrong
    by a factor of a thousand; whoever has to know the number asks for another export.
    """
    plain = text.strip()
    if not NUMBER.fullmatch(plain):
        return None
    if GROUPED.fullmatch(plain):
        return float(plain.replace(",", "")) if plain.count(",") > 1 or "." in plain else None
    try:
        return float(plain.replace(",", ".") if plain.count(",") == 1 else plain)
    except ValueError:
        return None


def shown_points(points: float, digits: int = 2) -> str:
    """Points as all systems read them: a decimal point, no zeros at the end, no exponent."""
    text = f"{points:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def project(row: Sequence[str], columns: Iterable[int]) -> tuple[str, ...]:
    """Some cells of a row."""
    return tuple(row[column] for column in columns)
