"""Record what grading found as if nbgrader had autograded: one folder, one transaction.

The verdicts are made elsewhere. This writes ``autograded/`` and the rows of nbgrader's gradebook;
formgrader, feedback, export and ``nbgrader db`` go on from there. nbgrader's Autograde opens nine
connections for each submission; here one does for the whole class::

    fill a folder beside ──► BEGIN, rows ──► exchange the folders ──► COMMIT

**Why this order.** Whatever fails before the exchange, a full disk above all, leaves files and rows
as they were. If the commit fails, the old folder comes back. Only a kill between exchange and
commit leaves new files with old rows, never scores for notebooks that nobody can open; formgrader
shows a first or newer submission as not graded then, since it compares the time in its row with
the one that was handed in. Recording once more puts everything right: all is written from the
record, nothing is read back from the folder. So whoever keeps results notes one as kept only after
:meth:`GradebookWriter.record` returned, and forgets the older one before.

The first statement of a transaction is a write to the assignment's row. It holds off every other
writer from there on, in SQLite (whole file) and PostgreSQL (this row) alike, so that neither two
graders nor a release can change what was just read. The journal mode of SQLite stays as it is: WAL
does not work on network disks, survives in the file, and makes a copy of it incomplete.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from nbformat.validator import iter_validate
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.nbgraderformat import MetadataValidator, SchemaTooNewError, SchemaTooOldError
from nbgrader.nbgraderformat import ValidationError as MetadataError
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from traitlets import TraitError

from deltarule.bridge.grade_rows import Outcome, SubmissionRows, read_scores
from deltarule.bridge.recorded import (
    CopyRules,
    copy_submitted,
    copy_tree,
    exchanged,
    set_permissions,
    share,
    staging,
)
from deltarule.config import Course
from deltarule.errors import MachineryError, UsageError

__all__ = ["GradebookWriter", "Record"]

BUSY_SECONDS = 15
"""How long one attempt waits for another writer; formgrader saves within milliseconds."""

PAUSES = (0.1, 0.5, 2.0)
"""Seconds before each further attempt: a database server that starts again needs some."""

LIBPQ = frozenset({"psycopg", "psycopg2"})
"""Drivers that hand PostgreSQL's ``options`` on."""

SHOWN = 5
"""How many names of files that were not copied a warning gives."""

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Record:
    """What came of one submission.

    Attributes:
        student: nbgrader's id of the student.
        notebooks: the graded notebooks by name, in nbformat 4 (nodes or plain dictionaries), with
            nbgrader's metadata and the outputs. One that was not handed in, or that cannot be
            read, is not among them.
        scores: automatic points by notebook and ``grade_id``; None where a person has to look.
            Written answers and tasks may be left out. Where the notebook is not in ``notebooks``,
            what is left out counts zero.
        timestamp: when it was handed in (UTC), or None if nothing says so.
        files: the submission's folder, whose other files go to ``autograded/`` as well.
    """

    student: str
    notebooks: Mapping[str, Any]
    scores: Mapping[tuple[str, str], float | None]
    timestamp: datetime | None
    files: Path | None


class GradebookWriter:
    """The one writer of an assignment's grades; a context manager.

    Args:
        coursedir: nbgrader's view of the course.
        config: nbgrader's configuration.
        assignment: its name.
        db_url: the gradebook, SQLite or PostgreSQL.
        autograded: the folder for the graded notebooks.
    """

    def __init__(
        self, coursedir: Any, config: Any, assignment: str, db_url: str, autograded: Path
    ) -> None:
        self._coursedir = coursedir
        self._assignment = assignment
        self._db_url = db_url
        self._autograded = autograded
        self._metadata = MetadataValidator()
        self._valid: dict[str, str] = {}
        try:
            self._settings = Autograde(coursedir=coursedir, config=config)
            late = AssignLatePenalties(config=config)
            late.init_plugin()
        except (TraitError, ImportError) as error:
            raise UsageError(f"the course's nbgrader_config.py is wrong: {error}") from error
        self._late = late.plugin_inst if late.enabled else None
        kilobyte = 1000  # as nbgrader counts
        self._rules = CopyRules(
            (*coursedir.ignore, "*.ipynb"),
            coursedir.max_file_size * kilobyte,
            coursedir.max_dir_size * kilobyte,
        )

    def __enter__(self) -> GradebookWriter:
        """Open the gradebook; its tables are made if there are none.

        Raises:
            MachineryError: it cannot be opened.
            UsageError: it does not know the assignment.
        """
        try:
            with Course(Path(self._coursedir.root)).lock():  # two would both make the tables
                self._retried("opened", self._make_tables)
                self._engine = _engine(self._db_url)
                known = self._retried("read", self._knows_assignment)
        except (OSError, subprocess.CalledProcessError) as error:
            raise MachineryError(f"the gradebook is not opened: {error}") from error
        if not known:
            self._engine.dispose()
            raise UsageError(
                f"the gradebook {self._place} has no assignment '{self._assignment}'; run "
                f"'deltarule build {self._assignment}' or 'nbgrader generate_assignment "
                f"{self._assignment}' first"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    @property
    def _place(self) -> str:
        """The gradebook's address without a password."""
        return str(make_url(self._db_url))

    def _make_tables(self) -> None:
        Gradebook(self._db_url, self._coursedir.course_id).close()

    def _knows_assignment(self) -> bool:
        with self._engine.connect() as connection:
            return SubmissionRows.knows(connection, self._assignment)

    def record(self, record: Record) -> None:
        """Write one submission's graded notebooks and grades; all of it, or nothing.

        Scores, extra credit and comments that people gave are kept. Where they gave points,
        formgrader asks them to look again, as after nbgrader's own autograding.

        Raises:
            MachineryError: the gradebook stays busy or breaks off, the disk is full, a notebook
                is not valid, or the gradebook's cells are others than those that were graded.
                What was recorded before stands.
            UsageError: the student is unknown, and the configuration adds none.
        """
        self._check_name(record.student)
        nodes = {name: nbformat.from_dict(node) for name, node in record.notebooks.items()}
        record = replace(record, notebooks=nodes)
        texts = {name: self._text(name, node) for name, node in nodes.items()}
        place = self._coursedir.format_path(str(self._autograded), record.student, self._assignment)
        target = Path(place).resolve()
        try:
            with staging(target) as new:
                self._fill(new, record, texts)
                self._retried(
                    f"written for {record.student}", lambda: self._transact(record, new, target)
                )
            if self._coursedir.groupshared:
                share(target.parent)
                share(self._autograded)
        except OSError as error:
            raise MachineryError(
                f"{record.student} is not recorded, what was recorded before stands: {error}; "
                "make room on the disk, or see who may write there, and run this again"
            ) from error

    def penalise_again(self, student: str, notebooks: Collection[str]) -> None:
        """Bring what is taken off a recorded submission up to date, and nothing else.

        The due time, an extension, the plugin or people's points may be others than when it was
        recorded.

        Args:
            student: who handed it in.
            notebooks: those that were handed in.

        Raises:
            MachineryError: the plugin fails, or the gradebook cannot be written.
        """

        def write() -> None:
            with self._engine.connect() as connection:
                rows = SubmissionRows(connection, self._assignment, student)
                rows.submit(None, create_student=False)
                changed = [
                    rows.penalise(
                        notebook,
                        self._penalty(student, rows.score(notebook), rows.seconds_late)
                        if notebook.name in notebooks
                        else None,
                    )
                    for notebook in rows.notebooks
                ]
                if any(changed):
                    connection.commit()

        if self._may_be_late:
            self._retried(f"written for {student}", write)

    @cached_property
    def _may_be_late(self) -> bool:
        with self._engine.connect() as connection:
            return SubmissionRows.may_be_late(connection, self._assignment)

    def scores(
        self, student: str
    ) -> dict[tuple[str, str], tuple[float | None, float | None, bool]]:
        """What the gradebook holds for a student.

        Returns:
            Automatic score, manual score, and whether a person has to look, by notebook and
            ``grade_id``. Empty if nothing is recorded.

        Raises:
            MachineryError: the gradebook cannot be read.
        """

        def read() -> dict[tuple[str, str], tuple[float | None, float | None, bool]]:
            with self._engine.connect() as connection:
                return read_scores(connection, self._assignment, student)

        return self._retried(f"read for {student}", read)

    def _check_name(self, student: str) -> None:
        """Refuse what is no single, printable folder name.

        Raises:
            MachineryError: with the name.
        """
        printable = student.encode("utf-8", "replace").decode("utf-8") == student
        if Path(student).name != student or student in {"", ".."} or not printable:
            raise MachineryError(
                f"{student!r} cannot be a student's name in the gradebook; rename the folder"
            )

    def _text(self, name: str, node: Any) -> bytes:
        """A notebook as it stands in its file, after it is known that others can open it.

        Raises:
            MachineryError: it is not valid.
        """
        problem = next(iter(iter_validate(node)), None)
        try:
            if problem is not None:
                raise problem
            self._check_metadata(name, node)
        except (nbformat.ValidationError, MetadataError) as error:
            raise MachineryError(
                f"the graded notebook '{name}' is not valid: {str(error).splitlines()[0]}"
            ) from error
        except (SchemaTooOldError, SchemaTooNewError) as error:
            raise MachineryError(
                f"'{name}': {error}; run 'nbgrader update' on the source"
            ) from error
        # A student can print half a character, which no UTF-8 file can hold.
        return f"{nbformat.v4.writes(node)}\n".encode("utf-8", "replace")

    def _check_metadata(self, name: str, node: Any) -> None:
        """Check what formgrader checks when it opens the notebook.

        That takes longer than all the rest, and most submissions have the same cells: those of the
        notebook before are not checked again.

        Raises:
            MetadataError, SchemaTooOldError, SchemaTooNewError: nbgrader would refuse it.
        """
        marked = [
            (cell.cell_type, cell.metadata.nbgrader)
            for cell in node.cells
            if "nbgrader" in cell.metadata
        ]
        key = json.dumps(marked, sort_keys=True)
        if self._valid.get(name) != key:
            self._metadata.validate_nb(node)
            self._valid[name] = key

    def _fill(self, new: Path, record: Record, texts: Mapping[str, bytes]) -> None:
        """Put everything into the folder that goes to ``autograded/``."""
        directory = self._coursedir.source_directory
        source = Path(self._coursedir.format_path(directory, ".", self._assignment))
        excluded = self._settings.exclude_overwriting.get(self._assignment, [])
        copy_tree(source, new, self._rules, {Path(name) for name in excluded})
        if record.files is not None:
            left_out = copy_submitted(record.files, new, self._rules)
            if left_out:
                shown = ", ".join(left_out[:SHOWN]) + (", ..." if len(left_out) > SHOWN else "")
                self._coursedir.log.warning("%s: not copied: %s", record.student, shown)
        for name, text in texts.items():
            (new / f"{name}.ipynb").write_bytes(text)
        mode = int(str(self._settings.permissions), 8)  # 444 is written for 0o444
        set_permissions(new, mode, self._coursedir.groupshared)

    def _transact(self, record: Record, new: Path, target: Path) -> None:
        """Rows and folder, together."""
        with self._engine.connect() as connection:
            self._write_rows(connection, record)
            with exchanged(new, target):
                connection.commit()

    def _write_rows(self, connection: Connection, record: Record) -> None:
        rows = SubmissionRows(connection, self._assignment, record.student)
        rows.require_cells(record.notebooks, record.scores)
        rows.submit(record.timestamp, create_student=self._settings.create_student)
        for notebook in rows.notebooks:
            outcome = Outcome(record.notebooks.get(notebook.name), record.scores)
            score = rows.grade(notebook, outcome)
            penalty = None
            if notebook.name in record.notebooks:
                penalty = self._penalty(record.student, score, rows.seconds_late)
            rows.penalise(notebook, penalty)

    def _penalty(self, student: str, score: float, seconds_late: float) -> float | None:
        """What the course's plugin takes off, no less than nothing and no more than the score."""
        if self._late is None or seconds_late <= 0:
            return None
        try:
            penalty = self._late.late_submission_penalty(student, score, seconds_late)
            if penalty is None:
                return None
            if not math.isfinite(penalty):
                raise ValueError(f"the penalty is {penalty}")
            return min(max(float(penalty), 0.0), score)
        except Exception as error:  # the course's own code: anything can come
            raise MachineryError(
                f"{student} is not recorded: the plugin for late submissions failed: "
                f"{type(error).__name__}: {error}; mend it and run this again"
            ) from error

    def _retried(self, what: str, action: Callable[[], _Value]) -> _Value:
        """Do something with the gradebook, again if it is busy or the connection was lost.

        Raises:
            MachineryError: it did not work in the end.
        """
        for pause in (*PAUSES, None):
            try:
                return action()
            except (OperationalError, InterfaceError, IntegrityError) as error:
                # Integrity: another process added the same student at the same time.
                if pause is None:
                    raise self._failed(what, error) from error
                time.sleep(pause)
            except (NoSuchModuleError, ArgumentError, ModuleNotFoundError) as error:
                raise UsageError(
                    f"the gradebook's address cannot be used: {error}; if its driver is missing, "
                    "install that (for PostgreSQL: pip install 'psycopg[binary]')"
                ) from error
            except SQLAlchemyError as error:
                raise self._failed(what, error) from error
        raise AssertionError("the last attempt returns or raises")

    def _failed(self, what: str, error: SQLAlchemyError) -> MachineryError:
        said = str(getattr(error, "orig", None) or error).strip()
        return MachineryError(
            f"the gradebook {self._place} could not be {what}: {said}\nWhat was recorded before "
            "stands. See that no other program keeps it busy, that its disk has room and that the "
            "server runs, then run this again. If nbgrader is newer than the gradebook, back it "
            "up and run 'nbgrader db upgrade'."
        )


def _engine(db_url: str) -> Engine:
    """One connection for the whole class, opened again if it was lost."""
    url = make_url(db_url)
    waiting: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        waiting = {"timeout": BUSY_SECONDS}
    elif url.get_driver_name() in LIBPQ and "options" not in url.query:
        waiting = {"options": f"-c lock_timeout={BUSY_SECONDS}s"}
    return create_engine(url, connect_args=waiting, pool_size=1, pool_pre_ping=True)
