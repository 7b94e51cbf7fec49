"""Time and memory of a test on the trusted side, where nothing of a student's runs.

A test works with values that a student's code has made up: ``sum(answer)`` over a range of 10**18
whole numbers would go on for ever, ``list(answer)`` would take all the memory of the machine. So a
test that takes too long is interrupted between two steps of Python; where one step alone takes too
long, the process is ended, and the submission goes to another. Memory that is asked for beyond
the limit is refused, which a test meets as ``MemoryError``.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MEMORY_BYTES", "limited"]

MEMORY_BYTES = 2 * 2**30
"""What a test may take beyond what the process has: some times the largest frame of a fork."""

LAST_SECONDS = 10.0
"""How long a test that was interrupted may take to stop, before its process is ended."""

DATA_PAGES = 5
"""Where ``/proc/self/statm`` says how many pages of data the process has."""


@contextlib.contextmanager
def limited(seconds: float, error: type[BaseException]) -> Iterator[None]:
    """Limit what happens inside.

    Args:
        seconds: how long it may take.
        error: raised in it when that time is over.
    """
    with _memory(), _last_resort(seconds + LAST_SECONDS), _deadline(seconds, error):
        yield


@contextlib.contextmanager
def _deadline(seconds: float, error: type[BaseException]) -> Iterator[None]:
    """Raise an error in this thread, at its next step of Python, when the time is over."""
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock = threading.Lock()
    running, raised = True, False

    def interrupt() -> None:
        nonlocal raised
        with lock:
            if running:
                raised = True
                raise_in(thread, ctypes.py_object(error))

    late = threading.Timer(seconds, interrupt)
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()
        with lock:  # from here on nobody interrupts; what is under way is taken back
            running = False
            if raised:  # else the interpreter would look for an exception at each step, for ever
                raise_in(thread, None)


@contextlib.contextmanager
def _last_resort(seconds: float) -> Iterator[None]:
    """End this process if a single step of Python does not come to its end."""
    try:
        where = sys.__stderr__.fileno() if sys.__stderr__ else os.open(os.devnull, os.O_WRONLY)
        faulthandler.dump_traceback_later(seconds, exit=True, file=where)
    except (OSError, ValueError, RuntimeError):  # no standard error, or no threads to be had
        yield
        return
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _memory() -> Iterator[None]:
    """Refuse memory beyond the limit (on Linux)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[DATA_PAGES])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        if soft == resource.RLIM_INFINITY or most < soft:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    except (OSError, ValueError, IndexError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
