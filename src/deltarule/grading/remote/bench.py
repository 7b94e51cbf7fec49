"""Judges the test cells of one submission's notebook, here, against forks of the student's process.

The whole cell is executed on this side, visible asserts included. What counts is how it ends: a
number of points as its last value, no value, or an exception. A fork that was lost fails the test,
whatever the test has caught.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deltarule.errors import JudgingError
from deltarule.exchange.subject import ExchangeError
from deltarule.grading.cells import Tail, run_cell
from deltarule.grading.remote.link import Link, Lost, Pipe, StudentError
from deltarule.grading.remote.names import Imports, Names, new_globals
from deltarule.grading.remote.references import RefusedError, make_reference
from deltarule.grading.results import TestResult
from deltarule.judging.verdicts import SEED_VARIABLE, Score

__all__ = ["Bench", "Cell", "judged_value"]

SMALLEST_POINT = 1e-9
LONGEST = 2000
GRACE_SECONDS = 2.0
MISSING = "this part is not implemented yet (NotImplementedError)"


@dataclass(frozen=True)
class Cell:
    """A test cell: its notebook, its ``grade_id``, its whole source, its points."""

    notebook: str
    name: str
    source: str
    points: float


class Bench:
    """Judges the tests of one notebook of one submission.

    Args:
        imports: what the instructor's notebook imports; may be shared by many submissions.
        seed: of the secret inputs.
        test_seconds: how long one test may take.
    """

    def __init__(self, imports: Imports, seed: int, test_seconds: float = 60.0) -> None:
        self.names = Names(imports)
        self.globals = new_globals(self.names)
        self.seed = seed
        self.test_seconds = test_seconds

    def judge(self, cell: Cell, pipe: Pipe) -> TestResult:
        """Run a test cell against a fork; whatever happens there is a result.

        Args:
            cell: the test.
            pipe: to a fork of the student's process as it is where the test stands.
        """
        link = Link(pipe, self.test_seconds)
        link.make_reference = make_reference
        self.names.link = link
        began = time.monotonic()
        value, error = None, None
        try:
            with _quietly(link, self.seed), _deadline(self.test_seconds + GRACE_SECONDS):
                value = run_cell(cell.source, cell.name, self.globals)
        except BaseException as raised:
            if isinstance(raised, KeyboardInterrupt | MemoryError):
                raise
            error = raised
        finally:
            self.names.link = None
        seconds = time.monotonic() - began
        if link.lost:
            return _result(cell, 0.0, "error", link.lost, seconds)
        if error is not None:
            return _failed(cell, error, seconds)
        return judged_value(cell, value, seconds, "grader")

    def judge_in_fork(self, cell: Cell, pipe: Pipe) -> TestResult:
        """Have a test cell run in the fork itself: for tests that need the student's process."""
        link = Link(pipe, self.test_seconds)
        link.make_reference = make_reference
        began = time.monotonic()
        try:
            with _quietly(link, self.seed):
                has_value, number = link.ask("cell", cell.source)
        except (Lost, ValueError, TypeError) as error:
            if isinstance(error, StudentError):
                return _failed(cell, error, time.monotonic() - began, "fork")
            said = link.lost or "what it answered makes no sense"
            return _result(cell, 0.0, "error", said, time.monotonic() - began, "fork")
        except StudentError as error:
            return _failed(cell, error, time.monotonic() - began, "fork")
        seconds = time.monotonic() - began
        value = number if type(number) is float else ("" if has_value is True else None)
        return judged_value(cell, value, seconds, "fork")


def judged_value(cell: Cell, value: Any, seconds: float, where: str) -> TestResult:
    """The points that the last value of a test stands for, as nbgrader reads it.

    No value is full marks, and so is a value that is not a number of points; a number from 0 to
    the cell's points is the score.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not math.isfinite(value):
        said = "the test is written wrongly: it ends in a number that is not finite"
        return _result(cell, 0.0, "error", said, seconds, where)
    in_range = isinstance(value, float) and 0.0 <= value <= cell.points
    score = float(value) if in_range else cell.points
    full = score >= cell.points - SMALLEST_POINT
    status = "passed" if full else "partial" if score > 0 else "failed"
    told = value.as_json() if isinstance(value, Score) else {}
    return _result(
        cell,
        score,
        status,
        told.get("message", ""),
        seconds,
        where,
        margin=told.get("margin"),
        diagnosis=told.get("diagnosis"),
    )


def _failed(cell: Cell, error: BaseException, seconds: float, where: str = "grader") -> TestResult:
    status = "failed"
    if isinstance(error, StudentError):
        place = f" (line {error.line} of your cell)" if error.line else ""
        said = f"your code raised {error.name or 'an error'}: {error.text}{place}"
        if isinstance(error, NotImplementedError):
            said = MISSING
        elif isinstance(error, AssertionError) and where == "fork":
            said = error.text
        else:
            status = "error"
    elif isinstance(error, JudgingError | ExchangeError):
        status, said = "error", f"the test is written wrongly: {error}"
    elif isinstance(error, AssertionError):
        said = str(error) or "a check of this test does not hold"
    elif isinstance(error, NameError):
        said = f"the name '{error.name}' is not defined in your notebook"
    elif isinstance(error, RefusedError):
        said = str(error)
    elif isinstance(error, Lost):
        status, said = "error", str(error) or "the test took too long; is there an endless loop?"
    else:
        status = "error"
        said = (
            f"the test stopped with {type(error).__name__}: your code gives something of another "
            "kind than was asked for"
        )
    return _result(cell, 0.0, status, said, seconds, where)


def _result(
    cell: Cell,
    score: float,
    status: str,
    message: str,
    seconds: float,
    where: str = "grader",
    **more: Any,
) -> TestResult:
    return TestResult(
        notebook=cell.notebook,
        name=cell.name,
        points=cell.points,
        score=score,
        status=status,
        verdict_in=where,
        message=message[:LONGEST],
        duration_s=seconds,
        cell=cell.name,
        **more,
    )


@contextlib.contextmanager
def _quietly(link: Link, seed: int) -> Iterator[None]:
    """Nothing is printed, warnings cost nothing, generators are seeded on both sides."""
    torch = sys.modules.get("torch")
    tail = Tail()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(tail),
        contextlib.redirect_stderr(tail),
        _mirrored_seeds(link),
        _variable(SEED_VARIABLE, str(seed)),
        contextlib.nullcontext() if torch is None else torch.set_grad_enabled(True),
    ):
        warnings.simplefilter("ignore")
        dtype = None if torch is None else torch.get_default_dtype()
        try:
            yield
        finally:
            if torch is not None:
                torch.set_default_dtype(dtype)


@contextlib.contextmanager
def _mirrored_seeds(link: Link) -> Iterator[None]:
    """While a test runs, seeding a generator here seeds the student's as well."""
    places: list[tuple[str, Any, str]] = [("random", random, "seed")]
    if "numpy" in sys.modules:
        places.append(("numpy", sys.modules["numpy"].random, "seed"))
    if "torch" in sys.modules:
        places.append(("torch", sys.modules["torch"], "manual_seed"))
    originals = [getattr(module, name) for _, module, name in places]

    def mirrored(library: str, original: Any) -> Any:
        def seed(value: Any = None, *args: Any, **kwargs: Any) -> Any:
            if isinstance(value, int):
                link.seed(library, int(value))
            return original(value, *args, **kwargs)

        return seed

    try:
        for (library, module, name), original in zip(places, originals, strict=True):
            setattr(module, name, mirrored(library, original))
        yield
    finally:
        for (_, module, name), original in zip(places, originals, strict=True):
            setattr(module, name, original)


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End a test that computes for ever on this side."""
    thread = threading.get_ident()
    late = threading.Timer(seconds, _interrupt, [thread])
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


def _interrupt(thread: int) -> None:
    """Raise :class:`Lost` in a thread, at its next step of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Lost))
