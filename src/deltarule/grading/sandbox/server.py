"""One fork server, as the grader sees it: its process, from the first probe to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from deltarule.errors import MachineryError
from deltarule.grading.child import processes
from deltarule.grading.child.settings import ENVIRONMENT, Settings
from deltarule.grading.sandbox.canary import Canary
from deltarule.grading.sandbox.channel import Channel, Gone, Silent
from deltarule.grading.sandbox.places import Place, remove

__all__ = ["ANSWER_SECONDS", "Made", "Server"]

PROGRAM = Path(__file__).parents[1] / "child" / "__main__.py"
PROBE_SECONDS = 60.0
BOOT_SECONDS = 180.0
ANSWER_SECONDS = 30.0
END_SECONDS = 10.0
LONGEST_COMPLAINT = 2000

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, eq=False)
class Made:
    """A child: its number for the fork server, which others get after it, and its process 1."""

    number: int
    keeper: int


class Server:
    """A fork server's process; it can be closed at any time, and then is gone with its children.

    Args:
        settings: what it is started with; its place and what is probed are filled in.

    Attributes:
        place: the folder that it uses.
        missing: modules that could not be imported.
        pid: its process.
        complaint: the end of what it wrote to its standard error, once it is closed.
    """

    def __init__(self, settings: Settings) -> None:
        self.missing: list[str] = []
        self.pid = 0
        self.complaint = ""
        self._made: set[Made] = set()
        with contextlib.ExitStack() as undo:
            place = Place()
            undo.callback(place.close)
            self._complaints = undo.enter_context(tempfile.TemporaryFile())
            self._control, theirs = Channel.pair()
            undo.callback(self._control.close)
            undo.enter_context(theirs)
            self._process = _started(place.path, settings.tier, theirs.fileno(), self._complaints)
            theirs.close()
            self._leftovers = undo.pop_all()
        self.place = place.path
        self.is_open = True
        self._settings = replace(settings, place=str(self.place))

    def probe(self) -> str:
        """Have it try to break out of its sandbox; why that cannot be used, or ""."""
        with Canary(self.place) as canary:
            settings = replace(self._settings, canary=canary.tells())
            try:
                self._control.send({"settings": asdict(settings)}, ANSWER_SECONDS)
                told = self._control.receive(PROBE_SECONDS)
            except (Gone, Silent) as error:
                return f"{error} {self._complain()}".strip()
            if "failed" in told:
                return str(told["failed"])
            held = not (told["broken"] or told["missing"] or canary.was_touched())
            return "" if held or settings.tier == "none" else f"it does not hold: {_listed(told)}"

    def boot(self) -> None:
        """Have everything imported.

        Raises:
            MachineryError: that failed; it is no reason to take a weaker sandbox.
        """
        try:
            self._control.send({"go": True}, ANSWER_SECONDS)
            ready = self._control.receive(BOOT_SECONDS)
        except (Gone, Silent) as error:
            why = f"{error} {self._complain()}".strip()
            raise MachineryError(f"the fork server does not start: {why}") from None
        self.pid = self._control.sender
        self._family = processes.Family(self.pid)
        self.missing = [str(one) for one in ready.get("missing", ())]

    def _complain(self) -> str:
        """The end of what it wrote to its standard error."""
        size = os.fstat(self._complaints.fileno()).st_size
        start = max(0, size - LONGEST_COMPLAINT)
        data = os.pread(self._complaints.fileno(), LONGEST_COMPLAINT, start)
        return data.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End it with all that it has started; a second time does nothing."""
        if not self.is_open:
            return
        self.is_open = False
        self._control.close()  # it then ends by itself
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            processes.sweep(self._process.pid, keep=())
            self._process.kill()
            self._process.wait()
        self.complaint = self._complain()
        self._leftovers.close()

    # -- children ---------------------------------------------------------------------------------

    def fork(
        self, keeper: Channel, theirs: socket.socket, request: dict[str, Any], files: Sequence[int]
    ) -> Made:
        """Have a child forked, and wait until it is in its sandbox.

        Args:
            keeper: on which the child will say so.
            theirs: the child's end of it, which is closed here.
            request: what it is told.
            files: descriptors of its files.

        Raises:
            Gone, Silent: there is no fork server any more.
            MachineryError: it makes no child, or the child does not get into its sandbox.
        """
        given = [theirs.fileno(), *files]
        answer = self._control.ask({"child": request}, ANSWER_SECONDS, given)
        theirs.close()  # so that the child's end is seen
        number = answer.get("child")
        if not isinstance(number, int):
            raise MachineryError(f"the fork server makes no child: {answer.get('failed')}")
        try:
            told = keeper.receive(ANSWER_SECONDS)
            failed = "" if "ready" in told else str(told.get("failed"))
        except (Gone, Silent) as error:
            failed = str(error)
        if failed:
            self._control.ask({"end": number}, ANSWER_SECONDS)
            raise MachineryError(f"the sandbox could not be entered: {failed}")
        made = Made(number, keeper.sender)
        self._made.add(made)
        return made

    def end(self, made: Made, folder: Path | None) -> bool:
        """End a child with all that it has started; whether that has made room for another.

        Args:
            made: the child; where it was ended before, nothing happens.
            folder: its own, to be removed; None where it is part of the sandbox.
        """
        if made not in self._made:
            return False
        self._made.discard(made)
        if not self.is_open:
            return True
        swept = True
        if folder is not None:
            processes.sweep(made.keeper, keep=())
        with contextlib.suppress(Gone, Silent):
            self._control.ask({"end": made.number}, ANSWER_SECONDS)
        if folder is not None:
            swept = self._sweep_strays()
            remove(folder)
        return swept

    def _sweep_strays(self) -> bool:
        """End what has outlived its process 1: its parent is the fork server now.

        Who is handed on to that parent while the table is read is in no look, so that nobody must
        be found more than once.
        """
        keepers = {one.keeper for one in self._made}
        clean = 0
        for _ in range(processes.ROUNDS):
            looked = self._family.look()
            strays = [
                pid for pid, (_, up) in looked.items() if up == self.pid and pid not in keepers
            ]
            clean = 0 if strays else clean + 1
            if clean == processes.CLEAN_ROUNDS:
                return True
            for pid in strays:
                processes.sweep(pid, keep=())
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(processes.PAUSE if strays else 0)
        return False


def _started(place: Path, tier: str, control: int, complaints: IO[bytes]) -> Process:
    home = place / "boot"
    home.mkdir()
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(PROGRAM), str(control)],
        env=_environment(home, tier),
        cwd=home,
        pass_fds=[control],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=complaints,
        start_new_session=True,
    )


def _listed(told: dict[str, Any]) -> str:
    broken = [f"could {one}" for one in told["broken"]]
    return ", ".join([*broken, *(f"could not {one}" for one in told["missing"])])[:1000]


def _environment(home: Path, tier: str) -> dict[str, str]:
    """A clean environment: nothing of the grader's but where programs are."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath.lstrip(":")]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        **({"JOBLIB_MULTIPROCESSING": "0"} if tier == "landlock" else {}),  # no locks there
        **ENVIRONMENT,
    }
