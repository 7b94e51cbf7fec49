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

import asyncio
import contextlib
import gc
import inspect
import io
import json
import math
import os
import random
import resource
import select
import signal
import socket
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from deltarule.authoring.syntax import transformed
from deltarule.errors import MachineryError
from deltarule.grading.results import TestResult
from deltarule.judging import SEED_VARIABLE, Score, wire
from deltarule.judging.inkernel import InKernel
from deltarule.judging.loopback import Loopback

__all__ = ["CellRun", "CodeCell", "Limits", "Run", "Session", "Submission", "run_all", "warm"]

GRACE_SECONDS = 5.0
"""How much longer than a limit this process waits for a child that watches the limit itself."""

TAIL = 2000
"""How many characters of a cell's output are kept."""

SMALLEST_POINT = 1e-9


@dataclass(frozen=True)
class CodeCell:
    """A code cell to be run; with ``points`` it is a test."""

    id: str
    source: str
    points: float | None = None


@dataclass(frozen=True)
class Limits:
    """Seconds that one plain cell and one test may take."""

    cell_seconds: float = 60.0
    test_seconds: float = 60.0


@dataclass(frozen=True)
class Submission:
    """What to run.

    Attributes:
        key: how the caller recognises the outcome.
        cells: code cells in order, tests among them.
        seed: of the secret inputs, and of the generators that the cells find.
        stop_early: whether to stop at the first test that takes points away.
        environment: environment variables for the child.
        limits: time limits.
        finish: called in the child with the namespace after the last cell; what it returns, plain
            data, becomes :attr:`Run.extra`.
    """

    key: str
    cells: tuple[CodeCell, ...]
    seed: int = 0
    stop_early: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    finish: Callable[[dict[str, Any]], Any] | None = None


@dataclass(frozen=True)
class CellRun:
    """How a plain cell went: the exception's type and text, or "", and the end of its output."""

    id: str
    error: str
    message: str
    output: str
    seconds: float


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
            _Child(self.submission, theirs, self.left_out | set(self.tests)).run()
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
        self._lost(f"more than {self.submission.limits.cell_seconds:g} s; is there a loop?")

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
            self.tests[lost.id] = _test_result(lost, 0.0, "error", reason)
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
                    self.tests[cell.id] = _test_result(cell, 0.0, "error", said)
        seconds = time.monotonic() - self.started
        tests, cells = tuple(self.tests.values()), tuple(self.cells.values())
        return Run(self.submission.key, tests, cells, seconds, self.peak_mb, self.extra)


def _test_result(
    cell: CodeCell, score: float, status: str, message: str, seconds: float = 0.0, **more: Any
) -> TestResult:
    points = cell.points or 0.0
    return TestResult(
        "", cell.id, points, score, status, "fork", message, cell=cell.id, duration_s=seconds, **more
    )


class _Tail(io.TextIOBase):
    """Standard output of a cell: only its end is kept."""

    text = ""

    def write(self, text: str) -> int:
        """Add to the end, and forget the beginning."""
        self.text = (self.text + text[-TAIL:])[-TAIL:]
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True


class _Shell:
    """As much of ``get_ipython()`` as cells without magics of their own need."""

    def run_line_magic(self, name: str, *_: Any) -> None:
        """Pass over plotting magics; there is no other.

        Raises:
            NotImplementedError: for any other magic.
        """
        if name not in ("matplotlib", "config", "load_ext", "autoreload"):
            raise NotImplementedError(f"the magic %{name} does not exist where tests run")


def new_namespace() -> dict[str, Any]:
    """The names that a notebook finds when it starts, in a ``__main__`` of their own."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    shell = _Shell()
    main.__dict__.update(get_ipython=lambda: shell, display=lambda *_, **__: None)
    return main.__dict__


def run_cell(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as IPython does and return the value of its last expression, or None."""
    import ast

    tree = ast.parse(transformed(source))
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    value = None
    for part, mode in ((tree, "exec"), (last, "eval")):
        if part is not None:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(part, f"<ipython-input-{name}>", mode, flags)
            value = eval(code, namespace)
            if inspect.CO_COROUTINE & code.co_flags:
                value = asyncio.run(value)
    if last is not None and value is not None:
        namespace["_"] = value
    return value


class _Child:
    """The forked side: runs the cells, and says over ``channel`` how each went."""

    def __init__(self, submission: Submission, channel: int, omit: set[str]) -> None:
        self.submission = submission
        self.channel = channel
        self.omit = omit

    def say(self, **record: Any) -> None:
        """Send one line of JSON."""
        data = json.dumps(record).encode() + b"\n"
        while data:
            data = data[os.write(self.channel, data) :]

    def run(self) -> NoReturn:
        """Do everything, and never return."""
        try:
            _settle(self.submission)
            self.run_cells(new_namespace())
        finally:
            os._exit(0)

    def run_cells(self, namespace: dict[str, Any]) -> None:
        """Run all cells, forking for tests."""
        for cell in self.submission.cells:
            if cell.id in self.omit:
                continue
            self.say(begin=cell.id)
            if cell.points is not None:
                result = self.fork_test(cell, namespace)
                self.say(test=result)
                if self.submission.stop_early and result["status"] != "passed":
                    break
                continue
            tail, began = _Tail(), time.monotonic()
            sys.stdout = sys.stderr = tail
            error = message = ""
            try:
                run_cell(cell.source, cell.id, namespace)
            except BaseException as raised:  # noqa: BLE001 - cells may raise anything, SystemExit too
                error, message = type(raised).__name__, str(raised)[:TAIL]
            seconds = time.monotonic() - began
            record = CellRun(cell.id, error, message, tail.text, seconds)
            self.say(cell=vars(record), peak_mb=_peak_mb())
        finish = self.submission.finish
        self.say(end=finish(namespace) if finish else None, peak_mb=_peak_mb())

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
            return vars(_test_result(cell, 0.0, "error", said, seconds))


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
    from deltarule.errors import JudgingError

    sys.stdout = sys.stderr = _Tail()
    points = cell.points or 0.0
    try:
        value = run_cell(cell.source, cell.id, namespace)
    except JudgingError as raised:
        return _test_result(cell, 0.0, "error", f"the test is written wrongly: {raised}")
    except BaseException as raised:  # noqa: BLE001 - a student's code may raise anything
        said = f"{type(raised).__name__}: {raised}"[:TAIL]
        return _test_result(cell, 0.0, "failed", said)
    if value is None:
        return _test_result(cell, points, "passed", "")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        said = f"the test is written wrongly: it ends in {type(value).__name__}, not in points"
        return _test_result(cell, 0.0, "error", said)
    score = min(max(float(value), 0.0), points)
    full = score >= points - SMALLEST_POINT
    status = "passed" if full else "partial" if score > 0 else "failed"
    told = value.as_json() if isinstance(value, Score) else {}
    more = {key: told.get(key) for key in ("margin", "diagnosis")}
    return _test_result(cell, score, status, told.get("message", ""), **more)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _settle(submission: Submission) -> None:
    """Make a forked process its own: no terminal, no inherited filters, seeds as given."""
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    os.environ.update(submission.environment)
    os.environ[SEED_VARIABLE] = str(submission.seed)
    random.seed(submission.seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(submission.seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(submission.seed)


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
        _settle(submission)
        namespace = new_namespace()
        sys.stdout = sys.stderr = _Tail()
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
