"""A plan: everything known about an assignment before any submission is opened.

::

    masters (bridge) ──plan_assignment──► AssignmentPlan ──read_papers──► what one student's run is
    with all secrets                      a kind for every cell

Nothing is run here, and nothing that a student handed in is read.
"""

from __future__ import annotations

import ast
import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deltarule.authoring.syntax import transformed
from deltarule.bridge.masters import Master, MasterCell, read_masters
from deltarule.config import Course

__all__ = [
    "AssignmentPlan",
    "NotebookPlan",
    "PlannedCell",
    "has_code",
    "modules_to_warm",
    "normal_text",
    "plan_assignment",
]

DEMO = "demo"
"""The Jupyter tag by which a compiled notebook marks a demo cell."""

LONGEST_TEXT = 1_000_000
"""Characters of a text that is looked at line by line; a longer one has pictures inside."""


@dataclass(frozen=True)
class PlannedCell:
    """A cell of an assignment's notebook.

    Attributes:
        id: the cell's id in the compiled notebook; unique there.
        grade_id: nbgrader's name of it; "" where it has none.
        kind: ``plain`` (given code), ``solution`` (code that students complete), ``test``,
            ``locked`` (code or text that students must not change), ``manual`` (an answer graded by
            a person), ``task`` (nbgrader's locked text whose points a person gives) or ``text``.
        source: as compiled: with the solution, hidden tests and mark schemes.
        visible: as released: what students see, and what runs where their code runs.
        points: of a test, an answer or a task.
        demo: whether it is there to be looked at, and nothing depends on it.
        verdict_in: where a test is judged, ``grader`` or ``fork``; decided elsewhere.
        cell_type: nbformat's ``code``, ``markdown`` or ``raw``.
        released: False for a cell that the solution has and no student ever gets.
    """

    id: str
    grade_id: str
    kind: str
    source: str
    visible: str
    points: float = 0.0
    demo: bool = False
    verdict_in: str = "grader"
    cell_type: str = "code"
    released: bool = True

    @property
    def fixed(self) -> bool:
        """Whether it has the author's text whatever a student does to it."""
        return self.kind in ("test", "locked", "task")

    @property
    def title(self) -> str:
        """What a message calls it."""
        kinds = {"test": "the test cell", "manual": "the answer", "solution": "the solution cell"}
        return f"{kinds.get(self.kind, 'the read-only cell')} '{self.grade_id}'"

    def unchanged(self, text: str) -> bool:
        """Whether a student's text is still the released one."""
        return normal_text(text) == normal_text(self.visible)


@dataclass(frozen=True)
class NotebookPlan:
    """A notebook of an assignment.

    Attributes:
        name: without ``.ipynb``.
        cells: in order.
        metadata: kernel and language of the compiled notebook.
        imports: the top-level import statements of the released code outside solutions, once each,
            in order. What only hidden tests import is not among them: those tests run it.
    """

    name: str
    cells: tuple[PlannedCell, ...]
    metadata: dict[str, Any]
    imports: tuple[str, ...]


@dataclass(frozen=True)
class AssignmentPlan:
    """An assignment, as its author has it.

    Attributes:
        assignment: its name.
        notebooks: sorted by name.
        files: what a submission finds beside its notebooks, by relative name; the author's own, in
            the place of a student's copy.
        limits: by notebook's name, what the author set: ``cell_seconds``, ``memory_mb``.
        key: a hash of all this, the files' contents included.
    """

    assignment: str
    notebooks: tuple[NotebookPlan, ...]
    files: tuple[tuple[str, Path], ...]
    limits: dict[str, dict[str, float]]
    key: str


def plan_assignment(course: Course, assignment: str) -> AssignmentPlan:
    """Plan an assignment of Markdown sources, or of nbgrader's own master notebooks.

    Args:
        course: with ``source/<assignment>/*.md``, compiled first if need be; or with
            ``source/<assignment>/*.ipynb`` and, if any, an ``nbgrader_config.py`` of its own.
        assignment: its name.

    Raises:
        UsageError: there is no such assignment, or the configuration cannot be used.
        AuthoringError: a source has mistakes.
    """
    masters = read_masters(course, assignment)
    notebooks = tuple(_notebook(one, masters.compiled) for one in masters.notebooks)
    limits = {one.name: one.limits for one in masters.notebooks}
    key = _key(assignment, notebooks, masters.files, limits)
    return AssignmentPlan(assignment, notebooks, masters.files, limits, key)


def modules_to_warm(plan: AssignmentPlan) -> tuple[str, ...]:
    """The modules that the notebooks of an assignment import, for a process to have them ready.

    A fork carries along all that is imported: of what no notebook needs, each test would pay for
    the copy. What only hidden tests import is imported by the grader.
    """
    found = {"IPython.display": None}
    optimisers = False
    for notebook in plan.notebooks:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                text = cell.visible if cell.kind == "test" else cell.source
                found.update(dict.fromkeys(_modules(_statements(text))))
                optimisers |= "optim" in cell.source
    if any(name.partition(".")[0] == "matplotlib" for name in found):
        found.update({"matplotlib.pyplot": None, "matplotlib_inline.backend_inline": None})
    if optimisers and any(name.partition(".")[0] == "torch" for name in found):
        found["torch.optim"] = None
    return tuple(found)


def _modules(nodes: Iterable[ast.Import | ast.ImportFrom]) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.module and not node.level:
            yield node.module


def normal_text(text: str) -> str:
    """A text without what editors change by themselves: line ends, and blanks before them."""
    if len(text) > LONGEST_TEXT:
        return text
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip("\n")


def has_code(text: str) -> bool:
    """Whether a cell's text has a line that is neither blank nor a comment."""
    return any(line.strip() and not line.strip().startswith("#") for line in text.split("\n"))


def _notebook(master: Master, compiled: bool) -> NotebookPlan:
    cells = tuple(_cell(cell, compiled) for cell in master.cells)
    return NotebookPlan(master.name, cells, master.metadata, tuple(_imports(cells)))


def _cell(cell: MasterCell, compiled: bool) -> PlannedCell:
    kind = _kind(cell)
    graded = kind in ("test", "manual", "task")
    return PlannedCell(
        id=cell.id,
        grade_id=str(cell.nbgrader.get("grade_id", "")) if kind not in ("plain", "text") else "",
        kind=kind,
        source=cell.source,
        visible=cell.visible or "",
        points=float(cell.nbgrader.get("points", 0)) if graded else 0.0,
        # Elsewhere the tag promises nothing, and a cell that is left out could cost points.
        demo=compiled and kind == "plain" and DEMO in cell.tags,
        cell_type=cell.cell_type,
        released=cell.visible is not None,
    )


def _kind(cell: MasterCell) -> str:
    settings: Mapping[str, Any] = cell.nbgrader
    if settings.get("task"):
        return "task"
    if settings.get("grade"):
        return "manual" if settings.get("solution") else "test"
    if settings.get("solution"):
        return "solution"
    if settings.get("locked"):
        return "locked"
    return "plain" if cell.cell_type == "code" else "text"


def _imports(cells: Iterable[PlannedCell]) -> dict[str, None]:
    found: dict[str, None] = {}
    for cell in cells:
        if cell.cell_type != "code" or cell.kind not in ("plain", "locked", "test"):
            continue
        for node in _statements(cell.visible):
            found[ast.unparse(node)] = None
    return found


def _statements(text: str) -> list[ast.Import | ast.ImportFrom]:
    """The import statements at the top level of a cell."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an author's odd string; not ours to report
            tree = ast.parse(transformed(text))
    except (SyntaxError, ValueError):
        return []  # another language, or broken on purpose
    return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def _key(
    assignment: str,
    notebooks: tuple[NotebookPlan, ...],
    files: tuple[tuple[str, Path], ...],
    limits: Mapping[str, Mapping[str, float]],
) -> str:
    plain = [assignment, [asdict(notebook) for notebook in notebooks], limits]
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name, path in files:
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
