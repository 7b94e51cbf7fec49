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
import signal
import socket
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from deltarule.authoring.syntax import transformed
from deltarule.errors import MachineryError
from deltarule.grading.forked import (
    CellRun,
    Child,
    CodeCell,
    Limits,
    Submission,
    Tail,
    judged,
    new_namespace,
    run_cell,
    settle,
)
from deltarule.grading.results import TestResult
from deltarule.judging import wire
from deltarule.judging.inkernel import InKernel
from deltarule.judging.loopback import Loopback

__all__ = ["CellRun", "CodeCell", "Limits", "Run", "Session", "Submission", "run_all", "warm"]

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


def warm() -> None:
    """Import what course notebooks use, on one thread, and do the first slow steps of each.

    A library that is not installed is passed over: then no cell can need it.
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
    gc.collect()
    gc.freeze()


def run_all(submissions: Iterable[Submission], jobs: int = 2) -> Iterator[Run]:
    """Run many submissions, ``jobs`` at a time; the outcomes come in the order they are ready."""
    waiting = iter(submissions)
    active: list[_Watched] = []
    try:
        while True:
            while len(active) < jobs and (submission := next(waiting, None)) is not None:
                active.append(_Watched(submission))
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

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.tests: dict[str, TestResult] = {}
        self.cells: dict[str, CellRun] = {}
        self.extra: Any = None
        self.left_out: set[str] = set()
        self.peak_mb = 0.0
        self.done = False
        self.started = time.monotonic()
        self._start()

    def _start(self) -> None:
        ours, theirs = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ours)
            Child(self.submission, theirs, self.left_out | set(self.tests)).run()
        os.close(theirs)
        self.channel = ours
        self.unread = b""
        self.at: CodeCell | None = None
        self._allow(self.submission.limits.cell_seconds)

    def _allow(self, seconds: float) -> None:
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
        elif "end" in said:
            self.extra = said["end"]
            self.done = True
            self.stop()
        if "peak_mb" in said:
            self.peak_mb = max(self.peak_mb, said["peak_mb"])

    def overdue(self) -> None:
        """Give the child up: it is silent beyond its limit."""
        limits = self.submission.limits
        test = self.at is not None and self.at.points is not None
        seconds = limits.test_seconds if test else limits.cell_seconds
        self._lost(f"this took more than {seconds:g} s; is there an endless loop?")

    def _lost(self, reason: str) -> None:
        self.stop()
        lost, self.at = self.at, None
        if lost is None or lost.id in self.left_out:  # before the first cell, or after the last
            self.done = True
            self.extra = {"failure": reason}
            return
        self.left_out.add(lost.id)
        if lost.points is None:
            self.cells[lost.id] = CellRun(lost.id, "Killed", reason, "", 0.0)
        else:
            self.tests[lost.id] = judged(lost, 0.0, "error", reason)
        self._start()

    def stop(self) -> None:
        """End the child with all that it started, and wait for it."""
        if not self.pid:
            return
        for end in (os.killpg, os.kill):  # the group does not exist before the child has made it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.channel)
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
        ours, theirs = socket.socketpair()
        self.process = os.fork()
        if self.process == 0:
            ours.close()
            _serve_submission(theirs, submission)
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


def _serve_submission(channel: socket.socket, submission: Submission) -> NoReturn:
    try:
        settle(submission)
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
