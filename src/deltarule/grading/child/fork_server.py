"""The warm fork server: imports once, then forks a keeper for every submission.

It stays single-threaded, holds nothing secret, never runs a student's code, and ends, with all
that it started, when the grader hangs up.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from . import frames, landlock, linux, namespaces, probe, processes
from .keeper import Keeper, Template
from .serving import load_serving
from .settings import Settings, known
from .warm import freeze, threads, warm_up

__all__ = ["main"]

BURIAL_SECONDS = 1.0
AT_THE_FIRST_CELL = ("IPython.core.logger", "bdb")
"""What the shell would import in each child."""

PROBE_SECONDS = 30


def main(descriptor: int) -> NoReturn:
    """Take the settings from the control socket, get ready, and answer requests."""
    control = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key pressed at the grader's terminal
    record, _ = frames.receive(control)
    settings = Settings(**known(Settings, record["settings"]))
    try:
        template = _template(settings)
    except OSError as error:
        frames.send(control, {"failed": str(error)})
        os._exit(0)
    linux.subreaper()
    server = _Server(control, settings, template)
    frames.send(control, server.probed())
    if "go" not in frames.receive(control)[0]:
        os._exit(0)
    server.warm()
    frames.send(control, {"ready": os.getpid(), "missing": server.missing})
    try:
        server.listen()
    except EOFError:
        pass
    finally:
        server.end()
        os._exit(0)


def _template(settings: Settings) -> Template:
    if settings.tier == "namespaces":
        return namespaces.Template(settings)
    if settings.tier == "landlock":
        return landlock.Template(settings)
    return None


class _Server:
    def __init__(self, control: socket.socket, settings: Settings, template: Template) -> None:
        self.control = control
        self.settings = settings
        self.template = template
        self.children: set[int] = set()
        self.ended: set[int] = set()
        self.missing: list[str] = []

    def _fork(self) -> int:
        if threads() != 1:
            raise RuntimeError(f"{threads()} threads: forking would be unsafe")
        return os.fork() if self.template is None else self.template.fork()

    def probed(self) -> dict[str, Any]:
        """What a child of this tier could do that it should not, before anything is imported."""
        ours, theirs = socket.socketpair()
        pid = self._fork()
        if pid == 0:
            try:
                ours.close()
                self.control.close()
                frames.send(theirs, probe.report(self.settings, self.template))
            except BaseException as error:  # noqa: BLE001 - told to the grader, whatever it is
                with contextlib.suppress(OSError):
                    frames.send(theirs, {"failed": f"{type(error).__name__}: {error}"})
            finally:
                os._exit(0)
        theirs.close()
        ours.settimeout(PROBE_SECONDS)
        try:
            return frames.receive(ours)[0]
        except (EOFError, OSError) as error:
            return {"failed": f"the probe said nothing: {error}"}
        finally:
            ours.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def warm(self) -> None:
        """Import everything and make the shell."""
        sys.path[:0] = [one for one in self.settings.packages if one not in sys.path]
        self.missing = warm_up(["IPython", *AT_THE_FIRST_CELL])
        from . import runner  # noqa: F401 - children cannot read it any more
        from .shell import make_shell

        self.shell = make_shell()
        self.missing += warm_up(self.settings.imports)
        self.serve = load_serving(self.settings)
        freeze()

    def listen(self) -> None:
        """Answer requests until the grader hangs up."""
        while True:
            while not select.select([self.control], [], [], BURIAL_SECONDS)[0]:
                self._bury()
            request, descriptors = frames.receive(self.control)
            try:
                answer = self._answer(request, descriptors)
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                answer = {"failed": f"{type(error).__name__}: {error}"}
            for descriptor in descriptors:
                os.close(descriptor)
            frames.answer(self.control, request, answer)

    def _answer(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        if "child" in request:
            pid = self._fork()
            if pid == 0:
                self._child(request["child"], descriptors)
            self.children.add(pid)
            return {"child": pid}
        if "end" in request:
            pid = int(request["end"])
            if pid in self.children:
                os.kill(pid, signal.SIGKILL)
                self.children.discard(pid)
                self.ended.add(pid)
            self._bury()
            return {"ended": pid}
        return {"pong": threads()}

    def _bury(self) -> None:
        """Bury the dead, but never a child that the grader has not ended yet.

        The end of a child takes longer than anybody should wait for it.
        """
        for pid in list(self.ended):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.ended.discard(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if found is None or found.si_pid in self.children | self.ended:
                    return
                os.waitpid(found.si_pid, 0)

    def _child(self, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
        try:
            self.control.close()
            channel = socket.socket(fileno=descriptors[0])
            try:
                keeper = Keeper(channel, request, descriptors[1:])
                keeper.enter(self.template, self.settings.place)
            except (OSError, ValueError, KeyError) as error:
                frames.send(channel, {"failed": f"{type(error).__name__}: {error}"})
            else:
                keeper.main(self.shell, self.serve)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass
        except BaseException:  # noqa: BLE001 - goes to the grader's file of complaints
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(0)

    def end(self) -> None:
        """Kill every child and what they left behind."""
        for pid in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not isinstance(self.template, namespaces.Template):
            processes.sweep(os.getpid(), keep=())
