"""From a parsed notebook to the three nbformat notebooks that are made from it.

==========  ==========  ============  ==============================================
version     homework    secrets       where it goes
==========  ==========  ============  ==============================================
master      solution    in place      ``build/source``: what nbgrader reads
student     stand-ins   gone          ``deltarule convert --student``
solution    solution    gone          ``solutions/``, executed
==========  ==========  ============  ==============================================

The release itself is made by nbgrader from the master. A cell of the master carries, under
``metadata.deltarule.student``, the text that takes its place there (None: the cell goes), which
:class:`deltarule.bridge.preprocessors.RemoveHomework` puts in. Cell ids and ``grade_id``s are the
same in all versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from deltarule.authoring.cells import Cell, Notebook, Role, Secret
from deltarule.authoring.stubs import student_text
from deltarule.authoring.syntax import imports
from deltarule.authoring.tags import TagKind

__all__ = ["judges", "master", "solution", "student"]

SHEET = "_deltarule_sheet"
"""The name under which a compiled test cell keeps its score sheet."""


def master(notebook: Notebook, source_hash: str = "") -> Any:
    """The notebook with solutions, hidden tests and mark schemes (an ``nbformat`` notebook)."""

    def cell_of(cell: Cell) -> tuple[str, dict[str, Any]] | None:
        private: dict[str, Any] = {"line": cell.line}
        if cell.homework:
            private["student"] = student_text(cell)
        if cell.skip:
            private["skip"] = True
        text = _test_text(cell) if cell.role is Role.TEST else cell.master
        if not text and cell.role is Role.ANSWER:
            private["student"] = student_text(cell)
        return (text, {"deltarule": private}) if text or _is_graded(cell) else None

    return _assemble(notebook, cell_of, source_hash)


def student(notebook: Notebook) -> Any:
    """The notebook as students get it: stand-ins for the homework, no secrets."""

    def cell_of(cell: Cell) -> tuple[str, dict[str, Any]] | None:
        text = student_text(cell)
        private = {"deltarule": {"skip": True}} if cell.skip else {}
        return (text or "", private) if text or _is_graded(cell) else None

    return _assemble(notebook, cell_of)


def solution(notebook: Notebook, source_hash: str = "") -> Any:
    """The notebook with the homework solved and without secrets, not yet executed."""

    def cell_of(cell: Cell) -> tuple[str, dict[str, Any]] | None:
        return (cell.solution, {}) if cell.solution or _is_graded(cell) else None

    return _assemble(notebook, cell_of, source_hash)


def _assemble(
    notebook: Notebook,
    cell_of: Callable[[Cell], tuple[str, dict[str, Any]] | None],
    source_hash: str = "",
) -> Any:
    from nbformat import v4

    metadata: dict[str, Any] = {
        "kernelspec": notebook.kernelspec,
        "language_info": {"name": notebook.kernelspec.get("language", "python")},
    }
    if source_hash:
        metadata["deltarule"] = {
            "generated": f"from {notebook.path.name} by 'deltarule build'; edit the source instead",
            "source_sha256": source_hash,
        }
    ids = _Ids()
    cells = []
    for cell in notebook.cells:
        made = cell_of(cell)
        cell_id = ids.of(cell)
        if made is None:
            continue
        text, private = made
        new = getattr(v4, f"new_{cell.kind}_cell")(text, id=cell_id)
        new.metadata.update(_metadata(cell), **private)
        cells.append(new)
    made_notebook = v4.new_notebook(cells=cells, metadata=metadata)
    made_notebook.nbformat_minor = 5
    return made_notebook


class _Ids:
    """Cell ids: the name where there is one; for plain cells a hash of what they say."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def of(self, cell: Cell) -> str:
        if cell.name:
            return cell.name
        digest = hashlib.sha256(f"{cell.kind}\0{cell.solution}".encode()).hexdigest()[:10]
        self.seen[digest] = self.seen.get(digest, 0) + 1
        again = self.seen[digest]
        return f"text-{digest}" + (f"-{again}" if again > 1 else "")


def _is_graded(cell: Cell) -> bool:
    """Whether the gradebook knows the cell, so that no version can do without it."""
    return cell.role in (Role.TEST, Role.ANSWER)


def _metadata(cell: Cell) -> dict[str, Any]:
    made: dict[str, Any] = {}
    tags = list(cell.tags)
    if cell.role is Role.DEMO:
        tags.append("demo")
    if tags:
        made["tags"] = tags
    graded = _is_graded(cell)
    writable = cell.role in (Role.SOLUTION, Role.ANSWER)
    if cell.name and (graded or writable or cell.role is Role.QUESTION):
        made["nbgrader"] = {
            "grade": graded,
            "grade_id": cell.name,
            "locked": not writable,
            "schema_version": 3,
            "solution": writable,
            "task": False,
        }
        if graded:
            points = cell.points or 0.0
            made["nbgrader"]["points"] = int(points) if points == int(points) else points
    return made


def _test_text(cell: Cell) -> str:
    """A test cell; if it calls ``deltarule.judging``, its verdicts become the cell's points."""
    if not judges(cell):
        return cell.master
    rows = cell.master.split("\n")
    begin = rows.index(TagKind.HIDDEN_BEGIN.value)
    end = len(rows) - 1 - rows[::-1].index(TagKind.HIDDEN_END.value)
    points = cell.points or 0.0
    opening = (
        f"from deltarule.judging import Sheet as {SHEET}\n"
        f"{SHEET} = {SHEET}({cell.name!r}, points={points:g})"
    )
    return "\n".join(
        [*rows[: begin + 1], opening, *rows[begin + 1 : end], f"{SHEET}.score()", *rows[end:]]
    )


def judges(cell: Cell) -> bool:
    """Whether a test cell's hidden region imports ``deltarule.judging``."""
    return cell.role is Role.TEST and any(
        imports("\n".join(line.text for line in part.lines), "deltarule.judging")
        for part in cell.parts
        if isinstance(part, Secret)
    )
