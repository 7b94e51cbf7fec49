"""What a cell prints and shows, written at once to a file that the grader holds open too.

One record is one line of JSON. Because nothing waits in this process, all that was said before a
crash or a kill is kept. Output that programs and C code write to descriptors 1 and 2 goes to two
files of its own; it is copied from there, in order, whenever something is recorded.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import io
import json
import os
from typing import Any

__all__ = ["Recorder", "Stream"]

RECORD_OVERHEAD = 40
STREAMS = ("stdout", "stderr")


class Recorder:
    """Writes records for the cell that is running, as many bytes as it may.

    Attributes:
        log: descriptor of the file of records; -1 while nothing is recorded.
        sources: descriptors of the files behind descriptors 1 and 2.
    """

    def __init__(self) -> None:
        self.log = -1
        self.sources: tuple[int, ...] = ()
        self.most = self.left = 0
        self.was_cut = False
        self._offsets = [0, 0]
        self._decoders = [self._decoder(), self._decoder()]

    @staticmethod
    def _decoder() -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder("utf-8")("replace")

    def attach(self, log: int, sources: tuple[int, ...], most: int) -> None:
        """Record to these files from now on, ``most`` bytes for each cell."""
        self.log, self.sources, self.most = log, sources, most
        self.begin()

    def detach(self) -> None:
        """Record nothing any more."""
        self.log, self.sources = -1, ()

    def begin(self) -> None:
        """A new cell: the grader has emptied the files."""
        self.left, self.was_cut = self.most, False
        self._offsets = [0, 0]
        self._decoders = [self._decoder(), self._decoder()]

    def text(self, name: str, text: str) -> None:
        """Record text that was printed to ``stdout`` or ``stderr``."""
        if self.log < 0 or not text or self.was_cut:
            return
        self.sync()
        self._text(name, text)

    def _text(self, name: str, text: str, **more: Any) -> None:
        if len(text) > self.left and not self.was_cut:
            text, cut = text[: max(0, self.left)], True
            self.put({"kind": "text", "name": name, "text": text, **more})
            self.was_cut = cut
            self.put({"kind": "cut"})
        elif not self.was_cut:
            self.left -= len(text) + RECORD_OVERHEAD
            self.put({"kind": "text", "name": name, "text": text, **more})
        elif more:
            self.put({"kind": "text", "name": name, "text": "", **more})

    def bundle(self, kind: str, data: dict[str, Any], metadata: Any, **more: Any) -> None:
        """Record something shown, by type of its data; bytes become Base64."""
        if self.log < 0:
            return
        self.sync()
        clean = {
            str(name): base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in data.items()
        }
        record = {"kind": kind, "data": clean, "metadata": metadata or {}, **more}
        size = len(json.dumps(record, default=str))
        if size > self.left:
            if not self.was_cut:
                self.was_cut = True
                self.put({"kind": "cut"})
            return
        self.left -= size
        self.put(record)

    def sync(self) -> None:
        """Take over what has come through descriptors 1 and 2 since the last time."""
        for index, source in enumerate(self.sources):
            with contextlib.suppress(OSError):
                size = os.fstat(source).st_size
                offset = min(self._offsets[index], size)
                if size > offset:
                    wanted = max(0, min(size - offset, 4 * self.left + 4))
                    data = os.pread(source, wanted, offset) if not self.was_cut else b""
                    self._offsets[index] = size
                    decoded = self._decoders[index].decode(data)
                    self._text(STREAMS[index], decoded, upto=size)

    def put(self, record: dict[str, Any]) -> None:
        """Write one record."""
        if self.log >= 0:
            with contextlib.suppress(OSError):  # closed or full: then there is no record
                os.write(self.log, json.dumps(record, default=str).encode() + b"\n")


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of a cell."""

    def __init__(self, recorder: Recorder, name: str, descriptor: int) -> None:
        self._recorder = recorder
        self._descriptor = descriptor
        self.name = name

    encoding = "UTF-8"
    errors = "backslashreplace"

    def write(self, text: str) -> int:
        """Record the text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._recorder.text(self.name, text)
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor, for programs that are given this stream."""
        return self._descriptor

    def isatty(self) -> bool:
        """No terminal."""
        return False
