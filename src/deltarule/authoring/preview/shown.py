"""What the browser shows of each notebook: its last version that compiled, and today's mistakes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deltarule.authoring.parse import parse
from deltarule.authoring.preview.rendered import CellRenderer
from deltarule.authoring.render import student
from deltarule.config import Course
from deltarule.errors import AuthoringError, UsageError

__all__ = ["Preview", "Shown"]


@dataclass(frozen=True)
class Shown:
    """One notebook as it is shown.

    Attributes:
        assignment: its assignment.
        name: its name.
        title: from the header of the source.
        cells: HTML, of the last version without mistakes; empty where there was none yet.
        problems: the mistakes of the source as it is, the first one first, with file and line.
        files: a hash of the data and figures beside it.
        source: a hash of the source.
        seconds: what compiling and rendering took.
    """

    assignment: str
    name: str
    title: str = ""
    cells: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    files: str = ""
    source: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the others."""
        return self.assignment, self.name


class Preview:
    """The notebooks of some assignments, or of all, compiled anew when they change."""

    def __init__(self, course: Course, assignments: Sequence[str] = ()) -> None:
        self.course = course
        self._chosen = tuple(assignments)
        self._renderer = CellRenderer()
        self.shown: dict[tuple[str, str], Shown] = {}

    def refresh(self) -> list[Shown]:
        """Compile what has changed; return it. What is gone from the sources goes here, too.

        Raises:
            MachineryError: pandoc cannot be run.
        """
        found: dict[tuple[str, str], Shown] = {}
        for assignment in self._chosen or self.course.assignments():
            try:
                sources = self.course.sources(assignment)
                files = _hash_of(self.course.extra_files(assignment))
            except (UsageError, OSError):  # being moved; what was shown stays until it is back
                found |= {key: one for key, one in self.shown.items() if key[0] == assignment}
                continue
            for path in sources:
                old = self.shown.get((assignment, path.stem), Shown(assignment, path.stem))
                found[old.key] = self._current(path, old, files)
        changed = [one for key, one in found.items() if self.shown.get(key) != one]
        self.shown = found
        return changed

    def _current(self, path: Path, old: Shown, files: str) -> Shown:
        began = time.perf_counter()
        try:
            source = _hash_of([path])
        except OSError:
            return old
        if source == old.source:
            return replace(old, files=files)
        new = replace(old, source=source, files=files, problems=())
        try:
            notebook, _ = parse(path, shown=path.relative_to(self.course.root))
            cells = self._renderer.render(student(notebook).cells)
            new = replace(new, cells=cells, title=notebook.header.title)
        except AuthoringError as error:
            new = replace(new, problems=tuple(str(problem) for problem in error.problems))
        return replace(new, seconds=time.perf_counter() - began)


def _hash_of(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
