"""Process 1 of a sandbox: it fills the work folder, starts runners, and buries what dies.

No student's code runs here. It is the parent of every orphan inside, and its state is that of a
submission before its first cell, so that a new runner can always be had.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import frames, landlock, linux, namespaces
from .settings import ENVIRONMENT, Files, Limits, Serve, known

if TYPE_CHECKING:
    from .shell import Shell

__all__ = ["Keeper", "Template"]

Template = namespaces.Template | landlock.Template | None
CHUNK = 1 << 20
DEEPEST = 8
ROOM_OF_KEEPER = 64
"""Times the limit on processes that a keeper may start a runner at: the kernel counts those of a
plain user's other submissions, too, and one of these may be taking all that it can get."""


class Keeper:
    """One submission's process 1.

    Args:
        channel: to the grader.
        request: what the grader asked the fork server for.
        descriptors: files that the grader reads: log, out, err, trace.
    """

    def __init__(
        self, channel: socket.socket, request: dict[str, Any], descriptors: list[int]
    ) -> None:
        self.channel = channel
        self.request = request
        self.files = Files(*descriptors)
        self.limits = Limits(**known(Limits, request["limits"]))
        self.home = ""
        self.put = 0
        self.landlock = 0

    def enter(self, template: Template, place: str) -> None:
        """Go into the sandbox of the tier that the template belongs to."""
        slot = int(self.request["slot"])
        with contextlib.suppress(OSError):  # where memory runs out, nobody else is killed for it
            Path("/proc/self/oom_score_adj").write_text("1000")
        linux.die_with_parent()
        os.setsid()
        linux.subreaper()
        if isinstance(template, namespaces.Template):
            self.home = namespaces.HOME
            namespaces.enter(template, self.limits, slot)
        else:
            self.home = str(Path(place, str(slot)))
            for name in ("work", "home", "tmp"):
                Path(self.home, name).mkdir(parents=True, exist_ok=True)
            if isinstance(template, landlock.Template):
                landlock.enter(template, self.home, slot)
                self.landlock = template.version
        linux.die_with_parent()  # forgotten when the user changed
        linux.undumpable()
        self._limit()
        for name in ("work", "home", "tmp"):
            Path(self.home, name).mkdir(parents=True, exist_ok=True)
        self._environment()

    def _limit(self) -> None:
        limits = self.limits
        most = {
            resource.RLIMIT_AS: limits.address_bytes,
            resource.RLIMIT_NPROC: ROOM_OF_KEEPER * self._processes,
            resource.RLIMIT_FSIZE: limits.file_bytes,
            resource.RLIMIT_NOFILE: limits.open_files,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MSGQUEUE: 0,
            resource.RLIMIT_MEMLOCK: 1 << 16,
        }
        for which, value in most.items():
            _limit(which, value)

    @property
    def _processes(self) -> int:
        """How many the user may have before this submission gets no more."""
        return self.limits.processes + int(self.request.get("already", 0))

    def _environment(self) -> None:
        folder = str(Path(self.home, "home"))
        os.chdir(Path(self.home, "work"))
        os.environ.pop("MPLCONFIGDIR", None)
        os.environ.update(
            ENVIRONMENT,
            HOME=folder,
            TMPDIR=str(Path(self.home, "tmp")),
            IPYTHONDIR=str(Path(folder, ".ipython")),
            USER="student",
            LOGNAME="student",
        )
        os.environ.update(self.request.get("environment", {}))
        # Interpreters that cells start (joblib's, multiprocessing's) are to find the packages.
        subprocess._args_from_interpreter_flags = list  # type: ignore[attr-defined]

    def main(self, shell: Shell, serve: Serve) -> NoReturn:
        """Answer the grader until it hangs up."""
        self.shell, self.serve = shell, serve
        answers: dict[str, Callable[[dict[str, Any], list[int]], dict[str, Any]]] = {
            "put": self._put,
            "start": self._start,
            "usage": self._usage,
        }
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wake = (wake, woken)
        frames.send(self.channel, {"ready": os.getpid(), "home": self.home})
        while True:
            ready, _, _ = select.select([self.channel.fileno(), wake], [], [])
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, CHUNK)
            self._bury()
            if self.channel.fileno() in ready:
                request, descriptors = frames.receive(self.channel)
                kind = next(name for name in answers if name in request)
                frames.answer(self.channel, request, answers[kind](request, descriptors))

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _usage(self, *_: Any) -> dict[str, Any]:
        """Bytes in the work folder and in shared memory, where they are ours alone."""
        used = 0
        if self.home == namespaces.HOME:
            for folder in (self.home, "/dev/shm"):
                status = os.statvfs(folder)
                used += (status.f_blocks - status.f_bfree) * status.f_frsize
        return {"used": used}

    def _put(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Copy an open file into the work folder."""
        source = descriptors[0]
        try:
            parts = Path(request["put"]).parts
            bad = not parts or len(parts) > DEEPEST or ".." in parts or parts[0] == os.sep
            if bad:
                return {"failed": "this is not a name inside the work folder"}
            target = Path(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            self.put += os.fstat(source).st_size
            if self.put > self.limits.put_bytes:
                return {"failed": f"the files take more than {self.limits.put_bytes} bytes"}
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            copy = os.open(target, flags, 0o644)
            try:
                offset = 0
                while data := os.pread(source, CHUNK, offset):
                    offset += len(data)
                    view = memoryview(data)
                    while view:
                        view = view[os.write(copy, view) :]
            finally:
                os.close(copy)
            return {"put": offset}
        except OSError as error:
            return {"failed": f"{request['put']}: {error.strerror}"}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _start(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Fork a runner with the state before the first cell."""
        try:
            pid = linux.patient_fork()
        except OSError as error:
            pid, failed = -1, str(error)
        if pid:
            for descriptor in descriptors:
                os.close(descriptor)
            return {"started": pid} if pid > 0 else {"failed": failed}
        try:
            from .runner import Runner  # loaded long ago; here only because it needs IPython

            _limit(resource.RLIMIT_NPROC, self._processes)
            landlock.keep_signals_in(self.landlock)
            signal.set_wakeup_fd(-1)
            for descriptor in self._wake:
                os.close(descriptor)
            self.channel.close()
            channel = socket.socket(fileno=descriptors[0])
            runner = Runner(channel, self.shell, self.files, self.serve, self.limits.output_bytes)
            runner.main(int(request["start"]))
        finally:
            os._exit(0)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))
