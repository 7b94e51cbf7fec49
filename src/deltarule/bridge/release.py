"""Make a release with nbgrader's own converter, without ever leaving ``release/`` emptied.

With ``force``, nbgrader deletes the old release first and can fail afterwards; a ``grade_id`` that
changed after the first autograded submission is such a failure. :class:`GuardedGenerateAssignment`
converts into a staging folder and swaps when everything succeeded, after two checks: the sources
compile, and no graded cell appears or goes while submissions exist.

nbgrader has no setting for the class of its converter, so :func:`use_guarded_converter` puts ours
into the modules that name it: the typed command's and the formgrader's.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import textwrap
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import api, generateassignmentapp
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import is_grade, is_solution
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from deltarule.bridge.compiled import (
    compile_assignment,
    needs_compiling,
    parse_assignment,
    record_release,
    recorded_errors,
)
from deltarule.bridge.configuration import authoring_errors_reported_elsewhere, configure
from deltarule.config import CONFIG_NAME, Course, replace_directory
from deltarule.errors import AuthoringError, MachineryError, ReleaseRefusedError, UsageError

__all__ = [
    "GuardedGenerateAssignment",
    "generate_release",
    "refuse_broken_sources",
    "see_recorded",
    "use_guarded_converter",
]

STAGING = "release-"
"""How the folders below ``build`` begin in which releases are made."""

WINDOW = 76
"""Columns that formgrader's error window shows without scrolling."""


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
        try:
            with course.lock():
                refuse_broken_sources(course, assignment)
                if not self.no_database:
                    refuse_orphans(self.coursedir, assignment)
                self._convert_staged(course, assignment)
        except AuthoringError as error:
            # A typed command has shown the mistakes while it read its configuration.
            typed = isinstance(self.parent, generateassignmentapp.GenerateAssignmentApp)
            mistakes = "they are listed above" if typed else f"\n{error}"
            self._fail(f"The sources of '{assignment}' have mistakes: {mistakes}")
        except ReleaseRefusedError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(f"'{assignment}' is not released: {error}")

    def _fail(self, message: str) -> NoReturn:
        """Say so in the log, which formgrader shows in a window."""
        lines = [
            textwrap.fill(line, WINDOW, subsequent_indent="    ", break_long_words=False)
            for line in [*message.split("\n"), "The release is as it was."]
        ]
        self.log.error("%s", "\n".join(lines))
        raise NbGraderException(message) from None

    def _convert_staged(self, course: Course, assignment: str) -> None:
        directory = self.coursedir.release_directory
        target = Path(self.coursedir.format_path(directory, ".", assignment)).resolve()
        for left_over in course.build.glob(f"{STAGING}*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=course.build, prefix=STAGING) as staging:
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


def refuse_broken_sources(course: Course, assignment: str) -> None:
    """Bring the compiled notebooks up to date, and refuse if they cannot be.

    The configuration has compiled already, but it never raises: what went wrong there shows here.

    Raises:
        AuthoringError: with every mistake.
        OSError: the build folder cannot be written.
    """
    if assignment in course.assignments() and needs_compiling(course, assignment):
        compile_assignment(course, assignment)
    if recorded_errors(course, assignment):
        parse_assignment(course, assignment)  # raises with the mistakes as data


def refuse_orphans(coursedir: Any, assignment: str) -> None:
    """Refuse a release that adds, removes or redefines graded cells while submissions exist.

    Raises:
        ReleaseRefusedError: names the cells and says what to do.
    """
    compiled = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    new = {path.stem: _compiled_cells(path) for path in sorted(compiled.glob("*.ipynb"))}
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            recorded = gradebook.find_assignment(assignment)
        except MissingEntry:
            return
        if not recorded.submissions:
            return
        old = {notebook.name: _recorded_cells(notebook) for notebook in recorded.notebooks}
        count = len(recorded.submissions)
    changes = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, {}), new.get(name, {})
        for cell in sorted(before.keys() | after.keys()):
            if cell not in after:
                changes.append(f"{name}: '{cell}' is gone")
            elif cell not in before:
                changes.append(f"{name}: '{cell}' is new")
            elif before[cell] != after[cell]:
                changes.append(f"{name}: '{cell}' was {before[cell]} and is {after[cell]} now")
    if changes:
        listed = "\n    ".join(changes)
        graded = "1 graded submission" if count == 1 else f"{count} graded submissions"
        raise ReleaseRefusedError(
            f"'{assignment}' has {graded}, and these cells differ from what was graded:"
            f"\n    {listed}\nNothing was changed. Give the cells their old names back, or start "
            f"over with 'nbgrader db assignment remove {assignment} --force'."
        )


def _compiled_cells(path: Path) -> dict[str, str]:
    """What each graded, writable or locked cell of a compiled notebook is, by ``grade_id``."""
    notebook = nbformat.read(path, as_version=4)
    return {
        cell.metadata.nbgrader.grade_id: _kind(is_grade(cell), is_solution(cell))
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }


def _recorded_cells(notebook: Any) -> dict[str, str]:
    """The same of a notebook in the gradebook."""
    grade = {cell.name for cell in notebook.grade_cells}
    solution = {cell.name for cell in notebook.solution_cells}
    source = {cell.name for cell in notebook.source_cells}
    return {name: _kind(name in grade, name in solution) for name in grade | solution | source}


def _kind(grade: bool, solution: bool) -> str:
    if grade:
        return "an answer graded by hand" if solution else "a test"
    return "an ungraded answer" if solution else "a locked cell"


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
    with course.lock():  # two that begin at once would both create the gradebook's tables
        refuse_broken_sources(course, assignment)
        refuse_orphans(coursedir, assignment)
        run_converter(GuardedGenerateAssignment(coursedir=coursedir, config=config))


def see_recorded(course: Course, assignment: str, db_url: str) -> None:
    """See that the gradebook knows the assignment as it stands in the sources.

    An assignment of nbgrader's own masters, without a Markdown source, is recorded once, by
    nbgrader, with a release that is thrown away.

    Raises:
        ReleaseRefusedError: graded cells changed although submissions exist.
        MachineryError: nbgrader failed, or the gradebook cannot be read.
    """
    try:
        _see_recorded(course, assignment, db_url)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip()
        raise MachineryError(
            f"the gradebook {make_url(db_url)} cannot be read: {said}\nSee that its server runs "
            "and that its disk has room, then run this again."
        ) from error


def _see_recorded(course: Course, assignment: str, db_url: str) -> None:
    from deltarule.bridge.build import require_recorded

    if assignment in course.assignments():
        require_recorded(course, assignment)
        return
    with course.lock(), Gradebook(db_url) as gradebook:
        try:
            gradebook.find_assignment(assignment)
        except MissingEntry:
            pass
        else:
            return
    coursedir, config = course_directory(course, assignment)
    with tempfile.TemporaryDirectory(dir=course.build, prefix=STAGING) as scratch:
        coursedir.release_directory = scratch
        coursedir.db_url = db_url
        with course.lock(), contextlib.chdir(course.root):  # a header is found from there
            run_converter(GenerateAssignment(coursedir=coursedir, config=config))


def course_directory(course: Course, assignment: str) -> tuple[Any, Any]:
    """nbgrader's view of the course, and its configuration, as ``nbgrader_config.py`` gives it.

    An assignment without a Markdown source is nbgrader's own, and so is the configuration then.

    Raises:
        UsageError: the configuration cannot be used, or the gradebook is on a server and the
            course has no id there.
    """
    if assignment in course.assignments():
        config = load_config(course)
        coursedir = CourseDirectory(config=config)
    else:
        from deltarule.bridge.masters import foreign_directory

        coursedir, config = foreign_directory(course, assignment)
    if not coursedir.course_id and not coursedir.db_url.startswith("sqlite"):
        raise UsageError(
            f"{course.root / CONFIG_NAME}: a gradebook on a server needs a name for the course; "
            "add c.CourseDirectory.course_id = 'the-name'"
        )
    coursedir.assignment_id = assignment
    return coursedir, config


def load_config(course: Course) -> Any:
    """The course's configuration: our settings, then what else its own file says."""
    from traitlets.config.loader import PyFileConfigLoader

    config = Config()
    with authoring_errors_reported_elsewhere():
        configure(config, course.root)
        file = course.root / CONFIG_NAME
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
