"""The grader's side of the warm fork server: start it in the strongest sandbox, ask for children.

::

    with Zygote(secrets=[course_root]) as zygote:          # boots once: seconds
        with zygote.child() as child:                      # milliseconds
            child.put("data.csv", b"...")
            outcome = child.run("cell-1", "import torch")
            with child.fork(seed=1) as fork:
                fork.ask({"names": True}, seconds=5)

Which sandbox is used is found out by trying to break it from inside (:mod:`deltarule.grading.child.
probe`). One that does not hold is never used, and none is used only where that is asked for.
Linux only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deltarule.errors import MachineryError, SandboxError
from deltarule.grading.child import processes
from deltarule.grading.child.settings import ENVIRONMENT, Limits, Settings
from deltarule.grading.sandbox.channel import Channel, Gone, Silent
from deltarule.grading.sandbox.recording import Recording
from deltarule.grading.sandbox.sandboxed import Child, Handles

__all__ = ["IMPORTS", "TIERS", "Zygote", "student_packages"]

TIERS = ("namespaces", "landlock")
"""Sandboxes, the stronger first; ``none`` is only taken where it is named."""

IMPORTS = (
    "numpy",
    "torch",
    "torch.nn.functional",
    "torch.utils.data",
    "pandas",
    "sklearn",
    "matplotlib",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "IPython.display",
    "tqdm.auto",
)
"""What notebooks of courses import; what is not installed is passed over."""

PROGRAM = Path(__file__).parents[1] / "child" / "__main__.py"
EXCHANGE = Path(__file__).parents[2] / "exchange"
PROBE_SECONDS = 60.0
BOOT_SECONDS = 180.0
ANSWER_SECONDS = 30.0
END_SECONDS = 10.0
SLOTS = 64
LONGEST_COMPLAINT = 2000


def student_packages() -> tuple[str, ...]:
    """The folders with installed packages; never a folder that an editable install adds."""
    endings = ("site-packages", "dist-packages")
    return tuple(one for one in sys.path if Path(one).name in endings and Path(one).is_dir())


class Zygote:
    """The fork server and its children; a context manager that ends them all.

    Args:
        tier: ``namespaces``, ``landlock`` or ``none``; "auto" takes the first of the first two that
            holds.
        secrets: files and folders that no child may see, besides this package.
        packages: folders with the students' packages.
        imports: modules to import in advance.
        exchange: the folder whose ``objects.serve`` answers in the forks of tests.
        serving: a Python file with ``serve(socket, namespace)`` that answers instead.
        limits: what each submission may use.

    Attributes:
        tier: the sandbox in use.
        reasons: why each stronger one is not.
        missing: modules that could not be imported.
        restarts: why the fork server was started again.
    """

    def __init__(
        self,
        tier: str = "auto",
        *,
        secrets: Sequence[str | Path] = (),
        packages: Sequence[str] | None = None,
        imports: Sequence[str] = IMPORTS,
        exchange: Path | None = EXCHANGE,
        serving: Path | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        if tier not in ("auto", "none", *TIERS):
            raise MachineryError(f"there is no sandbox {tier!r}: auto, {', '.join(TIERS)}, none")
        self.wanted = TIERS if tier == "auto" else (tier,)
        own = Path(__file__).resolve().parents[2]
        self.secrets = tuple(str(Path(one).resolve()) for one in (own, *secrets))
        self.packages = student_packages() if packages is None else tuple(packages)
        self.imports = tuple(imports)
        self.exchange = str(exchange or "")
        self.serving = str(serving or "")
        self.limits = limits
        self.tier = ""
        self.reasons: dict[str, str] = {}
        self.missing: list[str] = []
        self.restarts: list[str] = []
        self._lock = threading.Lock()
        self._number = 0
        self._keepers: dict[int, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Zygote:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Boot the fork server in the strongest sandbox that holds.

        Raises:
            MachineryError: none does, or this is not Linux.
        """
        if sys.platform != "linux":
            raise SandboxError(
                "submissions can only be sandboxed on Linux: grade in a Linux container, or ask "
                "for no sandbox where you trust every submission"
            )
        for tier in self.wanted:
            try:
                reason = self._try(tier)
                if not reason:
                    self._boot(tier)
                    return
            except BaseException:
                self._stop()
                raise
            self.reasons[tier] = reason
            self._stop()
        tried = "; ".join(f"{tier}: {reason}" for tier, reason in self.reasons.items())
        raise SandboxError(
            f"no sandbox holds on this machine ({tried}). Grade where one does, for instance in a "
            "Linux container with user namespaces, or ask for none where you trust every submission"
        )

    def child(self, seed: int = 0, environment: dict[str, str] | None = None) -> Child:
        """A new submission's sandbox.

        A fork server that has died is started again, once for each child: a class is long.

        Raises:
            MachineryError: there is no child to be had.
        """
        boots = len(self.restarts)
        try:
            return self._child(seed, environment or {})
        except (Gone, Silent) as error:
            why = f"the fork server ended: {error}"
        with self._lock:
            if len(self.restarts) == boots:  # or another thread has started it already
                self._restart(why)
        try:
            return self._child(seed, environment or {})
        except (Gone, Silent) as error:
            raise MachineryError(f"the fork server ended again: {error}") from None

    def close(self) -> None:
        """End the fork server and all children."""
        with self._lock:
            self._stop()

    # -- the fork server --------------------------------------------------------------------------

    def _restart(self, why: str) -> None:
        self.restarts.append(f"{why} {self._complaint()}".strip())
        self._stop()
        self.wanted = (self.tier,)
        self.start()

    def _try(self, tier: str) -> str:
        """Start in one tier and have it probed; why it cannot be used, or ""."""
        self._place = Path(tempfile.mkdtemp(prefix="deltarule-sandbox-"))
        self._place.chmod(0o711)
        self._keepers = {}
        with _Canary(self._place) as canary:
            self._open(tier, canary.tells())
            try:
                told = self._control.receive(PROBE_SECONDS)
                if "failed" in told:
                    return str(told["failed"])
                if tier != "none" and (told["broken"] or told["missing"] or canary.was_touched()):
                    return f"it does not hold: {_listed(told)}"
            except (Gone, Silent) as error:
                return f"{error or 'it takes too long'} {self._complaint()}".strip()
        return ""

    def _boot(self, tier: str) -> None:
        """Have everything imported. A failure here is no reason to take a weaker sandbox."""
        try:
            self._control.send({"go": True}, ANSWER_SECONDS)
            ready = self._control.receive(BOOT_SECONDS)
        except (Gone, Silent) as error:
            why = f"{error or 'it takes too long'} {self._complaint()}".strip()
            raise MachineryError(f"the fork server does not start: {why}") from None
        self.tier = tier
        self.server = self._control.sender
        self.missing = [str(one) for one in ready.get("missing", ())]

    def _open(self, tier: str, canary: dict[str, Any]) -> None:
        self._control, theirs = Channel.pair()
        home = self._place / "boot"
        home.mkdir()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _stop
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM), str(theirs.fileno())],
                env=_environment(home, tier),
                cwd=home,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                start_new_session=True,
            )
        settings = Settings(
            tier=tier,
            packages=self.packages,
            imports=self.imports,
            place=str(self._place),
            secrets=self.secrets,
            exchange=self.exchange,
            serving=self.serving,
            canary=canary,
        )
        with contextlib.suppress(Gone, Silent):  # then there is no answer either
            self._control.send({"settings": asdict(settings)}, ANSWER_SECONDS)

    def _complaint(self) -> str:
        """The end of what the fork server wrote to its standard error."""
        size = os.fstat(self._complaints.fileno()).st_size
        start = max(0, size - LONGEST_COMPLAINT)
        data = os.pread(self._complaints.fileno(), LONGEST_COMPLAINT, start)
        return data.decode("utf-8", "replace").strip()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._control.close()  # it then ends by itself
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            processes.sweep(self._process.pid, keep=())
            self._process.kill()
            self._process.wait()
        self._process = None
        self._complaints.close()
        _remove(self._place)

    # -- children ---------------------------------------------------------------------------------

    def _child(self, seed: int, environment: dict[str, str]) -> Child:
        recording = Recording()
        keeper, theirs = Channel.pair()
        try:
            with theirs, self._lock:
                self._number += 1
                slot = os.getpid() * SLOTS + self._number % SLOTS
                request = {
                    "slot": slot,
                    "limits": asdict(self.limits),
                    "environment": environment,
                    "already": self._already(),
                }
                descriptors = [theirs.fileno(), *recording.descriptors]
                inside = self._forked(request, descriptors)
                theirs.close()
                self._entered(inside, keeper)
        except BaseException:
            keeper.close()
            recording.close()
            raise
        folder = None if self.tier == "namespaces" else self._place / str(slot)
        handles = Handles(
            keeper, keeper.sender, recording, folder, lambda: self._end(inside, slot, recording)
        )
        return Child(handles, self.limits, seed)

    def _forked(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """Have a keeper forked; its process id as the fork server sees it."""
        answer = self._control.ask({"child": request}, ANSWER_SECONDS, descriptors)
        inside = answer.get("child")
        if not isinstance(inside, int):
            raise MachineryError(f"the fork server makes no child: {answer.get('failed')}")
        return inside

    def _entered(self, inside: int, keeper: Channel) -> None:
        """Wait until a new keeper is in its sandbox; one that is not is ended."""
        try:
            told = keeper.receive(ANSWER_SECONDS)
            failed = "" if "ready" in told else str(told.get("failed"))
        except (Gone, Silent) as error:
            failed = str(error) or "it takes too long"
        if failed:
            self._control.ask({"end": inside}, ANSWER_SECONDS)
            raise MachineryError(f"the sandbox could not be entered: {failed}")
        self._keepers[inside] = keeper.sender

    def _already(self) -> int:
        """Where children are of the grader's own user, its processes count against their limit."""
        own = self.tier != "namespaces" and os.geteuid() != 0
        return processes.tasks_of_user(os.geteuid()) if own else 0

    def _end(self, inside: int, slot: int, recording: Recording) -> None:
        """End one child with all that it has started, and throw its folder away."""
        with self._lock:
            pid = self._keepers.pop(inside, None)
            if pid is None:
                return
            if self.tier != "namespaces":
                processes.sweep(pid, keep=())
            with contextlib.suppress(Gone, Silent, OSError):
                self._control.ask({"end": inside}, ANSWER_SECONDS)
            if self.tier != "namespaces":
                self._sweep_strays()
        recording.close()
        _remove(self._place / str(slot))

    def _sweep_strays(self) -> None:
        """End what has outlived its process 1: its parent is the fork server now."""
        keepers = set(self._keepers.values())
        for pid in processes.children(self.server):
            if pid not in keepers:
                processes.sweep(pid, keep=())
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class _Canary:
    """What a probe tries to reach from inside: a file, sockets, this process."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __enter__(self) -> _Canary:
        self.folder = Path(tempfile.mkdtemp(prefix="deltarule-canary-"))
        self.folder.chmod(0o777)
        self.file = self.folder / "canary"
        self.file.write_text("sings")
        self.file.chmod(0o666)
        name = f"deltarule-canary-{os.getpid()}-{os.urandom(4).hex()}"
        self.abstract = "\0" + name
        self.named = str(self.folder / "socket")
        self.sockets = []
        for family, address in (
            (socket.AF_INET, ("127.0.0.1", 0)),
            (socket.AF_UNIX, self.named),
            (socket.AF_UNIX, self.abstract),
        ):
            with contextlib.suppress(OSError):  # a machine without a loopback has nothing to reach
                one = socket.socket(family, socket.SOCK_STREAM)
                self.sockets.append(one)
                one.bind(address)
                one.listen()
        Path(self.named).chmod(0o777)
        return self

    def tells(self) -> dict[str, Any]:
        """Where everything is."""
        tcp = next(one for one in self.sockets if one.family == socket.AF_INET).getsockname()
        return {
            "file": str(self.file),
            "tcp": list(tcp),
            "socket": self.named,
            "abstract": self.abstract,
            "grader": os.getpid(),
            "already": processes.tasks_of_user(os.geteuid()),
        }

    def was_touched(self) -> bool:
        """Whether anything was changed, whatever the probe says."""
        names = {one.name for one in self.folder.iterdir()}
        return names != {"canary", "socket"} or self.file.read_text() != "sings"

    def __exit__(self, *_: object) -> None:
        for one in self.sockets:
            one.close()
        shutil.rmtree(self.folder, ignore_errors=True)


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


def _remove(folder: Path) -> None:
    """Remove a folder, whatever modes a student has given to what is in it."""
    for root, names, _ in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
