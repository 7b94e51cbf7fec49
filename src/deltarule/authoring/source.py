"""Read a Jupytext Markdown file into cells that remember the line of the file they came from.

Jupytext decides what a cell is, and does not say where it found it. Cells come in file order and
keep their text to the letter, so each one is found again by walking through the file once.
"""

from __future__ import annotations

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
    """One source file: its path, settings, kernel and cells."""

    path: Path
    header: Header
    kernelspec: dict[str, str]
    cells: tuple[RawCell, ...]


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
    text = text.replace("\r\n", "\n")
    file_lines = text.split("\n")
    metadata = _read_header(file_lines, shown)
    header = _settings(metadata.get("deltarule", {}), file_lines, shown)

    import jupytext  # 1.2 s: only when a file is really compiled

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        notebook = jupytext.reads(text, fmt="md")
    cells = _locate(notebook.cells, file_lines)
    return RawSource(path, header, metadata.get("kernelspec") or dict(DEFAULT_KERNEL), cells)


def _read_header(file_lines: Sequence[str], shown: Path) -> dict[str, Any]:
    """What stands under ``jupyter:`` in the YAML header; empty without one."""
    if not file_lines or file_lines[0].strip() != "---":
        return {}
    ends = [i for i, line in enumerate(file_lines[1:], 1) if line.strip() == "---"]
    if not ends:
        message = "the YAML header never ends; close it with '---' on a line of its own"
        raise AuthoringError([Problem(shown, 1, message, file_lines[0])])
    try:
        header = yaml.safe_load("\n".join(file_lines[1 : ends[0]]))
    except yaml.MarkedYAMLError as error:
        row = (error.problem_mark.line if error.problem_mark else 0) + 1
        message = f"the header is not valid YAML: {error.problem}"
        raise AuthoringError([Problem(shown, row + 1, message, file_lines[row])]) from None
    jupyter = header.get("jupyter", {}) if isinstance(header, dict) else {}
    return jupyter if isinstance(jupyter, dict) else {}


def _settings(read: Any, file_lines: Sequence[str], shown: Path) -> Header:
    problems: list[Problem] = []

    def complain(key: str, message: str) -> None:
        for number, line in enumerate(file_lines, 1):
            if line.strip().lstrip("{").lstrip().startswith(f"{key}:") or f" {key}:" in line:
                problems.append(Problem(shown, number, message, line))
                return
        problems.append(Problem(shown, 1, message))

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
    if problems:
        raise AuthoringError(problems)
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
            isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0
        ):
            complain(str(name), f"'{key}: {name}' takes a number, not {value!r}")
        elif allowed is None and not str(value).strip():
            complain(str(name), f"'{key}: {name}' takes the reason, in a sentence")


def _locate(cells: Sequence[Any], file_lines: Sequence[str]) -> tuple[RawCell, ...]:
    """Give every line of every cell its number in the file."""
    located: list[RawCell] = []
    cursor = 0
    for cell in cells:
        texts = str(cell.source).split("\n")
        generated = 1 if texts[0].startswith("%%") else 0  # Jupytext's cell magic for ```bash
        start = _find(texts, file_lines, cursor)
        if start is None and generated:
            start = _find(texts[1:], file_lines, cursor)
            start = None if start is None else start - 1
        if start is None:
            start = cursor
        lines = tuple(Line(start + i + 1, text) for i, text in enumerate(texts))
        located.append(RawCell(str(cell.cell_type), lines, tuple(cell.metadata.get("tags", ()))))
        cursor = max(cursor, start + len(texts))
    return tuple(located)


def _find(texts: Sequence[str], file_lines: Sequence[str], cursor: int) -> int | None:
    length = len(texts)
    for start in range(cursor, len(file_lines) - length + 1):
        if all(file_lines[start + i].rstrip() == text.rstrip() for i, text in enumerate(texts)):
            return start
    return None
