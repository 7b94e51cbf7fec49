"""Masters: the notebooks that nbgrader takes for an assignment's source, and what students see.

::

    source/lab04/lab04.md ──compiled──► build/source/lab04/lab04.ipynb ─┐
    source/hw1/hw1.ipynb  (nbgrader's own, without any Markdown) ───────┴─► masters ─► cells

What is hidden from students is decided by nbgrader itself: its list of preprocessors is run as the
course configures it, delimiters included, up to the gradebook's step and beyond it. Nothing is
written, and the gradebook is not opened.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltarule.bridge.compiled import parse_assignment
from deltarule.bridge.configuration import put_programs_on_path
from deltarule.config import CONFIG_NAME, Course
from deltarule.errors import AuthoringError, Problem, UsageError

__all__ = ["Master", "MasterCell", "Masters", "foreign_directory", "read_masters"]

TIMED = ("Execute", "ExecutePreprocessor", "NotebookClient")
"""Where an nbgrader configuration can say how long a cell may take."""


@dataclass(frozen=True)
class MasterCell:
    """A cell of a master.

    Attributes:
        id: nbformat's cell id; made up where the notebook is too old to have any.
        cell_type: ``code``, ``markdown`` or ``raw``.
        source: with solution, hidden tests and mark scheme.
        visible: as released; None where the cell is in the solution only.
        nbgrader: the cell's metadata of that name.
        tags: the cell's Jupyter tags.
    """

    id: str
    cell_type: str
    source: str
    visible: str | None
    nbgrader: Mapping[str, Any]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Master:
    """A master notebook.

    Attributes:
        name: of the notebook, without ``.ipynb``.
        cells: in order.
        metadata: kernel and language, nothing else.
        limits: what grading allows, e.g. ``cell_seconds``.
    """

    name: str
    cells: tuple[MasterCell, ...]
    metadata: dict[str, Any]
    limits: dict[str, float]


@dataclass(frozen=True)
class Masters:
    """An assignment's masters, and the files beside them by their relative names.

    Attributes:
        compiled: whether Deltarule made them from Markdown.
    """

    notebooks: tuple[Master, ...]
    files: tuple[tuple[str, Path], ...]
    compiled: bool


def read_masters(course: Course, assignment: str) -> Masters:
    """Read an assignment's masters; those of Markdown sources are compiled first if need be.

    Raises:
        UsageError: there is no such assignment, or the configuration cannot be used.
        AuthoringError: a source does not compile, or nbgrader cannot release a master.
    """
    from deltarule.bridge.release import course_directory, refuse_broken_sources

    compiled = assignment in course.assignments()
    coursedir, config = course_directory(course, assignment)
    if compiled:
        refuse_broken_sources(course, assignment)
        limits = {one.name: dict(one.header.limits) for one in parse_assignment(course, assignment)}
    else:
        limits = {}
    folder = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    paths = sorted(folder.glob("*.ipynb")) if assignment else []
    if not paths:
        raise UsageError(
            f"there is no assignment '{assignment}': neither {course.source / assignment}/*.md "
            f"nor {folder}/*.ipynb exists"
        )
    other = _seconds(config)
    # nbgrader's converters work in the course's folder too: header, footer and test templates.
    with contextlib.chdir(coursedir.root):
        notebooks = tuple(
            _read(path, coursedir, config, limits.get(path.stem, other)) for path in paths
        )
    return Masters(notebooks, _files(folder, coursedir, config), compiled)


def foreign_directory(course: Course, assignment: str) -> tuple[Any, Any]:
    """nbgrader's view of a course of its own, with its own configuration if there is one."""
    from nbgrader.coursedir import CourseDirectory
    from traitlets import TraitError
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    put_programs_on_path()
    config = Config()
    config.CourseDirectory.root = str(course.root)
    if (course.root / CONFIG_NAME).is_file():
        try:
            config.merge(PyFileConfigLoader(CONFIG_NAME, path=str(course.root)).load_config())
        except Exception as error:  # it is a program, and may raise anything
            said = f"{type(error).__name__}: {error}"
            raise UsageError(f"{course.root / CONFIG_NAME} cannot be used: {said}") from error
    try:
        coursedir = CourseDirectory(config=config)
        coursedir.assignment_id = assignment
    except TraitError as error:
        raise UsageError(f"nbgrader does not take this: {error}") from error
    return coursedir, config


def _read(path: Path, coursedir: Any, config: Any, limits: dict[str, float]) -> Master:
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    try:
        notebook = nbformat.read(path, as_version=4)
        MetadataValidator().upgrade_notebook_metadata(notebook)
        cells = _cells(notebook, path, coursedir, config)
    except Exception as error:  # of nbgrader's many kinds; the first one says which cell
        said = str(error.__context__ or error).strip().split("\n")[0] or type(error).__name__
        message = f"nbgrader cannot make a release of this notebook: {said}"
        raise AuthoringError([Problem(path, 0, message)]) from error
    known = {key: notebook.metadata.get(key) for key in ("kernelspec", "language_info")}
    metadata = json.loads(json.dumps({key: value for key, value in known.items() if value}))
    return Master(path.stem, cells, metadata, limits)


def _cells(notebook: Any, path: Path, coursedir: Any, config: Any) -> tuple[MasterCell, ...]:
    """The cells as written, as the gradebook would have them, and as released.

    Solutions are taken before nbgrader clears them; tests and questions as late as they are whole,
    since a step may have put something into them.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions, SaveCells

    from deltarule.bridge.preprocessors import RemoveHomework

    resources = {
        "metadata": {"name": path.stem, "path": str(path.parent)},
        "unique_key": path.stem,
        "nbgrader": {
            "notebook": path.stem,
            "assignment": coursedir.assignment_id,
            "student": ".",
            "db_url": coursedir.db_url,
        },
    }
    written: list[Any] = []
    whole: dict[str, str] = {}
    for step in _steps(coursedir, config):
        if not written and isinstance(step, ClearSolutions | RemoveHomework):
            written = _snapshot(notebook)
        if not whole and isinstance(step, SaveCells | ClearHiddenTests | ClearMarkScheme):
            whole = {cell.id: cell.source for cell in _snapshot(notebook)}
        if not isinstance(step, SaveCells):
            notebook, resources = step.preprocess(notebook, resources)
    released = {cell.id: cell for cell in _snapshot(notebook)}
    made = []
    for cell in written or released.values():
        shown = released.get(cell.id)
        settings = dict((shown or cell).metadata.get("nbgrader", {}))
        source = cell.source if settings.get("solution") else whole.get(cell.id, cell.source)
        visible = shown.source if shown is not None else None
        tags = tuple(cell.metadata.get("tags", ()))
        made.append(MasterCell(cell.id, cell.cell_type, source, visible, settings, tags))
    return tuple(made)


def _steps(coursedir: Any, config: Any) -> list[Any]:
    """The preprocessors with which this course makes its releases."""
    from nbgrader.converters import GenerateAssignment
    from traitlets.utils.importstring import import_item

    listed: Sequence[Any] = GenerateAssignment(coursedir=coursedir, config=config).preprocessors
    kinds = [import_item(one) if isinstance(one, str) else one for one in listed]
    steps = [kind(config=config) for kind in kinds]
    return [step for step in steps if step.enabled]


def _snapshot(notebook: Any) -> list[Any]:
    """Copies of the cells, each with an id of its own by which it is found again."""
    taken = {cell.get("id") for cell in notebook.cells}
    free = (name for number in itertools.count(1) if (name := f"cell-{number}") not in taken)
    seen: set[str] = set()
    for cell in notebook.cells:
        if not cell.get("id") or cell.id in seen:
            cell.id = next(free)
        seen.add(cell.id)
    return [type(cell)(cell) for cell in notebook.cells]


def _seconds(config: Any) -> dict[str, float]:
    """The time that the course's configuration gives a cell, if it says anything about it."""
    from nbgrader.preprocessors import Execute

    said = any("timeout" in config[name] for name in TIMED)
    timeout = Execute(config=config).timeout
    return {"cell_seconds": float(timeout)} if said and timeout and timeout > 0 else {}


def _files(folder: Path, coursedir: Any, config: Any) -> tuple[tuple[str, Path], ...]:
    """What nbgrader's autograding copies over a student's files."""
    from nbgrader.converters import Autograde
    from nbgrader.utils import find_all_files

    kept = Autograde(coursedir=coursedir, config=config).exclude_overwriting
    students = {Path(name) for name in kept.get(coursedir.assignment_id, ())}
    found = [Path(name) for name in find_all_files(str(folder), [*coursedir.ignore, "*.ipynb"])]
    names = {path.relative_to(folder): path for path in found}
    return tuple((n.as_posix(), names[n]) for n in sorted(names) if n not in students)
