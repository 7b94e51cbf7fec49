"""Where things stand in a course, and how files are written: paths, content hashes, atomic writes.

Only the standard library is imported here (``filelock`` inside the one function that locks), since
``nbgrader_config.py`` runs this at the start of every nbgrader command and on every formgrader
request.

::

    source/lab04/lab04.md ──► build/source/lab04/lab04.ipynb ──► release/lab04/lab04.ipynb
                                                            └──► solutions/lab04/lab04.ipynb
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deltarule.errors import UsageError

__all__ = [
    "Course",
    "assignment_fingerprint",
    "compiler_fingerprint",
    "find_course",
    "package_hash",
    "replace_directory",
    "source_hash",
    "write_atomic",
]

CONFIG_NAME = "nbgrader_config.py"
IGNORED_NAMES = frozenset({"__pycache__", ".ipynb_checkpoints", ".DS_Store"})
LEFT_BY_EDITORS = ("~", "#", ".bak", ".orig", ".rej", ".swp")
"""Endings of the copies that editors and merges leave beside a file, its solutions included."""


@dataclass(frozen=True)
class Course:
    """The folders of one course, all below ``root``."""

    root: Path

    @property
    def source(self) -> Path:
        """The only hand-written content: ``source/<assignment>/<notebook>.md``."""
        return self.root / "source"

    @property
    def release(self) -> Path:
        """Student notebooks, written by nbgrader's GenerateAssignment."""
        return self.root / "release"

    @property
    def solutions(self) -> Path:
        """Executed solution notebooks, written by ``deltarule build``."""
        return self.root / "solutions"

    @property
    def submitted(self) -> Path:
        """What students hand in: ``submitted/<student>/<assignment>/<notebook>.ipynb``."""
        return self.root / "submitted"

    @property
    def build(self) -> Path:
        """Everything intermediate; may be deleted at any time."""
        return self.root / "build"

    @property
    def compiled(self) -> Path:
        """The notebooks that nbgrader reads as its source, hidden tests and all."""
        return self.build / "source"

    @property
    def errors(self) -> Path:
        """The authoring errors of the last compilation, one text file an assignment."""
        return self.build / "errors"

    @property
    def manifest(self) -> Path:
        """What was compiled, from which fingerprint, with which limits (JSON)."""
        return self.build / "manifest.json"

    @property
    def gradebook(self) -> Path:
        """The SQLite gradebook of nbgrader."""
        return self.root / "gradebook.db"

    def assignments(self) -> list[str]:
        """Names of the assignments that have at least one Markdown source, sorted."""
        if not self.source.is_dir():
            return []
        return sorted(
            {p.parent.name for p in self.source.glob("*/*.md") if _is_content(p, self.source)}
        )

    def sources(self, assignment: str) -> list[Path]:
        """The Markdown sources of one assignment, sorted by name.

        Raises:
            UsageError: there is no such assignment.
        """
        folder = self.source / assignment
        found = sorted(path for path in folder.glob("*.md") if _is_content(path, folder))
        if not found or not assignment:
            known = ", ".join(self.assignments()) or "none yet"
            raise UsageError(
                f"there is no assignment '{assignment}': no source/{assignment}/*.md "
                f"below {self.root} (assignments: {known})"
            )
        return found

    def extra_files(self, assignment: str) -> list[Path]:
        """Data and figures that go to students beside the notebooks.

        Notebooks are none: one in a source folder is a paired copy, with the solutions.
        """
        folder = self.source / assignment
        return sorted(
            path
            for path in folder.rglob("*")
            if path.is_file()
            and not (path.parent == folder and path.suffix == ".md")
            and path.suffix != ".ipynb"
            and _is_content(path, folder)
        )

    def read_manifest(self) -> dict[str, Any]:
        """The manifest, or an empty one where nothing (readable) was compiled yet."""
        try:
            read = json.loads(self.manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while generated folders change: one writer at a time, across processes.

        Reentrant within a process: the lock file has one object there.
        """
        from filelock import FileLock

        self.build.mkdir(parents=True, exist_ok=True)
        with FileLock(self.build / ".lock", timeout=120, is_singleton=True):
            yield


def _is_content(path: Path, folder: Path) -> bool:
    """Whether an author put a file into ``folder``, and not an editor or the file system."""
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(".") for part in parts)
    return not (hidden or IGNORED_NAMES & set(parts) or path.name.endswith(LEFT_BY_EDITORS))


def find_course(start: Path) -> Course:
    """The course that ``start`` lies in: the nearest folder upwards with a ``nbgrader_config.py``.

    A folder with ``source/`` and ``submitted/`` will do, since nbgrader needs no more.

    Raises:
        UsageError: no such folder.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        nbgraders_own = (folder / "source").is_dir() and (folder / "submitted").is_dir()
        if (folder / CONFIG_NAME).is_file() or nbgraders_own:
            return Course(folder)
    raise UsageError(
        f"no {CONFIG_NAME} in {start} or above it: run this inside a course folder, or make\n"
        "that file with: from deltarule.bridge import configure; configure(get_config(), __file__)"
    )


@cache
def package_hash(*folders: str) -> str:
    """A hash of the code in some folders of this package, so that new code gives new results."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def compiler_fingerprint() -> str:
    """A hash of the code that turns sources into notebooks, so that a new compiler recompiles."""
    return package_hash("authoring", "bridge")


def assignment_fingerprint(course: Course, assignment: str) -> str:
    """A hash of everything that decides what the notebooks of ``assignment`` look like."""
    both = f"{compiler_fingerprint()} {source_hash(course, assignment)}"
    return hashlib.sha256(both.encode()).hexdigest()


def source_hash(course: Course, assignment: str) -> str:
    """A hash of what the author wrote: sources, data and figures of ``assignment``."""
    digest = hashlib.sha256()
    folder = course.source / assignment
    for path in [*course.sources(assignment), *course.extra_files(assignment)]:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def replace_directory(new: Path, target: Path) -> None:
    """Put the finished folder ``new`` in the place of ``target``; on failure ``target`` stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-old-"))
    try:
        if target.exists():
            target.replace(aside / target.name)
        try:
            shutil.move(new, target)
        except BaseException:
            if (aside / target.name).exists():
                shutil.rmtree(target, ignore_errors=True)
                (aside / target.name).replace(target)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
