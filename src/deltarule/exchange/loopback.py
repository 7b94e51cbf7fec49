"""``Loopback``: the subject in a process of its own, reached over a pair of sockets.

The process is forked from the one that ran the student's cells, so that it has their objects, and
is thrown away afterwards: nothing that the student's code does there reaches the judge. Requests
and answers are frames of :mod:`deltarule.exchange.wire`. There is no sandbox around the process
here; the frame and the protocol are those that a sandboxed one will speak.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from . import wire
from .inkernel import InKernel
from .subject import ExchangeError, Failure, Outcome, Program, Reference

__all__ = ["Loopback"]

CALL_SECONDS = 20.0
"""How long one request may take."""


class Loopback:
    """A forked process that runs programs on the objects of ``namespace``.

    Args:
        namespace: what the student's cells have bound.
        seconds: the time limit of one request.

    A request after the process has died or run out of time fails as that one did: a student's
    ``try``/``except`` cannot swallow it.
    """

    def __init__(self, namespace: Mapping[str, Any], seconds: float = CALL_SECONDS) -> None:
        self.names = frozenset(namespace)
        self.seconds = seconds
        self.dead: Failure | None = None
        ours, theirs = socket.socketpair()
        self.process = os.fork()
        if self.process == 0:
            ours.close()
            _serve(theirs, namespace)
        theirs.close()
        self.channel = ours
        self.channel.settimeout(seconds)

    def reference(self, name: str) -> Reference:
        """A stand-in for an object of the student's.

        Raises:
            ExchangeError: the student's cells did not bind this name.
        """
        if name not in self.names:
            raise ExchangeError(f"the name '{name}' is not defined by the notebook")
        return Reference(name, self)

    def run(self, program: Program) -> Outcome:
        """Send the program, wait for the outcome."""
        if self.dead is not None:
            return Outcome((), self.dead)
        record, blobs = wire.encode_program(program)
        try:
            wire.send(self.channel, record, blobs)
            return wire.decode_outcome(*wire.receive(self.channel))
        except TimeoutError:
            said = f"nothing came back within {self.seconds:g} s; is there an endless loop?"
            self.dead = Failure(0, "TimeoutError", said)
        except (EOFError, OSError):
            self.dead = Failure(0, "SystemExit", "the process that ran your code ended")
        self.close()
        return Outcome((), self.dead)

    def close(self) -> None:
        """End the process."""
        self.channel.close()
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.process, 0)
            self.process = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _serve(channel: socket.socket, namespace: Mapping[str, Any]) -> None:
    """The forked side: run programs until the judge hangs up. Never returns."""
    try:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        runner = InKernel(namespace)
        while True:
            program = wire.decode_program(*wire.receive(channel))
            wire.send(channel, *wire.encode_outcome(runner.run(program)))
    except BaseException:  # noqa: BLE001 - whatever happens, this copy of the judge must not go on
        os._exit(0)
