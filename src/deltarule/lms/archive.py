"""A zip file of students' work, read without trusting it.

No name from the archive ever becomes a path: members are unpacked under names of ours, one at a
time, within limits that hold whatever the headers claim. What cannot be taken is said with a
reason; only an archive that as a whole is no download of a class is refused.
"""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from deltarule.errors import MachineryError, UsageError
from deltarule.grading.handed_in import LARGEST_NOTEBOOK

__all__ = ["Archive", "Member", "shown"]

MOST_MEMBERS = 20_000
"""Files of a download: a large class hands in some thousands."""

LONGEST_ENTRY = 1_000
"""Bytes of a member's entry in the directory, name and extra fields, on the average."""

MOST_BYTES = 4 * 2**30
"""Bytes unpacked of one archive, all members together."""

MOST_EXPANSION = 200
"""How many times larger a member may be than its compressed form; notebooks reach about 20."""

SMALL = 2**20
"""Bytes for which no expansion is suspicious."""

PIECE = 2**20
"""Bytes read at a time."""

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
"""What Python's library raises over an archive that is damaged, or made to confuse it."""

ENCRYPTED = 0x1
UTF8_NAME = 0x800
DIRECTORY_END = b"PK\x05\x06"
DIRECTORY_END_64 = b"PK\x06\x06"
LONGEST_COMMENT = 2**16


@dataclass(frozen=True)
class Member:
    """A file in the archive.

    Attributes:
        name: as the archive gives it, in the encoding that fits; never used as a path.
        problem: why it is not to be unpacked; "" if it may be.
        info: for :meth:`Archive.unpack`.
    """

    name: str
    problem: str
    info: zipfile.ZipInfo

    @property
    def parts(self) -> tuple[str, ...]:
        """The name's components."""
        return PurePosixPath(self.name).parts


class Archive:
    """An archive that is open for reading; a context manager.

    Args:
        path: the zip file.

    Raises:
        UsageError: it is missing, no zip file, damaged, or has too many members.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._room = MOST_BYTES
        try:
            with path.open("rb") as file:
                size = _directory_size(file)
            if size > MOST_MEMBERS * LONGEST_ENTRY:
                raise UsageError(f"{path} lists far more files than a class hands in; not opened")
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise UsageError(f"there is no file {path}") from None
        except BROKEN as error:
            said = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{path} cannot be opened as a zip file ({said}); download it again"
            ) from None
        if len(self._zip.filelist) > MOST_MEMBERS:
            self._zip.close()
            raise UsageError(f"{path} holds more than {MOST_MEMBERS} files; not opened")

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def members(self) -> Iterator[Member]:
        """The files, in the archive's order; folders are left out."""
        for info in self._zip.infolist():
            name = _name(info)
            if info.file_size or not name.endswith("/"):
                yield Member(name, _problem(name, info), info)

    def unpack(self, member: Member, target: Path) -> str:
        """Write a member's content to a file of ours.

        Returns:
            Why it could not be, or "".

        Raises:
            MachineryError: the disk is full or cannot be written.
        """
        try:
            file = target.open("wb")
        except OSError as error:
            raise MachineryError(f"{target} cannot be written: {error.strerror}") from error
        with file:
            try:
                return self._copy(member, file)
            except BROKEN as error:
                said = str(error) or type(error).__name__
                return f"it is damaged in the archive ({shown(said)}); download the archive again"

    def _copy(self, member: Member, file: BinaryIO) -> str:
        largest = min(LARGEST_NOTEBOOK, self._room)
        size = 0
        with self._zip.open(member.info) as source:
            while piece := source.read(PIECE):
                size += len(piece)
                if size > largest:
                    return _too_large(largest)
                self._room -= len(piece)
                _write(file, piece)
        return ""


def _write(file: BinaryIO, piece: bytes) -> None:
    """Write; what fails here is this machine's fault, and not the archive's."""
    try:
        file.write(piece)
    except OSError as error:
        raise MachineryError(f"{file.name} cannot be written: {error.strerror}") from error


def shown(name: str) -> str:
    """A name from outside as a text that any terminal and file can hold."""
    return "".join(c if c.isprintable() else "?" for c in name)[:200]


def _too_large(largest: int) -> str:
    if largest < LARGEST_NOTEBOOK:
        return f"the archive holds more than {MOST_BYTES >> 30} GB; this is beyond it"
    return f"it has more than {LARGEST_NOTEBOOK >> 20} MB; ask for it without its outputs"


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name. Without the flag for UTF-8 it should be in code page 437, and often is not.

    ``filename`` ends at the first NUL, ``orig_filename`` does not.
    """
    name = info.orig_filename
    if info.flag_bits & UTF8_NAME or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name


def _problem(name: str, info: zipfile.ZipInfo) -> str:
    """Why a member is not unpacked, from its entry alone."""
    parts = name.replace("\\", "/").split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if "\0" in name:
        return "its name has a NUL in it: nobody's download has that"
    if ".." in parts or parts[0] == "" or parts[0][1:2] == ":":
        return "its name leads out of the folder: nobody's download has that"
    if kind not in (0, stat.S_IFREG) or not name or name.endswith("/"):
        return "it is a link or no plain file"
    if info.flag_bits & ENCRYPTED:
        return "it is encrypted"
    if info.file_size > max(SMALL, MOST_EXPANSION * info.compress_size):
        return f"it would unpack to more than {MOST_EXPANSION} times its size, as bombs do"
    if info.file_size > LARGEST_NOTEBOOK:
        return _too_large(LARGEST_NOTEBOOK)
    return ""


def _directory_size(file: BinaryIO) -> int:
    """Bytes of the list of members, before a library reads all of it into memory.

    Each has an entry of its own, and an object of about a kilobyte once it is read.
    """
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - LONGEST_COMMENT - 200))
    tail: bytes = file.read()
    at = tail.rfind(DIRECTORY_END)
    if at < 0 or len(tail) < at + 22:
        return 0  # no zip file; the library says so
    (found,) = struct.unpack_from("<L", tail, at + 12)
    larger = tail.rfind(DIRECTORY_END_64, 0, at)
    if found == 0xFFFFFFFF and larger >= 0 and len(tail) >= larger + 48:
        (found,) = struct.unpack_from("<Q", tail, larger + 40)
    return int(found)
