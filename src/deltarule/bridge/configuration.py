"""What ``nbgrader_config.py`` does: point nbgrader at compiled sources, and keep them current.

nbgrader looks for notebooks before any of its hooks runs, and copies every other file of its source
folder to students. So the Markdown sources never stand where nbgrader looks::

    source/lab04/lab04.md ──(only when its hash changed)──► build/source/lab04/lab04.ipynb

This code also runs inside the Jupyter server, at start-up and on every formgrader request. Nothing
escapes from it: a source that does not compile loses its compiled notebooks (nbgrader then refuses
that assignment and keeps the old release) and its errors are shown and filed under
``build/errors``.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from deltarule.config import Course

__all__ = ["configure"]

_shown: set[str] = set()
"""What this process has printed already: nbgrader runs its configuration three times."""

GENERATE = (
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "deltarule.bridge.preprocessors.RemoveHomework",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
)
"""nbgrader's own list with its ClearSolutions, which replaces whole cells, exchanged for ours."""

FEEDBACK = (
    "nbgrader.preprocessors.GetGrades",
    "deltarule.bridge.preprocessors.HideSecrets",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
)

DEFAULT_CELL_SECONDS = 120.0


def configure(c: Any, root: str | Path) -> None:
    """Fill nbgrader's configuration for the course at ``root`` and compile what changed.

    Args:
        c: the object that ``get_config()`` returns.
        root: the course folder, or a file in it (``__file__`` of ``nbgrader_config.py``).
    """
    folder = Path(root).resolve()
    course = Course(folder.parent if folder.is_file() else folder)
    _settings(c, course)
    _find_own_programs()
    try:
        _compile(course)
        _replace_converter()
    except Exception:  # noqa: BLE001 - the Jupyter server reads this too and must live on
        _show(f"deltarule: the sources were not compiled:\n{traceback.format_exc()}")
    _hint(course)


def _settings(c: Any, course: Course) -> None:
    directories = c.CourseDirectory
    directories.root = str(course.root)
    directories.source_directory = str(course.compiled.relative_to(course.root))
    directories.solution_directory = "build/solutions"
    directories.db_url = f"sqlite:///{course.gradebook}"
    directories.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".DS_Store"]
    c.GenerateAssignment.preprocessors = list(GENERATE)
    c.GenerateFeedback.preprocessors = list(FEEDBACK)
    # A mark scheme stands in the locked question before an answer, not in a "task" cell.
    c.ClearMarkScheme.enforce_metadata = False
    # A test cell that a student deleted comes back from the gradebook, not to a person's desk.
    c.OverwriteCells.add_missing_cells = True
    # Generating again is how an edited source reaches students; the old release is kept on failure.
    c.GenerateAssignment.force = True
    c.GenerateSolution.force = True
    limits = [
        float(entry.get("cell_seconds") or DEFAULT_CELL_SECONDS)
        for entry in course.read_manifest().values()
        if isinstance(entry, dict)
    ]
    seconds = round(max(limits, default=DEFAULT_CELL_SECONDS))
    c.Execute.timeout = seconds
    c.ExecutePreprocessor.timeout = seconds


def _find_own_programs() -> None:
    """nbgrader starts ``alembic`` by its bare name, which fails where no venv is activated."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])


def _compile(course: Course) -> None:
    from deltarule.bridge.compiled import changed_assignments

    changed = changed_assignments(course)
    if changed:
        from deltarule.bridge.compiled import compile_assignment

        for assignment in changed:
            compile_assignment(course, assignment)
    for file in sorted(course.errors.glob("*.txt")) if course.errors.is_dir() else []:
        _show(file.read_text(encoding="utf-8"))


def _replace_converter() -> None:
    """Let typed commands and formgrader use the converter that never empties a release."""
    if "nbgrader" in sys.modules:
        from deltarule.bridge.release import use_guarded_converter

        use_guarded_converter()


def _show(text: str) -> None:
    if text not in _shown:
        _shown.add(text)
        print(text, file=sys.stderr, flush=True)


def _hint(course: Course) -> None:
    needs_gradebook = {"autograde", "generate_solution"} & set(sys.argv[1:2])
    if needs_gradebook and not course.gradebook.exists():
        _show(
            f"deltarule: there is no gradebook yet, and 'nbgrader {needs_gradebook.pop()}' needs "
            "one; run 'nbgrader generate_assignment NAME' or 'deltarule build' first."
        )
