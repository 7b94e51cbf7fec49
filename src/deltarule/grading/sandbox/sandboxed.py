"""One submission in its sandbox, as the grader sees it: put files, run cells, fork for tests.

A cell may take the process down; the rest of the submission goes on from the last spare, a copy of
the process that waits, or from the start, and the cells since then are run again. A spare is made
where that would take long, or where cells have changed files. Nothing that the child does is an
exception here: it is an outcome that names the cell, the limit, and the line.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deltarule.errors import MachineryError
from deltarule.grading.child import processes
from deltarule.grading.child.settings import Limits
from deltarule.grading.sandbox.cell_outcomes import CellOutcome, Over, Struck, claimed
from deltarule.grading.sandbox.channel import Channel, Gone, Silent
from deltarule.grading.sandbox.forks import Fork, opened
from deltarule.grading.sandbox.usage import ANSWER_SECONDS, Handles, Usage

__all__ = ["Child"]

MOST_RECOVERIES = 10
"""How often a submission may lose its process before the rest is given up."""

RERUN_TIMES = 3
"""How many times the limit of one cell all those may take that are run again in a submission: a
cell may take longer each time, on purpose."""

SPARE_AFTER = 1.0
"""Seconds of cells that are run again rather than kept in a spare. A spare takes about 15 ms, and
of a hundred submissions hardly two ever need one."""


@dataclass(frozen=True)
class _Ran:
    """A cell that came to its end, so that it can be run again; ``took`` seconds."""

    cell: str
    source: str
    seconds: float
    spare: bool
    took: float = 0.0


@dataclass(frozen=True)
class _Spare:
    """A copy of the state before cell number ``before`` of those that ran."""

    channel: Channel
    before: int


class Child:
    """A submission's sandbox; a context manager that ends it.

    Args:
        handles: from :meth:`deltarule.grading.sandbox.zygote.Zygote.child`.
        limits: what the submission may use.
        seed: of the generators that the cells find.
    """

    def __init__(self, handles: Handles, limits: Limits, seed: int = 0) -> None:
        self.handles = handles
        self.limits = limits
        self.seed = seed
        self.recoveries = 0
        self.given_up = ""
        self._ran: list[_Ran] = []
        self._spare: _Spare | None = None
        self._runner: Channel | None = None
        self._runner_handle = -1
        self._runner_pid = 0
        self._reran = 0.0
        self._left_files = False
        self._usage = Usage(handles, limits)
        self._displays: dict[str, list[dict[str, Any]]] = {}

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, name: str, content: bytes | Path) -> None:
        """Put a file into the work folder, before the first cell.

        Raises:
            MachineryError: the name leaves the folder, or the files are too large.
        """
        descriptor = _opened(content)
        try:
            answer = self.handles.keeper.ask({"put": name}, ANSWER_SECONDS, [descriptor])
        except (Gone, Silent) as error:
            answer = {"failed": f"the sandbox is not there: {error}"}
        finally:
            os.close(descriptor)
        if "put" not in answer:
            raise MachineryError(f"{name} cannot be put beside the notebook: {_said(answer)}")

    def run(
        self, cell: str, source: str, seconds: float | None = None, *, spare: bool = True
    ) -> CellOutcome:
        """Run a cell; never raises for what the cell does.

        Args:
            cell: its id.
            source: its text.
            seconds: how long it may take; the limit of the submission if None.
            spare: whether a copy of the state before it may be kept where it is worth it.
        """
        limit = self.limits.cell_seconds if seconds is None else seconds
        ran = _Ran(cell, source, limit, spare)
        if not source.strip():
            return CellOutcome(cell, [], None, None, 0.0, finished=True)
        if not self._ready():
            return CellOutcome(cell, [], None, Struck("ended", self.given_up), 0.0)
        outcome = self._attempt(ran)
        if outcome.finished:
            self._ran.append(replace(ran, took=outcome.seconds))
        else:
            self._recover()
            self._usage.allow_files(outcome)
        if outcome.finished and outcome.struck is not None and outcome.struck.limit == "processes":
            self._make_room()
        return outcome

    def fork(self, seed: int = 0) -> Fork:
        """A copy-on-write copy of the submission's process for one test.

        Raises:
            Gone: the submission has no process any more, or it makes no copy.
        """
        if not self._ready() or self._runner is None:
            raise Gone(self.given_up)
        ours, theirs = Channel.pair()
        try:
            with theirs:
                self._runner.ask({"fork": seed}, ANSWER_SECONDS, [theirs.fileno()])
            ours.receive(ANSWER_SECONDS)
            return Fork(ours, self._usage.family, self._usage.check)
        except (Gone, Silent) as error:
            ours.close()
            raise Gone(f"there is no copy of the process for the test: {error}") from None

    def close(self) -> None:
        """End everything inside."""
        spare = None if self._spare is None else self._spare.channel
        for channel in (self._runner, spare, self.handles.keeper):
            if channel is not None:
                channel.close()
        self._let_go()
        self._runner, self._spare = None, None
        self.given_up = self.given_up or "the sandbox is closed"
        self.handles.end()

    # -- one cell ---------------------------------------------------------------------------------

    def _attempt(self, ran: _Ran) -> CellOutcome:
        assert self._runner is not None
        recording = self.handles.recording
        recording.clear()
        struck, answer = None, {}
        started = time.monotonic()
        try:
            number = self._begin(self._runner, ran)
            left = ran.seconds - (time.monotonic() - started)
            answer = self._runner.answer(number, max(left, 0.0), self._watch_cell)
        except Silent:
            said = f"this cell took more than {ran.seconds:g} s; is there an endless loop?"
            struck = self._traced(Struck("time", said))
        except Over as over:
            struck = self._traced(Struck(over.limit, over.message))
        except Gone:
            answer = {}
        if struck is None and answer.get("done") != ran.cell:
            struck = Struck("ended", "this cell ended its process")
        seconds = time.monotonic() - started
        outputs = recording.read(self.limits.output_bytes, self._displays)
        if struck is None:
            self._left_files = answer.get("files") is not False
            return claimed(ran.cell, outputs, answer, seconds)
        cell, line = recording.last_line()
        struck = replace(struck, cell=cell, line=line)
        return CellOutcome(ran.cell, outputs, None, struck, seconds)

    def _traced(self, struck: Struck) -> Struck:
        """Ask a process that lives for the line that it is at; one that crashed has left it."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._runner_handle, signal.SIGUSR2)
            self.handles.recording.wait_for_trace()
        return struck

    def _begin(self, runner: Channel, ran: _Ran) -> int:
        """Have a cell begun, with a spare where that is worth it; the number to wait for.

        Raises:
            Gone, Silent, Over: as when waiting for the cell.
        """
        request = {"run": ran.cell, "source": ran.source}
        if not ran.spare or not self._is_spare_worth_it():
            return runner.post(request, ran.seconds)
        spare, theirs = Channel.pair()
        try:
            with theirs:
                number = runner.post(request, ran.seconds, [theirs.fileno()])
            began = runner.answer(number, ran.seconds, self._watch_cell)
        except BaseException:
            spare.close()
            raise
        if began.get("spare") is True:
            self._drop_spare()  # the runner has ended it
            self._spare = _Spare(spare, len(self._ran))
        else:
            spare.close()
        return number

    def _is_spare_worth_it(self) -> bool:
        """Whether the cells since the last one take long, or may not be run twice."""
        since = self._ran[0 if self._spare is None else self._spare.before :]
        return self._left_files or sum(one.took for one in since) >= SPARE_AFTER

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.channel.close()
        self._spare = None

    # -- from process to process ------------------------------------------------------------------

    def _watch_cell(self) -> None:
        """As for a test; and a copy of the runner may keep its channel open after its end."""
        if not _lives(self._runner_handle):
            raise Gone("the process ended")
        self._usage.check()

    def _make_room(self) -> None:
        """End what a cell has left running; without room for a test, the cell is undone."""
        try:
            assert self._runner is not None
            keep = [self._runner_pid]
            if self._spare is not None:
                self._spare.channel.ask({"who": True}, ANSWER_SECONDS)
                keep.append(self._spare.channel.sender)
            swept = processes.sweep(self.handles.pid, keep)
            if swept and self._runner.ask({"room": True}, ANSWER_SECONDS).get("can_fork") is True:
                return
        except (Gone, Silent):
            pass
        self._ran.pop()
        self._recover()

    def _ready(self) -> bool:
        """Whether there is a runner; one that died between two cells is replaced."""
        if self.given_up:
            return False
        if self._runner is None and not self.recoveries:
            return self._start()
        if self._runner is None or not _lives(self._runner_handle):
            self._recover()
        return not self.given_up

    def _start(self) -> bool:
        """A runner in the state before the first cell."""
        ours, theirs = Channel.pair()
        keeper = self.handles.keeper
        try:
            with theirs:
                keeper.ask({"start": self.seed}, ANSWER_SECONDS, [theirs.fileno()])
            ours.receive(ANSWER_SECONDS)
            self._adopt(ours)
        except (Gone, Silent) as error:
            ours.close()
            self._give_up(f"no process could be started for the notebook: {error}")
        return not self.given_up

    def _adopt(self, channel: Channel) -> None:
        """Talk to the process that has just sent a message from now on."""
        if self._runner is not None:
            self._runner.close()
        self._let_go()
        self._runner = channel
        self._runner_pid = channel.sender
        self._runner_handle = opened(self._usage.family, channel.sender)

    def _let_go(self) -> None:
        if self._runner_handle >= 0:
            os.close(self._runner_handle)
        self._runner_handle = -1

    def _recover(self) -> None:
        """Go on from the spare, or from the start; cells that ran since then are run again."""
        waiting: list[_Ran] = []
        while not self.given_up:
            self.recoveries += 1
            if self.recoveries > MOST_RECOVERIES:
                self._give_up(f"the notebook's process was lost {self.recoveries} times")
                return
            before = self._go_back()
            waiting = [*self._ran[before:], *waiting]
            del self._ran[before:]
            while waiting and not self.given_up:
                again = waiting.pop(0)
                left = RERUN_TIMES * again.seconds - self._reran
                if left <= 0:
                    self._give_up("cells that had to be run again took too long")
                    return
                outcome = self._attempt(replace(again, seconds=min(again.seconds, left)))
                self._reran += outcome.seconds
                if not outcome.finished:
                    break
                self._ran.append(replace(again, took=outcome.seconds))
            else:
                return

    def _go_back(self) -> int:
        """Make the spare, or a new process, the runner; the number of cells that it has run."""
        spare, self._spare = self._spare, None
        keep = []
        if spare is not None:
            try:
                spare.channel.ask({"who": True}, ANSWER_SECONDS)
                keep = [spare.channel.sender]
            except (Gone, Silent):
                spare.channel.close()
                spare = None
        if not processes.sweep(self.handles.pid, keep):
            self._give_up("the notebook's processes could not be ended")
            return len(self._ran)
        if spare is not None:
            try:
                spare.channel.ask({"go": True}, ANSWER_SECONDS)
                self._adopt(spare.channel)
            except (Gone, Silent):
                spare.channel.close()
            else:
                return spare.before
        self._start()
        return 0

    def _give_up(self, why: str) -> None:
        self.given_up = why


def _opened(content: bytes | Path) -> int:
    """A descriptor of a file with this content.

    Raises:
        MachineryError: the path is not that of a plain file, for instance a link.
    """
    if isinstance(content, bytes):
        descriptor = os.memfd_create("put", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        return descriptor
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(content, flags)
    except OSError as error:
        raise MachineryError(f"{content} cannot be put beside the notebook: {error}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MachineryError(f"{content} cannot be put beside the notebook: it is no plain file")
    return descriptor


def _said(answer: dict[str, Any]) -> str:
    return str(answer.get("failed", "it does not say why"))


def _lives(handle: int) -> bool:
    """Whether the process of a handle lives; the handle is readable once it has ended."""
    if handle < 0:
        return False
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return not poll.poll(0)
