"""Judges the test cells of one submission's notebook, here, against forks of the student's process.

The whole cell is executed on this side, visible asserts included. What counts is how it ends: a
number of points as its last value, no value, or an exception. A fork that was lost fails the test,
whatever the test has caught. What the test makes of a student's values is limited in time and
memory here, too: see :mod:`.limits`.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from deltarule.errors import JudgingError
from deltarule.exchange.subject import ExchangeError
from deltarule.grading.cells import Tail, run_cell
from deltarule.grading.messages import own_words, plain_message
from deltarule.grading.remote.limits import limited
from deltarule.grading.remote.link import Link, Lost, Pipe, StudentError
from deltarule.grading.remote.names import Imports, Names, new_globals
from deltarule.grading.remote.references import RefusedError, make_reference
from deltarule.grading.results import TestResult
from deltarule.judging.verdicts import SEED_VARIABLE, Score

__all__ = ["Bench", "Cell", "judged_value"]

SMALLEST_POINT = 1e-9
GRACE_SECONDS = 2.0
TOO_MUCH = "the test ran out of memory: your code gives something too large"
TOO_LONG = "the test took too long; is there an endless loop?"
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

    Attributes:
        limit: what ended the last test: ``time``, ``memory``, ``ended``, or "" where nothing did.
    """

    def __init__(self, imports: Imports, seed: int, test_seconds: float = 60.0) -> None:
        self.names = Names(imports)
        self.globals = new_globals(self.names)
        self.seed = seed
        self.test_seconds = test_seconds
        self.limit = ""

    def judge(self, cell: Cell, pipe: Pipe) -> TestResult:
        """Run a test cell against a fork; whatever happens there is a result.

        Args:
            cell: the test.
            pipe: to a fork of the student's process as it is where the test stands.
        """
        link = self._link(pipe)
        self.names.link = link
        try:
            return self._judged(
                cell, link, "grader", lambda: run_cell(cell.source, cell.name, self.globals)
            )
        finally:
            self.names.link = None

    def judge_in_fork(self, cell: Cell, pipe: Pipe) -> TestResult:
        """Have a test cell run in the fork itself: for tests that need the student's process."""
        link = self._link(pipe)

        def run() -> Any:
            has_value, number = link.ask("cell", cell.source)
            return number if type(number) is float else ("" if has_value is True else None)

        return self._judged(cell, link, "fork", run)

    def _link(self, pipe: Pipe) -> Link:
        link = Link(pipe, self.test_seconds)
        link.make_reference = make_reference
        return link

    def _judged(self, cell: Cell, link: Link, where: str, run: Callable[[], Any]) -> TestResult:
        """The result of what ``run`` does; nothing but a key pressed at the terminal goes on."""
        began = time.monotonic()
        self.limit = ""
        try:
            with limited(self.test_seconds + GRACE_SECONDS, Lost), _quietly(link, self.seed):
                value = run()
                if link.refuted is not None:
                    raise link.refuted
                made = judged_value(cell, value, where)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a student's values may raise anything
            made = _failed(cell, error, where)
            self.limit = _limit(error)
        late = time.monotonic() - began >= self.test_seconds + GRACE_SECONDS
        if link.lost or late:  # whatever the test has caught
            made = _result(cell, 0.0, "error", link.lost or TOO_LONG, where)
            self.limit = "time" if link.late or late else "ended"
        return replace(made, duration_s=time.monotonic() - began)


def judged_value(cell: Cell, value: Any, where: str) -> TestResult:
    """The points that the last value of a test stands for, as nbgrader reads it.

    No value is full marks, and so is a value that is not a number of points; a number from 0 to
    the cell's points is the score.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not math.isfinite(value):
        said = "the test is written wrongly: it ends in a number that is not finite"
        return _result(cell, 0.0, "error", said, where)
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
        where,
        margin=told.get("margin"),
        diagnosis=told.get("diagnosis"),
    )


def _failed(cell: Cell, error: BaseException, where: str) -> TestResult:
    status = "failed"
    if isinstance(error, StudentError):
        place = f" (line {error.line} of your cell)" if error.line else ""
        words = own_words(error.text)
        said = f"your code raised {error.name}{': ' if words else ''}{words}{place}"
        if isinstance(error, NotImplementedError):
            said = MISSING
        elif isinstance(error, AssertionError) and where == "fork":
            said = error.text
        elif error.name == ExchangeError.__name__:
            status, said = "error", f"a limit of the grading, not an error of your code: {words}"
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
        status, said = "error", str(error) or TOO_LONG
    elif isinstance(error, MemoryError):
        status, said = "error", TOO_MUCH
    else:
        status = "error"
        said = (
            f"the test stopped with {type(error).__name__}: your code gives something of another "
            "kind than was asked for"
        )
    return _result(cell, 0.0, status, said, where)


def _limit(error: BaseException) -> str:
    """The limit of the grader's own side that an error stands for."""
    if isinstance(error, Lost):
        return "time"
    return "memory" if isinstance(error, MemoryError) else ""


def _result(
    cell: Cell, score: float, status: str, message: str, where: str, **more: Any
) -> TestResult:
    return TestResult(
        notebook=cell.notebook,
        name=cell.name,
        points=cell.points,
        score=score,
        status=status,
        verdict_in=where,
        message=plain_message(message),
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
        _variable("NBGRADER_EXECUTION", "autograde"),  # as nbgrader sets it for tests
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
