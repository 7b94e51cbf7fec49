"""The warm runner: a submission's cells in a forked process, each test in a fork of that.

::

    this process ──fork──► child (one submission) ──fork──► one test cell, thrown away afterwards
    warm: libraries        runs the cells in order          says points and reasons as JSON
    imported once    ◄───────── lines of JSON ────────────────────┘

Heavy libraries are imported once, with one thread each, so that a child is ready in milliseconds.
What a cell does to its process stays there: an endless loop or ``os._exit`` in a test costs that
test; a cell that kills the child, or has to be killed, is left out and the submission starts anew,
with the results that it has. Nothing is pickled, and every process is waited for.

There is **no sandbox**: the children have the rights of the caller, the verdicts are computed where
the student's code runs (``verdict_in: fork``), and a process that leaves its group survives. This
is for our own code (the mutants and variants of ``deltarule check``); students' code needs more.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from deltarule.authoring.syntax import transformed
from deltarule.errors import MachineryError
from deltarule.exchange import wire
from deltarule.exchange.inkernel import InKernel
from deltarule.exchange.loopback import Loopback
from deltarule.grading.cells import Tail, new_namespace, run_cell, seed_generators
from deltarule.grading.forked import (
    CellRun,
    Child,
    CodeCell,
    Limits,
    Submission,
    judged,
    settle,
)
from deltarule.grading.results import TestResult

__all__ = [
    "GRACE_SECONDS",
    "KILLED",
    "CellRun",
    "CodeCell",
    "Limits",
    "Run",
    "Session",
    "Submission",
    "new_place",
    "run_all",
    "warm",
]

KILLED = "Killed"
"""The error of a cell that ended its process, or had to be ended with it."""

GRACE_SECONDS = 5.0
"""How much longer than a limit this process waits for a child that watches the limit itself."""


@dataclass(frozen=True)
class Run:
    """What came of a submission.

    Attributes:
        key: the submission's.
        tests: a result for every test that was run.
        cells: how the plain cells went.
        seconds: of the wall clock, restarts included.
        peak_mb: largest resident memory of the child in MB, the warm libraries included.
        extra: what ``finish`` returned.
    """

    key: str
    tests: tuple[TestResult, ...]
    cells: tuple[CellRun, ...]
    seconds: float
    peak_mb: float
    extra: Any = None

    @property
    def scores(self) -> dict[str, float]:
        """Points by test."""
        return {test.name: test.score or 0.0 for test in self.tests}

    @property
    def lost(self) -> tuple[TestResult, ...]:
        """The tests that did not give all their points."""
        return tuple(test for test in self.tests if test.status != "passed")


def warm(modules: Iterable[str] = ()) -> None:
    """Import what course notebooks use, on one thread, and do the first slow steps of each.

    A library that is not installed is passed over: then no cell can need it.

    Args:
        modules: names of more modules to import.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    transformed("1")
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)
        one = torch.ones(2, 2, requires_grad=True)
        (one @ one).sum().backward()
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot

        matplotlib.pyplot.close(matplotlib.pyplot.figure())
    for name in modules:
        with contextlib.suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module(name)
    gc.collect()
    gc.freeze()


def new_place(folder: Path | None) -> Path:
    """A folder to work in, with copies of the files in ``folder``; links stay links."""
    place = Path(tempfile.mkdtemp(prefix="deltarule-"))
    if folder is not None:
        shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)
    return place


def run_all(
    submissions: Iterable[Submission], jobs: int = 2, namespace: dict[str, Any] | None = None
) -> Generator[Run, None, None]:
    """Run many submissions, ``jobs`` at a time; the outcomes come in the order they are ready.

    Args:
        submissions: what to run.
        jobs: how many processes at a time.
        namespace: what cells have bound that ran in this process already; the submissions go on
            from there. None for a notebook's start.
    """
    waiting = iter(submissions)
    active: list[_Watched] = []
    try:
        while True:
            while len(active) < jobs and (submission := next(waiting, None)) is not None:
                active.append(_Watched(submission, namespace))
            if not active:
                return
            wait = max(0.0, min(one.deadline for one in active) - time.monotonic())
            ready, _, _ = select.select([one.channel for one in active], [], [], wait)
            for one in list(active):
                if one.channel in ready:
                    one.listen()
                elif time.monotonic() >= one.deadline:
                    one.overdue()
                if one.done:
                    active.remove(one)
                    yield one.outcome()
    finally:
        for one in active:
            one.stop()


class _Watched:
    """One submission and the child that is running it; a new child where one was lost."""

    def __init__(self, submission: Submission, namespace: dict[str, Any] | None) -> None:
        self.submission = submission
        self.namespace = namespace
        self.tests: dict[str, TestResult] = {}
        self.cells: dict[str, CellRun] = {}
        self.extra: Any = None
        self.left_out: set[str] = set()
        self.peak_mb = 0.0
        self.done = False
        self.started = time.monotonic()
        self._start()

    def _start(self) -> None:
        self.place = new_place(self.submission.folder)
        ours, theirs = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ours)
            omit = self.left_out | set(self.tests)
            Child(self.submission, theirs, self.place, omit, self.namespace).run()
        os.close(theirs)
        self.channel = ours
        self.unread = b""
        self.at: CodeCell | None = None
        self._allow(self.submission.limits.cell_seconds)

    def _allow(self, seconds: float) -> None:
        self.allowed = seconds
        self.deadline = time.monotonic() + seconds + GRACE_SECONDS

    def listen(self) -> None:
        """Take in what the child says."""
        data = os.read(self.channel, 1 << 16)
        if not data:
            self._lost("the process that ran this cell ended")
            return
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, said: dict[str, Any]) -> None:
        limits = self.submission.limits
        if "begin" in said:
            self.at = next(c for c in self.submission.cells if c.id == said["begin"])
            test = self.at.points is not None
            self._allow(limits.test_seconds if test else limits.cell_seconds)
        elif "test" in said:
            self.tests[said["test"]["name"]] = TestResult(**said["test"])
        elif "cell" in said:
            self.cells[said["cell"]["id"]] = CellRun(**said["cell"])
        elif "finish" in said:
            self.at = None
            self._allow(limits.finish_seconds)
        elif "end" in said:
            self.extra = said["end"]
            self._end()
        if "peak_mb" in said:
            self.peak_mb = max(self.peak_mb, said["peak_mb"])

    def overdue(self) -> None:
        """Give the child up: it is silent beyond its limit."""
        self._lost(f"this took more than {self.allowed:g} s; is there an endless loop?")

    def _lost(self, reason: str) -> None:
        self.stop()
        lost, self.at = self.at, None
        if lost is None or lost.id in self.left_out:  # before the first cell, or after the last
            self.extra = {"failure": reason}
            self._end()
            return
        self.left_out.add(lost.id)
        if lost.points is None:
            self.cells[lost.id] = CellRun(lost.id, KILLED, reason, "", 0.0)
        else:
            self.tests[lost.id] = judged(lost, 0.0, "error", reason)
        if self.submission.stop_early:
            self._end()
        else:
            self._start()

    def _end(self) -> None:
        self.stop()
        self.done = True

    def stop(self) -> None:
        """End the child with all that it started, wait for it, and throw its folder away."""
        if not self.pid:
            return
        for end in (os.killpg, os.kill):  # the group does not exist before the child has made it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.channel)
        shutil.rmtree(self.place, ignore_errors=True)
        self.pid = 0

    def outcome(self) -> Run:
        """What came of it; a test that was never reached is an error, unless it was not wanted."""
        if not self.submission.stop_early:
            for cell in self.submission.cells:
                if cell.points is not None and cell.id not in self.tests:
                    said = "this test was never reached"
                    self.tests[cell.id] = judged(cell, 0.0, "error", said)
        seconds = time.monotonic() - self.started
        tests, cells = tuple(self.tests.values()), tuple(self.cells.values())
        return Run(self.submission.key, tests, cells, seconds, self.peak_mb, self.extra)


class Session(Loopback):
    """A subject of its own for one submission: its cells are run in the child that it speaks to.

    Tests among the cells are passed over; what a cell raises stays with the cell.

    Raises:
        MachineryError: the child ended, or took too long, before all cells were run.
    """

    def __init__(self, submission: Submission) -> None:
        self.seconds = submission.limits.test_seconds
        self.dead = None
        self.place = new_place(submission.folder)
        ours, theirs = socket.socketpair()
        self.process = os.fork()
        if self.process == 0:
            ours.close()
            _serve_submission(theirs, submission, self.place)
        theirs.close()
        self.channel = ours
        plain = [cell for cell in submission.cells if cell.points is None]
        self.channel.settimeout(submission.limits.cell_seconds * max(1, len(plain)))
        try:
            record, _ = wire.receive(self.channel)
        except (TimeoutError, EOFError, OSError) as error:
            self.close()
            raise MachineryError(f"{submission.key} could not be run: {error}") from None
        self.names = frozenset(record["names"])
        self.channel.settimeout(self.seconds)

    def close(self) -> None:
        """End the child and throw its folder away."""
        super().close()
        shutil.rmtree(self.place, ignore_errors=True)


def _serve_submission(channel: socket.socket, submission: Submission, place: Path) -> NoReturn:
    try:
        settle(submission, place)
        seed_generators(submission.seed)
        namespace = new_namespace()
        sys.stdout = sys.stderr = Tail()
        for cell in submission.cells:
            if cell.points is None:
                with contextlib.suppress(BaseException):
                    run_cell(cell.source, cell.id, namespace)
        wire.send(channel, {"names": sorted(namespace)}, [])
        runner = InKernel(namespace)
        while True:
            program = wire.decode_program(*wire.receive(channel))
            wire.send(channel, *wire.encode_outcome(runner.run(program)))
    finally:
        os._exit(0)
