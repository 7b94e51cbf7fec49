"""The process that runs a submission's cells, its spares, and the forks that serve tests.

Before a cell that may do harm, the process forks a *spare* where the grader asks for one: a copy
of the state before that cell, which only waits. If the cell runs too long, takes too much or ends
its process, the grader kills the runner, and the spare goes on with the next cell. The runner is
the parent, so that its threads, process id and open files are the same from cell to cell.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from . import frames, linux
from .harmless import is_harmless
from .leftovers import Leftovers
from .settings import Files, Serve
from .shell import Shell, run_source, take_streams
from .warm import seed_generators

__all__ = ["Runner"]

PATIENCE = 10.0
PAUSE = 0.001


class Runner:
    """Runs cells, as the grader asks for them over a channel."""

    def __init__(
        self, channel: socket.socket, shell: Shell, files: Files, serve: Serve, most_output: int
    ) -> None:
        self.channel = channel
        self.shell = shell
        self.files = files
        self.serve = serve
        self.most_output = most_output
        self.forks: set[int] = set()
        self.spare = 0
        self.keeper = 0
        self.loop = asyncio.new_event_loop()
        self.old_loops: list[asyncio.AbstractEventLoop] = []

    def main(self, seed: int) -> NoReturn:
        """Take over a fresh fork of the keeper, and never return."""
        try:
            self._settle()
            seed_generators(seed)
            frames.send(self.channel, {"ready": os.getpid()})
            self._listen()
        except (EOFError, OSError, ValueError):
            pass
        finally:
            os._exit(0)

    def _settle(self) -> None:
        self.keeper = os.getppid()
        linux.die_with_parent()
        linux.undumpable(False)
        for name in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(name, signal.SIG_DFL if name != signal.SIGPIPE else signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(self.files.out, 1)
        os.dup2(self.files.err, 2)
        tempfile.tempdir = None
        if sys.path[:1] != [""]:
            sys.path.insert(0, "")  # modules beside a notebook can be imported
        take_streams(self.shell)
        folders = (str(Path.cwd()), os.environ["HOME"], os.environ["TMPDIR"])
        self.leftovers = Leftovers(folders)
        sources = (self.files.out, self.files.err)
        self.shell.recorder.attach(self.files.log, sources, self.most_output)
        faulthandler.enable(file=self.files.trace, all_threads=False)
        faulthandler.register(signal.SIGUSR2, file=self.files.trace, all_threads=False)
        asyncio.set_event_loop(self.loop)

    def _listen(self) -> None:
        while True:
            request, descriptors = frames.receive(self.channel)
            self._reap()
            if "run" in request:
                self._run(request, descriptors)
            elif "fork" in request:
                self._fork(request, descriptors)
            else:
                frames.answer(self.channel, request, {"can_fork": self._can_fork()})

    def _can_fork(self) -> bool:
        """Whether a cell has left room for another process."""
        try:
            pid = os.fork()
        except OSError:
            return False
        if pid == 0:
            os._exit(0)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        return True

    def _reap(self) -> None:
        self.forks.discard(-1)
        for pid in list(self.forks):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    continue
            self.forks.discard(pid)

    def _forget(self, pid: int) -> None:
        """End a fork; it is buried when the next request comes."""
        if pid in self.forks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _run(self, request: dict[str, Any], descriptors: list[int]) -> None:
        source, cell = request["source"], request["run"]
        if descriptors:
            spare = 0 if self._is_harmless(source) else self._make_spare(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            frames.answer(self.channel, request, {"began": cell, "spare": spare > 0})
        started = time.monotonic()
        error = run_source(self.shell, self.loop, cell, source)
        seconds = time.monotonic() - started
        count = self.shell.execution_count - 1
        done = {"done": cell, "error": error, "seconds": seconds, "count": count}
        done["files"] = self.leftovers.found()
        frames.answer(self.channel, request, done)

    def _is_harmless(self, source: str) -> bool:
        try:
            return is_harmless(self.shell.transform_cell(source))
        except Exception:  # noqa: BLE001 - whatever it is, the cell's run will show it
            return False

    def _make_spare(self, descriptors: list[int]) -> int:
        """Fork a copy that waits, and goes on as the runner when it is told to; 0 for none."""
        self.leftovers.forget()
        try:
            pid = os.fork()
        except OSError:  # no more processes: the cell is run all the same
            return 0
        if pid:
            self._forget(self.spare)
            self.forks.add(pid)
            self.spare = pid
            return pid
        self.spare = 0
        self._after_fork(socket.socket(fileno=descriptors.pop(0)))
        while "go" not in (request := frames.receive(self.channel)[0]):
            frames.answer(self.channel, request, {"pid": os.getpid()})
        self._wait_for_keeper()
        linux.die_with_parent()
        frames.answer(self.channel, request, {"ready": os.getpid()})
        self._listen()
        return 0

    def _wait_for_keeper(self) -> None:
        """Wait until the last thread of the runner before has ended and the keeper is the parent.

        Otherwise the end of that thread would count as the parent's.
        """
        end = time.monotonic() + PATIENCE
        while os.getppid() != self.keeper and time.monotonic() < end:
            time.sleep(PAUSE)

    def _after_fork(self, channel: socket.socket) -> None:
        """A channel and a loop of our own; the old loop's queue in the kernel is shared."""
        self.channel.close()
        self.channel = channel
        self.forks.clear()
        self.old_loops.append(self.loop)
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Fork for one test: serve it and end; what it prints is shown to nobody."""
        try:
            pid = linux.patient_fork()
        except OSError:
            pid = -1
        if pid:
            self.forks.add(pid)
            for descriptor in descriptors:
                os.close(descriptor)
            frames.answer(self.channel, request, {"forked": pid > 0})
            return
        try:
            self._after_fork(socket.socket(fileno=descriptors[0]))
            self.shell.recorder.detach()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (1, 2):
                os.dup2(nowhere, descriptor)
            seed_generators(int(request["fork"]))
            gc.freeze()
            frames.send(self.channel, {"ready": os.getpid()})
            self.serve(self.channel, self.shell.user_ns)
        except BaseException:  # noqa: BLE001 - nothing may return into the runner's loop
            pass
        finally:
            os._exit(0)
