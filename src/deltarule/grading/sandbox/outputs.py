"""A cell's outputs in nbformat 4, from the records that its child wrote.

The records are a student's to forge: each is checked, and what is not an output is left out.
Neighbouring pieces of a stream become one output. Everything here is plain data.
"""

from __future__ import annotations

import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from deltarule.grading.child.recorder import RECORD_OVERHEAD

__all__ = ["Outputs", "number", "records"]

CUT = "\n[The rest of this cell's output is left out: it is more than {} bytes.]\n"
STREAMS = ("stdout", "stderr")
DEEPEST = 50
MOST_OUTPUTS = 2000
MOST_NAMES = 2000
"""Display ids of a notebook, and file names of a cell, that are followed."""

MOST_SHOWN = 50
"""Outputs that share a display id and are changed by an update."""

LONGEST_NAME = 500
LARGEST_NUMBER = 2**31
FARTHEST = 2**62
"""Where a file can be read from; a record may say anything."""

MOST_RECORDS = 10_000
"""Records that are read whatever they cost; more of them only as far as text may go."""


def records(data: bytes, most: int) -> Iterator[dict[str, Any]]:
    """The records in a log; a torn or forged line is passed over.

    Args:
        data: the log.
        most: bytes of output that are kept; an honest child writes no more lines than fit.
    """
    lines = io.BytesIO(data)
    for line in itertools.islice(lines, MOST_RECORDS + most // RECORD_OVERHEAD):
        try:
            record = json.loads(line, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def number(value: Any) -> int | None:
    """A count or a line number, or None for what is neither."""
    return value if type(value) is int and 0 <= value < LARGEST_NUMBER else None


@dataclass
class Outputs:
    """Collects the outputs of one cell.

    Attributes:
        most: bytes of output that are kept.
        displays: outputs of the whole notebook by display id; an update changes them where they
            stand, in earlier cells too.
        items: the outputs so far.
        files: names under which cells were compiled, with the cell of each.
        seen: up to where the files behind descriptors 1 and 2 have been copied into the log.
    """

    most: int
    displays: dict[str, list[dict[str, Any]]]
    items: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))
    was_cut: bool = False
    _size: int = 0
    _clear_next: bool = False
    _stream: str = ""
    _pieces: list[str] = field(default_factory=list)

    def take(self, found: Iterable[dict[str, Any]]) -> None:
        """Take in records, in order."""
        for record in found:
            kind = record.get("kind")
            if kind == "text":
                self._text(record)
            elif kind in ("display", "update", "result"):
                self._bundle(kind, record)
            elif kind == "error":
                self._error(record)
            elif kind == "clear":
                self._clear_next = record.get("wait") is True
                if not self._clear_next:
                    self._clear()
            elif kind == "file" and len(self.files) < MOST_NAMES:
                name = _clean(record.get("name"))[:LONGEST_NAME]
                self.files[name] = _clean(record.get("cell"))[:LONGEST_NAME]
            elif kind == "cut":
                self._cut()
        self._end_stream()

    def rest(self, name: str, text: str) -> None:
        """Add what came through descriptor 1 or 2 after the last record."""
        self.text(name, text)
        self._end_stream()

    def text(self, name: str, text: str) -> None:
        """Add text to a stream."""
        text = _clean(text)
        room = self.most - self._size
        if len(text) > room:
            text = text[: max(0, room)]
        if text and not self.was_cut:
            self._add_text(name, text)
        if len(text) >= room:
            self._cut()

    def _text(self, record: dict[str, Any]) -> None:
        name, text, upto = record.get("name"), record.get("text"), record.get("upto")
        if name not in STREAMS or not isinstance(text, str):
            return
        if isinstance(upto, int):
            self.seen[name] = min(max(0, upto), FARTHEST)
        if text:
            self.text(name, text)

    def _add_text(self, name: str, text: str) -> None:
        self._clear_now()
        self._size += len(text)
        if name != self._stream:
            self._end_stream()
            self._stream = name
        self._pieces.append(text)

    def _end_stream(self) -> None:
        """Pieces are joined once: adding them one by one would take quadratic time."""
        text, name = "".join(self._pieces), self._stream
        self._pieces, self._stream = [], ""
        last = self.items[-1] if self.items else {}
        if not text:
            return
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        elif len(self.items) < MOST_OUTPUTS:
            self.items.append({"output_type": "stream", "name": name, "text": text})

    def _cut(self) -> None:
        if not self.was_cut:
            self._add_text("stdout", CUT.format(self.most))
            self.was_cut = True

    def _clear_now(self) -> None:
        if self._clear_next:
            self._clear()
            self._clear_next = False

    def _clear(self) -> None:
        self.items.clear()
        self._pieces, self._stream = [], ""

    def _start(self) -> None:
        """Before an output that is no stream."""
        self._clear_now()
        self._end_stream()

    def _bundle(self, kind: str, record: dict[str, Any]) -> None:
        data, metadata = _bundle(record.get("data")), _plain(record.get("metadata"))
        if not isinstance(metadata, dict) or len(self.items) >= MOST_OUTPUTS:
            return
        self._size += len(json.dumps(data)) + len(json.dumps(metadata))
        if self._size > self.most:
            self._cut()
            return
        shown = self._shown(record.get("transient"), kind)
        if kind == "update":
            for output in shown:
                output.update(data=data, metadata=metadata)
            return
        self._start()
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        if kind == "result":
            output["output_type"] = "execute_result"
            output["execution_count"] = number(record.get("count"))
        self.items.append(output)
        if len(shown) < MOST_SHOWN:
            shown.append(output)

    def _shown(self, transient: Any, kind: str) -> list[dict[str, Any]]:
        """The outputs with a display id, those of this notebook that an update changes."""
        name = transient.get("display_id") if isinstance(transient, dict) else None
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            return []
        if kind == "update" or len(self.displays) >= MOST_NAMES:
            return self.displays.get(name, [])
        return self.displays.setdefault(name, [])

    def _error(self, record: dict[str, Any]) -> None:
        lines = record.get("traceback")
        if not isinstance(lines, list) or len(self.items) >= MOST_OUTPUTS:
            return
        self._start()
        error = {
            "output_type": "error",
            "ename": _clean(record.get("ename"))[:LONGEST_NAME],
            "evalue": _clean(record.get("evalue"))[: self.most],
            "traceback": [_clean(line)[: self.most] for line in lines[:MOST_OUTPUTS]],
        }
        self.items.append(error)


def _clean(text: Any) -> str:
    """Text that can be written as UTF-8; anything else is no text."""
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else ""


def _bundle(data: Any) -> dict[str, Any]:
    """A dictionary of data by type: text, or what JSON types may hold."""
    found: dict[str, Any] = {}
    for name, value in data.items() if isinstance(data, dict) else ():
        kind = _clean(name)[:LONGEST_NAME]
        if kind.endswith("json"):
            found[kind] = _plain(value)
        elif isinstance(value, str):
            found[kind] = _clean(value)
        elif isinstance(value, list) and all(isinstance(line, str) for line in value):
            found[kind] = [_clean(line) for line in value]
    return found


def _plain(value: Any, depth: int = 0) -> Any:
    """JSON data without what UTF-8 or other readers of JSON cannot hold, and not too deep."""
    if depth > DEEPEST:
        return None
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _plain(item, depth + 1) for name, item in value.items()}
    return value
