"""Zip files that we hand on.

The same content gives the same bytes, and ours are known by a comment.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltarule.config import write_atomic
from deltarule.errors import MachineryError, UsageError

__all__ = ["Packed", "refuse_to_overwrite", "write_zip"]

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold: real ones would change the bytes."""


@dataclass(frozen=True)
class Packed:
    """What was written: the file, and the names of its members, sorted."""

    path: Path
    assignment: str
    members: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "assignment": self.assignment,
            "file": str(self.path),
            "members": list(self.members),
        }


def refuse_to_overwrite(path: Path, comment: str, what: str, *, force: bool) -> None:
    """See that ``path`` is a zip file's name, and that nothing of another origin is there.

    Args:
        path: of the file that is to be written.
        comment: by which an earlier one of ours is known.
        what: it is to become.
        force: whatever is there may be overwritten.

    Raises:
        UsageError: the name or what is there forbids it.
    """
    if path.suffix.lower() != ".zip":
        raise UsageError(f"'{path}' does not end with .zip, and a {what} is a zip file")
    if path.exists() and not force and _comment(path) != comment:
        raise UsageError(
            f"{path} exists and is no {what}; choose another name, or overwrite it with --force"
        )


def write_zip(
    path: Path,
    files: Mapping[str, bytes],
    comment: str,
    programs: Collection[str] = (),
) -> None:
    """Write a zip file whose bytes depend on names and contents alone.

    Args:
        path: where.
        files: by name.
        comment: of the zip file; says what made it.
        programs: the names of files that may be executed.

    Raises:
        MachineryError: the file cannot be written.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.comment = comment.encode()
        for name in sorted(files):
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # Unix, on every system
            member.external_attr = (0o100755 if name in programs else 0o100644) << 16
            file.writestr(member, files[name], compresslevel=9)
    try:
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise MachineryError(f"{path} cannot be written: {error.strerror}") from None


def _comment(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as file:
            return file.comment.decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile):
        return ""
