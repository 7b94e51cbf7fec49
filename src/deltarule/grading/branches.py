"""Branches: submissions that begin like one another, without running their beginning each time.

::

    trunk    cell 1 ──► cell 2 ──► cell 3 ──► …         one process; each cell is run once
                          ├──► 2' ──► 3 ──► test        forks of it, made where they part
                          └──► 2" ──► 3 ──► test

The trunk stops before a cell, lets :func:`~deltarule.grading.runner.run_all` run all submissions
that part there, and goes on. A long training that stands before the change is paid for once.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any, NoReturn

from deltarule.grading.cells import (
    Tail,
    close_figures,
    new_namespace,
    run_cell,
    seed_generators,
)
from deltarule.grading.forked import CellRun, Submission, say, settle
from deltarule.grading.results import TestResult
from deltarule.grading.runner import GRACE_SECONDS, Run, new_place, run_all

__all__ = ["run_branches"]


def run_branches(
    trunk: Submission,
    submissions: Sequence[Submission],
    jobs: int = 2,
    prepare: Callable[[], Any] | None = None,
) -> Iterator[Run]:
    """What ``run_all(submissions)`` gives, quicker where they begin like ``trunk``.

    Args:
        trunk: plain cells; its tests are passed over.
        submissions: with different keys, and with the seed and folder of the trunk.
        jobs: how many run at a time.
        prepare: called once in the trunk's process before its first cell, so that ``finish`` of
            every submission finds what it did.
    """
    waiting = {submission.key: submission for submission in submissions}
    if waiting:
        process = _Trunk(trunk, submissions, jobs, prepare)
        try:
            for run in process.runs():
                del waiting[run.key]
                yield run
        finally:
            process.stop()
    yield from run_all(waiting.values(), jobs)  # only where the trunk itself came to grief


def _common(trunk: Submission, submission: Submission) -> int:
    """With how many plain cells of the trunk a submission begins."""
    number = 0
    for ours, theirs in zip(trunk.cells, submission.cells, strict=False):
        if ours != theirs or ours.points is not None:
            break
        number += 1
    return number


class _Trunk:
    """This side of the process that runs the trunk: it listens, and ends what is overdue."""

    def __init__(
        self,
        trunk: Submission,
        submissions: Sequence[Submission],
        jobs: int,
        prepare: Callable[[], Any] | None,
    ) -> None:
        plain = tuple(cell for cell in trunk.cells if cell.points is None)
        trunk = replace(trunk, cells=plain)
        parting: dict[int, list[Submission]] = {}
        for submission in submissions:
            at = _common(trunk, submission)
            parting.setdefault(at, []).append(replace(submission, cells=submission.cells[at:]))
        self.place = new_place(trunk.folder)
        self.channel, theirs = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.channel)
            try:
                settle(trunk, self.place)
                signal.signal(signal.SIGTERM, _leave)
                sys.stdout = sys.stderr = Tail()
                branching = replace(trunk, folder=self.place)
                _grow(branching, parting, jobs, prepare, theirs)
            finally:
                os._exit(0)
        os.close(theirs)

    def runs(self) -> Iterator[Run]:
        """The outcomes as they come; ends early where the process does, or takes too long."""
        deadline: float | None = time.monotonic() + GRACE_SECONDS
        unread = b""
        while True:
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self.channel], [], [], wait)[0]:
                return
            data = os.read(self.channel, 1 << 16)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "run" in said:
                    yield _run(said["run"])
                else:  # how long it may be silent now; None while it watches over others
                    seconds = said["seconds"]
                    deadline = seconds and time.monotonic() + seconds + GRACE_SECONDS

    def stop(self) -> None:
        """End the process, which ends what it has forked, and wait for it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            while select.select([self.channel], [], [], GRACE_SECONDS)[0]:
                if not os.read(self.channel, 1 << 16):
                    break
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.channel)
        shutil.rmtree(self.place, ignore_errors=True)


def _leave(*_: Any) -> NoReturn:
    sys.exit()


def _grow(
    trunk: Submission,
    parting: dict[int, list[Submission]],
    jobs: int,
    prepare: Callable[[], Any] | None,
    channel: int,
) -> None:
    """Run the trunk's cells, and at each the submissions that part from it there."""
    limits = trunk.limits
    unclosed = [channel]

    def close_here() -> None:  # a fork that kept this end open would hide our death from afar
        while unclosed:
            os.close(unclosed.pop())

    os.register_at_fork(after_in_child=close_here)
    if prepare is not None:
        say(channel, seconds=limits.finish_seconds)
        seed_generators(trunk.seed)
        prepare()
    seed_generators(trunk.seed)
    namespace = new_namespace()
    for at in range(max(parting) + 1):
        here = [replace(each, folder=trunk.folder) for each in parting.get(at, ())]
        if here:
            say(channel, seconds=None)
        with contextlib.closing(run_all(here, jobs, namespace)) as runs:
            for run in runs:
                say(channel, run=asdict(run))
        if at < max(parting):
            say(channel, seconds=limits.cell_seconds)
            cell = trunk.cells[at]
            with contextlib.suppress(Exception):
                run_cell(cell.source, cell.id, namespace)
            close_figures()


def _run(said: dict[str, Any]) -> Run:
    tests = tuple(TestResult(**test) for test in said["tests"])
    cells = tuple(CellRun(**cell) for cell in said["cells"])
    return Run(**{**said, "tests": tests, "cells": cells})
