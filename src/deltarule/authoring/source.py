"""Read a Jupytext Markdown file into cells that remember the line of the file they came from.

Jupytext decides what a cell is, and does not say where it found it. Cells come in file order and
keep their text to the letter, so each one is found again by walking through the file once.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deltarule.errors import AuthoringError, Problem

__all__ = ["Header", "Line", "RawCell", "RawSource", "read_source"]

DEFAULT_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Line:
    """One line of a cell: its number in the file, counted from 1, and its text."""

    number: int
    text: str


@dataclass(frozen=True)
class RawCell:
    """A cell as Jupytext sees it: ``code``, ``markdown`` or ``raw``, and its lines."""

    kind: str
    lines: tuple[Line, ...]
    tags: tuple[str, ...] = ()

    @property
    def first_line(self) -> int:
        """Where the cell begins in the file."""
        return self.lines[0].number if self.lines else 0


@dataclass(frozen=True)
class Header:
    """The settings under ``jupyter: deltarule:`` in the file's own YAML header.

    Attributes:
        title: shown in tables and reports.
        points: the expected sums, any of ``automatic`` and ``manual``; checked when compiling.
        limits: ``cell_seconds`` (one cell) and ``memory_mb`` (one submission) when grading.
        survivors: mutants that no hidden test kills, each with the reason why that is right.
    """

    title: str = ""
    points: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    survivors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawSource:
    """One source file: its path, settings, kernel and cells.

    Attributes:
        problems: mistakes in the header, to be reported with those of the cells.
        header_lines: the lines of the YAML header, for later complaints about a setting.
    """

    path: Path
    header: Header
    kernelspec: dict[str, str]
    cells: tuple[RawCell, ...]
    problems: tuple[Problem, ...] = ()
    header_lines: tuple[Line, ...] = ()

    def setting(self, key: str) -> Line:
        """The header's line with a setting, else the file's first line."""
        return _line_of(self.header_lines, key)


_KEYS: dict[str, frozenset[str] | None] = {
    "points": frozenset({"automatic", "manual"}),
    "limits": frozenset({"cell_seconds", "memory_mb"}),
    "survivors": None,
}


def read_source(path: Path, shown: Path | None = None) -> RawSource:
    """Read one source file, whatever its name ends with.

    Args:
        path: the file.
        shown: how error messages name it; ``path`` by default.

    Raises:
        AuthoringError: it is not text, its header is not valid YAML, or a setting is unknown.
    """
    shown = shown or path
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise AuthoringError([Problem(shown, line, "not UTF-8 text; save it as UTF-8")]) from None
    except OSError as error:
        raise AuthoringError([Problem(shown, 0, f"cannot be read: {error.strerror}")]) from None
    file_lines = text.split("\n")
    problems: list[Problem] = []
    end, jupyter = _read_header(file_lines, shown, problems)
    header = _settings(jupyter.get("deltarule", {}), file_lines[:end], shown, problems)
    kernelspec = dict(DEFAULT_KERNEL)
    if isinstance(read := jupyter.get("kernelspec", {}), dict):
        kernelspec |= {str(key): str(value) for key, value in read.items()}
    cells = _read_cells(file_lines, end, kernelspec, _entry(jupyter, "jupytext"), shown)
    return RawSource(
        path=path,
        header=header,
        kernelspec=kernelspec,
        cells=_locate(cells, file_lines, end),
        problems=tuple(problems),
        header_lines=tuple(Line(at, line) for at, line in enumerate(file_lines[:end], 1)),
    )


_SEPARATORS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What ``str.splitlines`` takes for line breaks, and no editor and no Python does."""

_DISGUISED = {ord(each): 0xF0000 + ord(each) for each in _SEPARATORS}
_UNMASKED = {value: key for key, value in _DISGUISED.items()}


def _read_cells(
    file_lines: Sequence[str], begin: int, kernelspec: dict[str, str], options: Any, shown: Path
) -> list[Any]:
    """The cells that Jupytext sees after row ``begin``, to the letter.

    Jupytext gets a header of ours: its own reading of a file without a kernel goes by the first
    code cell, and a first line that begins with ``#!`` is lost.
    """
    import jupytext  # 1.2 s: only when a file is really compiled
    from nbformat import ValidationError

    split = _entry(options, "split_at_heading") is True
    settings = {"kernelspec": kernelspec, "jupytext": {"split_at_heading": split}}
    body = "\n".join(file_lines[begin:]).translate(_DISGUISED)
    between = "" if body.startswith("\n") else "\n"
    text = f"---\n{yaml.safe_dump({'jupyter': settings})}---\n{between}{body}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cells: list[Any] = jupytext.reads(text, fmt="md").cells
    except ValidationError as error:
        place = next((i for i, line in enumerate(file_lines, 1) if _odd_tags(line)), 0)
        message = f"a cell's settings are not what Jupyter takes: {error.message}"
        shown_line = file_lines[place - 1] if place else ""
        raise AuthoringError([Problem(shown, place, message, shown_line)]) from None
    for cell in cells:
        cell.source = str(cell.source).translate(_UNMASKED)
    return cells


def _odd_tags(line: str) -> bool:
    return line.startswith(("```", "<!-- #")) and re.search(r"\btags=(?!\[)", line) is not None


def _read_header(
    file_lines: Sequence[str], shown: Path, problems: list[Problem]
) -> tuple[int, dict[str, Any]]:
    """How many lines the YAML header has, and what stands in it under ``jupyter:``."""
    if file_lines[0].rstrip() != "---":
        return 0, {}
    ends = [i for i, line in enumerate(file_lines[1:], 1) if line.rstrip() == "---"]
    if not ends:
        message = "the YAML header never ends; close it with '---' on a line of its own"
        problems.append(Problem(shown, 1, message, file_lines[0]))
        return 1, {}
    end = ends[0] + 1
    row = 1
    try:
        header = yaml.safe_load("\n".join(file_lines[1 : end - 1]))
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        row = min(mark.line + 1, end - 1) if mark else 0
        what = str(getattr(error, "problem", None) or error).split("\n")[0]
        message = f"the header is not valid YAML: {what}; mend it, or quote the value"
        problems.append(Problem(shown, row + 1, message, file_lines[row]))
        return end, {}
    if not isinstance(header, dict | None):
        return 0, {}  # two horizontal rules
    jupyter = (header or {}).get("jupyter") or {}
    for key, table in (("jupyter", jupyter), ("kernelspec", _entry(jupyter, "kernelspec"))):
        if not isinstance(table, dict):
            at = _line_of([Line(i, line) for i, line in enumerate(file_lines[:end], 1)], key)
            message = f"'{key}:' in the header takes settings, one in a line, further right"
            problems.append(Problem(shown, at.number, message, at.text))
            return end, {}
    return end, jupyter


def _entry(table: Any, key: str) -> Any:
    return table.get(key, {}) if isinstance(table, dict) else {}


def _line_of(header_lines: Sequence[Line], key: str) -> Line:
    """The header's line with the setting ``key``, else the first line."""
    wanted = re.compile(rf"(?:^|[\s{{,])['\"]?{re.escape(key)}['\"]?\s*:")
    found = [line for line in header_lines if wanted.search(line.text)]
    return found[0] if found else Line(1, header_lines[0].text if header_lines else "")


def _settings(
    read: Any, header_lines: Sequence[str], shown: Path, problems: list[Problem]
) -> Header:
    before = len(problems)

    def complain(key: str, message: str) -> None:
        lines = [Line(number, text) for number, text in enumerate(header_lines, 1)]
        own = [line.number for line in lines if line.text.strip().startswith("deltarule:")]
        at = _line_of([line for line in lines if line.number >= max(own, default=1)], key)
        problems.append(Problem(shown, at.number, message, at.text))

    if not isinstance(read, dict):
        complain("deltarule", "'deltarule:' in the header takes settings such as 'title: Lab 4'")
        read = {}
    known = ", ".join(["title", *_KEYS])
    for key, value in read.items():
        if key == "title":
            continue
        if key not in _KEYS:
            complain(str(key), f"unknown setting '{key}'; the settings are {known}")
        elif not isinstance(value, dict):
            complain(key, f"'{key}' takes a table, e.g. '{key}: {{name: value}}'")
        else:
            _check_table(key, value, complain)
    if len(problems) > before:
        return Header()
    return Header(
        title=str(read.get("title", "")),
        points={key: float(value) for key, value in read.get("points", {}).items()},
        limits={key: float(value) for key, value in read.get("limits", {}).items()},
        survivors={str(k): str(v) for k, v in read.get("survivors", {}).items()},
    )


def _check_table(key: str, table: dict[Any, Any], complain: Any) -> None:
    allowed = _KEYS[key]
    for name, value in table.items():
        if allowed is not None and name not in allowed:
            complain(str(name), f"unknown '{name}' in '{key}'; known: {', '.join(sorted(allowed))}")
        elif allowed is not None and (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < math.inf
        ):
            complain(str(name), f"'{key}: {name}' takes a number, not {value!r}")
        elif allowed is None and not str(value).strip():
            complain(str(name), f"'{key}: {name}' takes the reason, in a sentence")


def _locate(cells: Sequence[Any], file_lines: Sequence[str], begin: int) -> tuple[RawCell, ...]:
    """Give every line of every cell its number in the file; cells begin after row ``begin``."""
    located: list[RawCell] = []
    cursor = begin
    for cell in cells:
        texts = str(cell.source).split("\n")
        start = _find(texts, file_lines, cursor)
        if start is None and texts[0].startswith("%%"):  # Jupytext's cell magic for ```bash
            start = _find(texts[1:], file_lines, cursor)
            start = None if start is None else start - 1
        if start is None:
            start = cursor
        lines = tuple(Line(start + i + 1, text) for i, text in enumerate(texts))
        located.append(RawCell(str(cell.cell_type), lines, tuple(cell.metadata.get("tags", ()))))
        cursor = max(cursor, start + len(texts))
    return tuple(located)


def _find(texts: Sequence[str], file_lines: Sequence[str], cursor: int) -> int | None:
    """The first row from ``cursor`` on where ``texts`` stand one below the other."""
    length = len(texts)
    wanted = [text.rstrip() for text in texts]
    for start in range(cursor, len(file_lines) - length + 1):
        if all(file_lines[start + i].rstrip() == text for i, text in enumerate(wanted)):
            return start
    return None
