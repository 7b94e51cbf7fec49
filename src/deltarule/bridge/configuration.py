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
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deltarule.config import Course

__all__ = ["authoring_errors_reported_elsewhere", "configure", "put_programs_on_path"]

_shown: set[str] = set()
"""What this process has printed already: nbgrader runs its configuration three times."""

_reporting = True
"""Whether authoring errors are printed; see :func:`authoring_errors_reported_elsewhere`."""

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
    "deltarule.bridge.feedback_page.Grades",
    "deltarule.bridge.preprocessors.HideSecrets",
    "deltarule.bridge.feedback_page.ShowVerdicts",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
)

DEFAULT_CELL_SECONDS = 120.0
LONGEST_CELL_SECONDS = 7 * 24 * 3600.0
"""A recorded limit above a week is damage, not a limit."""

UNFIT_FOR_A_PATH = "[]*?%"
"""nbgrader looks for notebooks with ``glob``, and addresses its gradebook with a URL."""


def configure(c: Any, root: str | Path) -> None:
    """Fill nbgrader's configuration for the course at ``root`` and compile what changed.

    Args:
        c: the object that ``get_config()`` returns.
        root: the course folder, or a file in it (``__file__`` of ``nbgrader_config.py``).
    """
    for step in (_settings, _find_own_programs, _quieten, _compile, _replace_converter, _hint):
        try:
            folder = Path(root).resolve()
            step(c, Course(folder.parent if folder.is_file() else folder))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the Jupyter server must live on
            _show(_explained(error))


def _explained(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"deltarule: the course folder cannot be used as it is: {error}"
    report = "".join(traceback.format_exception(error))
    return f"deltarule: the configuration is not complete:\n{report}"


def _settings(c: Any, course: Course) -> None:
    directories = c.CourseDirectory
    directories.root = str(course.root)
    directories.source_directory = str(course.compiled.relative_to(course.root))
    directories.solution_directory = "build/solutions"
    directories.db_url = f"sqlite:///{course.gradebook}"
    directories.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".DS_Store"]
    c.GenerateAssignment.preprocessors = list(GENERATE)
    c.GenerateFeedback.preprocessors = list(FEEDBACK)
    c.GenerateFeedback.exporter_class = "deltarule.bridge.feedback_page.FeedbackExporter"
    # A mark scheme stands in the locked question before an answer, not in a "task" cell.
    c.ClearMarkScheme.enforce_metadata = False
    # A test cell that a student deleted comes back from the gradebook, not to a person's desk.
    c.OverwriteCells.add_missing_cells = True
    # Generating again is how an edited source reaches students; the old release is kept on failure.
    c.GenerateAssignment.force = True
    c.GenerateSolution.force = True
    seconds = round(max(_cell_seconds(course), default=DEFAULT_CELL_SECONDS))
    c.Execute.timeout = seconds
    c.ExecutePreprocessor.timeout = seconds


def _cell_seconds(course: Course) -> list[float]:
    """The time limits that the manifest records; a damaged one counts as none."""
    limits = []
    for entry in course.read_manifest().values():
        limit = entry.get("cell_seconds") if isinstance(entry, dict) else None
        if isinstance(limit, int | float) and 0 < limit < LONGEST_CELL_SECONDS:
            limits.append(float(limit))
        else:
            limits.append(DEFAULT_CELL_SECONDS)
    return limits


def _find_own_programs(_c: Any, _course: Course) -> None:
    put_programs_on_path()


def put_programs_on_path() -> None:
    """nbgrader starts ``alembic`` by its bare name, which fails where no venv is activated."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])


def _quieten(c: Any, _course: Course) -> None:
    """Keep the terminal for what matters to an instructor."""
    # A kernel on plain TCP prints five lines at each start. Encrypted, it is silent and safer; a
    # socket file would be silent too, but not below a long home folder.
    zmq = sys.modules.get("zmq")  # whoever starts kernels has imported it
    if zmq is not None and zmq.has("curve"):
        c.KernelManager.transport_encryption = "auto"
    # nbgrader 0.9.6 adds a submission while SQLAlchemy flushes; the rows are right.
    warnings.filterwarnings("ignore", message="Object of type <Submitted", module="nbgrader")


def _compile(_c: Any, course: Course) -> None:
    from deltarule.bridge.compiled import changed_assignments, put_back_interrupted

    put_back_interrupted(course)
    changed = changed_assignments(course)
    if changed:
        from deltarule.bridge.compiled import compile_assignment

        for assignment in changed:
            try:
                compile_assignment(course, assignment)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - others shall compile
                _show(f"{assignment}: not compiled\n{_explained(error)}")
    if _reporting and course.errors.is_dir():
        for path in sorted(course.errors.glob("*.txt")):
            _show(path.read_text(encoding="utf-8"))


@contextmanager
def authoring_errors_reported_elsewhere() -> Iterator[None]:
    """Do not print authoring errors meanwhile: our own commands report each in its place."""
    global _reporting
    before, _reporting = _reporting, False
    try:
        yield
    finally:
        _reporting = before


def _replace_converter(_c: Any, _course: Course) -> None:
    """Let typed commands and formgrader use the converter that never empties a release."""
    if "nbgrader" in sys.modules:
        from deltarule.bridge.release import use_guarded_converter

        use_guarded_converter()


def _show(text: str) -> None:
    if text not in _shown:
        _shown.add(text)
        print(text, file=sys.stderr, flush=True)


def _hint(_c: Any, course: Course) -> None:
    if unfit := sorted(set(UNFIT_FOR_A_PATH) & set(str(course.root))):
        _show(
            f"deltarule: nbgrader cannot work in {course.root}: it takes {' '.join(unfit)} in a "
            "path for a pattern or an escape; rename that folder."
        )
    needs_gradebook = {"autograde", "generate_solution"} & set(sys.argv[1:2])
    if needs_gradebook and not course.gradebook.exists():
        _show(
            f"deltarule: there is no gradebook yet, and 'nbgrader {needs_gradebook.pop()}' needs "
            "one; run 'nbgrader generate_assignment NAME' or 'deltarule build' first."
        )
