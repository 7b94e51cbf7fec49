"""Make a release with nbgrader's own converter, without ever leaving ``release/`` emptied.

With ``force``, nbgrader deletes the old release first and can fail afterwards; a ``grade_id`` that
changed after the first autograded submission is such a failure. :class:`GuardedGenerateAssignment`
converts into a staging folder and swaps when everything succeeded, after two checks: the sources
compile, and no graded cell appears or goes while submissions exist.

nbgrader has no setting for the class of its converter, so :func:`use_guarded_converter` puts ours
into the modules that name it: the typed command's and the formgrader's.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import api, generateassignmentapp
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from deltarule.bridge.compiled import record_release, recorded_errors
from deltarule.bridge.configuration import configure
from deltarule.config import Course, replace_directory
from deltarule.errors import MachineryError, ReleaseRefusedError

__all__ = ["GuardedGenerateAssignment", "generate_release", "use_guarded_converter"]


class GuardedGenerateAssignment(GenerateAssignment):
    """nbgrader's GenerateAssignment, staged: the old release stays until the new one is whole."""

    def start(self) -> None:
        """Check, convert into a staging folder, swap.

        Raises:
            NbGraderException: the sources have errors, the change would orphan submissions, or
                nbgrader failed. The release is as it was.
        """
        assignment = self.coursedir.assignment_id
        course = Course(Path(self.coursedir.root))
        if errors := recorded_errors(course, assignment):
            self.log.error("The sources of '%s' have mistakes:\n%s", assignment, errors)
            raise NbGraderException(f"the sources of '{assignment}' have mistakes:\n{errors}")
        if not self.no_database:
            try:
                refuse_orphans(self.coursedir, assignment)
            except ReleaseRefusedError as error:
                self.log.error("%s", error)
                raise NbGraderException(str(error)) from error
        with course.lock():
            self._convert_staged(course, assignment)

    def _convert_staged(self, course: Course, assignment: str) -> None:
        directory = self.coursedir.release_directory
        target = Path(self.coursedir.format_path(directory, ".", assignment)).resolve()
        with tempfile.TemporaryDirectory(dir=course.build, prefix="release-") as staging:
            if self.coursedir.notebook_id != "*" and target.is_dir():
                shutil.copytree(target, Path(staging) / assignment)
            self.coursedir.release_directory = staging
            try:
                super().start()
            finally:
                self.coursedir.release_directory = directory
            staged = Path(staging) / assignment
            if staged.is_dir():
                replace_directory(staged, target)
                self.log.info("Released %s", target)
            if not self.no_database and target == course.release / assignment:
                record_release(course, assignment)


def use_guarded_converter() -> None:
    """Put :class:`GuardedGenerateAssignment` in the place of nbgrader's class, once."""
    generateassignmentapp.GenerateAssignment = GuardedGenerateAssignment
    api.GenerateAssignment = GuardedGenerateAssignment


def refuse_orphans(coursedir: Any, assignment: str) -> None:
    """Refuse a release that adds or removes graded cells while submissions exist.

    Raises:
        ReleaseRefusedError: names the cells and says what to do.
    """
    compiled = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    new = {path.stem: _grade_ids(path) for path in sorted(compiled.glob("*.ipynb"))}
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            recorded = gradebook.find_assignment(assignment)
        except MissingEntry:
            return
        if not recorded.submissions:
            return
        old = {
            notebook.name: {
                cell.name
                for cell in (
                    *notebook.grade_cells,
                    *notebook.solution_cells,
                    *notebook.source_cells,
                )
            }
            for notebook in recorded.notebooks
        }
        count = len(recorded.submissions)
    changes = []
    for name in sorted(old.keys() | new.keys()):
        gone = sorted(old.get(name, set()) - new.get(name, set()))
        come = sorted(new.get(name, set()) - old.get(name, set()))
        changes += [f"{name}: '{cell}' is gone" for cell in gone]
        changes += [f"{name}: '{cell}' is new" for cell in come]
    if changes:
        listed = "\n    ".join(changes)
        raise ReleaseRefusedError(
            f"'{assignment}' has {count} graded submissions, and these cells differ from what they "
            f"were graded with:\n    {listed}\nNothing was changed. Give the cells their old names "
            f"back, or start over with 'nbgrader db assignment remove {assignment} --force'."
        )


def _grade_ids(path: Path) -> set[str]:
    notebook = nbformat.read(path, as_version=4)
    return {
        cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata
    }


def generate_release(
    course: Course, assignment: str, *, release: Path | None = None, db_url: str | None = None
) -> None:
    """Run the guarded converter for one assignment, as the typed command would.

    Args:
        course: the course.
        assignment: its sources must be compiled already.
        release: where to write instead of ``release/``.
        db_url: another gradebook than the course's.

    Raises:
        AuthoringError: the sources have mistakes.
        ReleaseRefusedError: the change would orphan submissions.
        MachineryError: nbgrader failed; its log is in the message.
    """
    coursedir, config = course_directory(course, assignment)
    if release is not None:
        coursedir.release_directory = str(release)
    if db_url is not None:
        coursedir.db_url = db_url
    refuse_orphans(coursedir, assignment)
    run_converter(GuardedGenerateAssignment(coursedir=coursedir, config=config))


def course_directory(course: Course, assignment: str) -> tuple[Any, Any]:
    """nbgrader's view of the course, and its configuration, as ``nbgrader_config.py`` gives it."""
    config = load_config(course)
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = assignment
    return coursedir, config


def load_config(course: Course) -> Any:
    """The course's configuration: our settings, then what else its own file says."""
    from traitlets.config.loader import PyFileConfigLoader

    config = Config()
    configure(config, course.root)
    file = course.root / "nbgrader_config.py"
    if file.is_file():
        config.merge(PyFileConfigLoader(file.name, path=str(course.root)).load_config())
    return config


def run_converter(converter: Any) -> None:
    """Run one of nbgrader's converters; its log becomes the error when it fails.

    Raises:
        MachineryError: with the log.
    """
    from nbgrader.utils import capture_log

    outcome = capture_log(converter)
    if not outcome["success"]:
        log = (outcome.get("log") or "").strip()
        raise MachineryError(f"nbgrader failed:\n{log}\n{outcome.get('error') or ''}".rstrip())
