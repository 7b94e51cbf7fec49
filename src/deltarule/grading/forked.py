"""The forked side of the runner: runs cells as IPython does, and each test in a fork of its own.

Nothing here returns to the code that forked; what came of each cell goes over a pipe, one line of
JSON each. See :mod:`deltarule.grading.runner`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from deltarule.errors import JudgingError
from deltarule.exchange.subject import ExchangeError
from deltarule.grading.cells import (
    TAIL,
    Tail,
    close_figures,
    new_namespace,
    run_cell,
    seed_generators,
)
from deltarule.grading.results import TestResult
from deltarule.judging import SEED_VARIABLE, Score

__all__ = ["CellRun", "Child", "CodeCell", "Limits", "Submission", "judged", "say", "settle"]

SMALLEST_POINT = 1e-9


@dataclass(frozen=True)
class CodeCell:
    """A code cell to be run; with ``points`` it is a test."""

    id: str
    source: str
    points: float | None = None


@dataclass(frozen=True)
class Limits:
    """Seconds that one plain cell, one test, and what comes after the last cell may take."""

    cell_seconds: float = 60.0
    test_seconds: float = 60.0
    finish_seconds: float = 60.0


@dataclass(frozen=True)
class Submission:
    """What to run.

    Attributes:
        key: how the caller recognises the outcome.
        cells: code cells in order, tests among them.
        seed: of the secret inputs, and of the generators that the cells find.
        stop_early: whether to stop at the first test that takes points away, or plain cell that
            does not end.
        environment: environment variables for the child.
        limits: time limits.
        folder: what lies beside the notebook; the cells run in a copy of it that is thrown away
            afterwards. Links in it stay links.
        finish: called in the child with the namespace after the last cell; what it returns, plain
            data, becomes ``Run.extra``.
    """

    key: str
    cells: tuple[CodeCell, ...]
    seed: int = 0
    stop_early: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    folder: Path | None = None
    finish: Callable[[dict[str, Any]], Any] | None = None


@dataclass(frozen=True)
class CellRun:
    """How a plain cell went: the exception's type and text, or "", and the end of its output."""

    id: str
    error: str
    message: str
    output: str
    seconds: float


def judged(
    cell: CodeCell,
    score: float,
    status: str,
    message: str,
    *,
    seconds: float = 0.0,
    margin: float | None = None,
    diagnosis: dict[str, str] | None = None,
) -> TestResult:
    """The result of one test."""
    return TestResult(
        notebook="",
        name=cell.id,
        points=cell.points or 0.0,
        score=score,
        status=status,
        verdict_in="fork",
        message=message,
        diagnosis=diagnosis,
        margin=margin,
        duration_s=seconds,
        cell=cell.id,
    )


class Child:
    """The forked side: runs the cells, and says over ``channel`` how each went.

    Args:
        submission: what to run.
        channel: where to say it.
        place: the folder to work in.
        omit: ids of cells that are passed over.
        namespace: what cells have bound that ran before the fork; None for a notebook's start.
    """

    def __init__(
        self,
        submission: Submission,
        channel: int,
        place: Path,
        omit: set[str],
        namespace: dict[str, Any] | None = None,
    ) -> None:
        self.submission = submission
        self.channel = channel
        self.place = place
        self.omit = omit
        self.namespace = namespace

    def say(self, **record: Any) -> None:
        """Send one line of JSON."""
        say(self.channel, **record)

    def run(self) -> NoReturn:
        """Do everything, and never return."""
        try:
            settle(self.submission, self.place)
            if self.namespace is None:
                seed_generators(self.submission.seed)
                self.namespace = new_namespace()
            self.run_cells(self.namespace)
        finally:
            os._exit(0)

    def run_cells(self, namespace: dict[str, Any]) -> None:
        """Run all cells, forking for tests."""
        for cell in self.submission.cells:
            if cell.id in self.omit:
                continue
            self.say(begin=cell.id)
            if cell.points is not None:
                # Nothing comes after the last one that it could harm: it needs no fork of its own.
                is_last = cell is self.submission.cells[-1] and self.submission.finish is None
                result = (self.judge_here if is_last else self.fork_test)(cell, namespace)
                self.say(test=result)
                if self.submission.stop_early and result["status"] != "passed":
                    break
                continue
            tail, began = Tail(), time.monotonic()
            sys.stdout = sys.stderr = tail
            error = message = ""
            try:
                run_cell(cell.source, cell.id, namespace)
            except BaseException as raised:  # noqa: BLE001 - cells may raise anything, SystemExit too
                error, message = type(raised).__name__, str(raised)[:TAIL]
            close_figures()
            seconds = time.monotonic() - began
            record = CellRun(cell.id, error, message, tail.text, seconds)
            self.say(cell=vars(record), peak_mb=_peak_mb())
        finish = self.submission.finish
        self.say(finish=True)
        self.say(end=finish(namespace) if finish else None, peak_mb=_peak_mb())

    def judge_here(self, cell: CodeCell, namespace: dict[str, Any]) -> dict[str, Any]:
        """The result of the last test; the process that forked us watches over its time."""
        began = time.monotonic()
        result = judge_test(cell, namespace)
        return {**vars(result), "duration_s": time.monotonic() - began}

    def fork_test(self, cell: CodeCell, namespace: dict[str, Any]) -> dict[str, Any]:
        """The result of one test, as plain data."""
        ours, theirs = os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(ours)
                self.channel = theirs
                self.say(**vars(judge_test(cell, namespace)))
            finally:
                os._exit(0)
        os.close(theirs)
        received, in_time = _receive(ours, began + self.submission.limits.test_seconds)
        os.close(ours)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        seconds = time.monotonic() - began
        try:
            return {**json.loads(received), "duration_s": seconds}
        except ValueError:
            limit = self.submission.limits.test_seconds
            said = (
                "the process that ran this test ended"
                if in_time
                else f"the test took more than {limit:g} s; is there an endless loop?"
            )
            return vars(judged(cell, 0.0, "error", said, seconds=seconds))


def _receive(channel: int, deadline: float) -> tuple[bytes, bool]:
    """All that comes until the other side hangs up; False where the deadline came first."""
    data = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([channel], [], [], left)[0]:
            return b"", False
        more = os.read(channel, 1 << 16)
        if not more:
            return data, True
        data += more
        if data.endswith(b"\n"):
            return data, True


def judge_test(cell: CodeCell, namespace: dict[str, Any]) -> TestResult:
    """Run a test cell and turn what it says into points; nothing but points is taken for points."""
    sys.stdout = sys.stderr = Tail()
    points = cell.points or 0.0
    try:
        value = run_cell(cell.source, cell.id, namespace)
    except (JudgingError, ExchangeError) as raised:
        return judged(cell, 0.0, "error", f"the test is written wrongly: {raised}")
    except BaseException as raised:  # noqa: BLE001 - a student's code may raise anything
        said = f"{type(raised).__name__}: {raised}"[:TAIL]
        return judged(cell, 0.0, "failed", said)
    if value is None:
        return judged(cell, points, "passed", "")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        said = f"the test is written wrongly: it ends in {type(value).__name__}, not in points"
        return judged(cell, 0.0, "error", said)
    score = min(max(float(value), 0.0), points)
    full = score >= points - SMALLEST_POINT
    status = "passed" if full else "partial" if score > 0 else "failed"
    told = value.as_json() if isinstance(value, Score) else {}
    return judged(
        cell,
        score,
        status,
        told.get("message", ""),
        margin=told.get("margin"),
        diagnosis=told.get("diagnosis"),
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def settle(submission: Submission, place: Path) -> None:
    """Make a forked process its own: no terminal, no inherited filters, a folder to work in."""
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    os.chdir(place)
    if sys.path[:1] != [""]:
        sys.path.insert(0, "")  # modules beside a notebook can be imported
    os.environ.update(submission.environment)
    os.environ["MPLBACKEND"] = "agg"
    os.environ[SEED_VARIABLE] = str(submission.seed)


def say(channel: int, **record: Any) -> None:
    """Send one line of JSON to the process that forked this one."""
    data = json.dumps(record).encode() + b"\n"
    while data:
        data = data[os.write(channel, data) :]
