"""Find what nobody outside may read: solutions, hidden tests and mark schemes in generated files.

The secret lines are taken from the Markdown sources by their tags alone, without the compiler, so
that a mistake of the compiler cannot hide itself::

    source/lab04/*.md ──secret_lines──► lines ──find_leaks──► release/lab04/** : where each one is

A line is secret if it has at least twelve characters and stands in a secret region and nowhere
else. It is looked for in every string of a notebook (sources, metadata, outputs, attachments, names
of keys), in every other file and in the names of files; as it stands, and behind JSON, HTML and URL
escapes, base64, zip and gzip. Formatting does not hide it either: letters and digits are compared
a second time without everything between them. A picture of a text is not read.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from deltarule.authoring.tags import TagKind, classify
from deltarule.config import Course

__all__ = [
    "Leak",
    "SecretKind",
    "SecretLine",
    "autograded_leaks",
    "feedback_leaks",
    "find_leaks",
    "release_leaks",
    "secret_lines",
]

SHORTEST = 12
"""Shorter lines (``)``, ``return x``) are in many texts by chance."""

DEEPEST = 4
"""How many encodings inside one another are undone."""

LARGEST = 64 * 2**20
"""Bytes of an archive's entry that are unpacked."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}(?:\s+[A-Za-z0-9+/_-]+)*={0,2}")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrt"\'\\/]))')
_MARKUP = re.compile(r"<[^<>]*>")
_FORMATTING = re.compile(r"[\W_]+")
_CELL_BORDER = re.compile(r"\s*(?:```|<!-- #(?:end)?region)")


class SecretKind(StrEnum):
    """What a secret region holds."""

    SOLUTION = "solution"
    HIDDEN_TEST = "hidden test"
    MARK_SCHEME = "mark scheme"


ALL_KINDS = frozenset(SecretKind)

_BEGINS = {
    TagKind.HOMEWORK_BEGIN: SecretKind.SOLUTION,
    TagKind.HIDDEN_BEGIN: SecretKind.HIDDEN_TEST,
    TagKind.SCHEME_BEGIN: SecretKind.MARK_SCHEME,
}
_ENDS = {TagKind.HOMEWORK_END, TagKind.HIDDEN_END, TagKind.SCHEME_END}


@dataclass(frozen=True, order=True)
class SecretLine:
    """A line that must stay secret, without the white space around it, and where it stands."""

    path: Path
    number: int
    kind: SecretKind
    text: str


@dataclass(frozen=True, order=True)
class Leak:
    """A secret line in a file where it must not be.

    Attributes:
        file: the file.
        place: where in the file: the cell and the part of it, ``text``, or ``file name``.
        secret: what was found there.
    """

    file: Path
    place: str
    secret: SecretLine

    def __str__(self) -> str:
        source = f"{self.secret.path}:{self.secret.number}"
        return f"{self.file}: {self.place}: {self.secret.kind} of {source}: {self.secret.text}"


def release_leaks(course: Course, assignment: str) -> list[Leak]:
    """Everything secret in ``release/<assignment>``."""
    return find_leaks(course.release / assignment, secret_lines(course.sources(assignment)))


def autograded_leaks(course: Course, assignment: str, student: str) -> list[Leak]:
    """Solutions in ``autograded/<student>/<assignment>`` that the student did not hand in.

    Hidden tests and mark schemes belong there: graders read them.
    """
    secrets = secret_lines(course.sources(assignment), {SecretKind.SOLUTION})
    known = _handed_in(course, assignment, student)
    return find_leaks(course.root / "autograded" / student / assignment, secrets, known=known)


def feedback_leaks(course: Course, assignment: str, student: str) -> list[Leak]:
    """Everything secret in ``feedback/<student>/<assignment>`` that the student did not hand in."""
    secrets = secret_lines(course.sources(assignment))
    known = _handed_in(course, assignment, student)
    return find_leaks(course.root / "feedback" / student / assignment, secrets, known=known)


def _handed_in(course: Course, assignment: str, student: str) -> str:
    folder = course.submitted / student / assignment
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "\n".join(text for file in files for _, text in _places(file, file.name))


def secret_lines(
    sources: Iterable[Path], kinds: Collection[SecretKind] = ALL_KINDS
) -> list[SecretLine]:
    """The secret lines of some sources that go out together.

    Args:
        sources: Markdown sources.
        kinds: what counts as secret; the rest may be seen by the reader in question.
    """
    public: list[str] = []
    secret: list[SecretLine] = []
    for path in sources:
        region: SecretKind | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            tag = classify(line)
            if tag is not None and tag.kind in _BEGINS:
                region = _BEGINS[tag.kind]
            elif tag is not None and tag.kind in _ENDS:
                region = None
            elif tag is not None and tag.kind is TagKind.MESSAGE:
                public.append(tag.argument)
            elif region in kinds and not _CELL_BORDER.match(line):
                assert region is not None
                secret.append(SecretLine(path, number, region, line.strip()))
            else:
                public.append(line)
    return _unknown(secret, "\n".join(public))


def _unknown(secrets: Iterable[SecretLine], known: str) -> list[SecretLine]:
    """The secrets that do not stand in a text."""
    return [secret for secret, found in _search(secrets, [known]) if not found]


def find_leaks(folder: Path, secrets: Iterable[SecretLine], *, known: str = "") -> list[Leak]:
    """Every place in the files of a folder where a secret line is found.

    Args:
        folder: all files below it are read, whatever their names.
        secrets: what must not be there.
        known: what the reader has already; secrets in it are none.
    """
    wanted = _unknown(secrets, known)
    leaks = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for place, content in _places(file, file.relative_to(folder).as_posix()):
            views = list(_views(content))
            leaks += [Leak(file, place, s) for s, found in _search(wanted, views) if found]
    return leaks


def _search(secrets: Iterable[SecretLine], views: list[str]) -> Iterator[tuple[SecretLine, bool]]:
    """Say of each secret that is long enough whether it is in one of the texts."""
    bare_views = [_FORMATTING.sub("", view) for view in views]
    for secret in secrets:
        if len(secret.text) < SHORTEST:
            continue
        bare = _FORMATTING.sub("", secret.text)
        yield (
            secret,
            any(secret.text in view for view in views)
            or (len(bare) >= SHORTEST and any(bare in view for view in bare_views)),
        )


def _places(file: Path, name: str) -> Iterator[tuple[str, str]]:
    """The texts in a file, each with what to call its place; the name is one of them."""
    yield "file name", name
    data = file.read_bytes()
    if file.suffix == ".ipynb":
        try:
            notebook = json.loads(data)
        except ValueError:
            pass
        else:
            yield from _strings(notebook, "notebook")
            return
    for text in _texts(data, DEEPEST):
        yield "text", text


def _strings(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """All strings of a JSON value, keys too; a list of strings is one text in several lines."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"{place}, name of a key", key
            yield from _strings(inner, f"{place}, {key}")
    elif isinstance(value, list):
        if value and all(isinstance(inner, str) for inner in value):
            yield place, "".join(value)
        for index, inner in enumerate(value):
            if not isinstance(inner, str):
                label = inner.get("id", index) if isinstance(inner, dict) else index
                yield from _strings(inner, f"{place} {label}")


def _texts(data: bytes, depth: int) -> Iterator[str]:
    """What some bytes say: as text, and unpacked."""
    for encoding in (
        "utf-8-sig",
        "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1",
    ):
        try:
            yield data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8-sig":
            break
    if depth <= 0:
        return
    if data.startswith(b"PK\x03\x04"):
        yield from _zipped(data, depth)
    elif data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(data)) as file:
                yield from _texts(file.read(LARGEST), depth - 1)
        except (OSError, EOFError, zlib.error):
            return


def _zipped(data: bytes, depth: int) -> Iterator[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                yield entry.filename
                with archive.open(entry) as file:
                    yield from _texts(file.read(LARGEST), depth - 1)
    except (zipfile.BadZipFile, OSError, RuntimeError, zlib.error):
        return


def _views(text: str, depth: int = DEEPEST) -> Iterator[str]:
    """A text, and what it becomes when escapes, markup and base64 are undone."""
    yield text
    if depth <= 0:
        return
    undone = {
        html.unescape(_MARKUP.sub("", text)) if "<" in text or "&" in text else text,
        unquote_plus(text) if "%" in text else text,
        _ESCAPE.sub(_unescaped, text) if "\\" in text else text,
    }
    for other in undone - {text}:
        yield from _views(other, depth - 1)
    for run in _BASE64.findall(text):
        for data in _decoded(run):
            try:
                yield from _views(data.decode("utf-8"), depth - 1)
            except UnicodeDecodeError:
                yield from _texts(data, depth - 1)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(match[3], match[3])


def _decoded(run: str) -> Iterator[bytes]:
    """The bytes of a base64 run; what stands before it may have joined it, so four beginnings."""
    digits = "".join(run.split()).rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        rest = digits[start:]
        rest = rest[: len(rest) - 1] if len(rest) % 4 == 1 else rest
        yield base64.b64decode(rest + "=" * (-len(rest) % 4))
