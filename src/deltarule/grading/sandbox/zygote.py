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
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from deltarule.errors import MachineryError, SandboxError
from deltarule.grading.child import processes
from deltarule.grading.child.settings import Limits, Settings
from deltarule.grading.sandbox.channel import Channel, Gone, Silent
from deltarule.grading.sandbox.recording import Recording
from deltarule.grading.sandbox.sandboxed import Child
from deltarule.grading.sandbox.server import Server
from deltarule.grading.sandbox.usage import Handles

__all__ = ["IMPORTS", "TIERS", "Zygote", "student_packages"]

TIERS = ("namespaces", "landlock")
"""Sandboxes, the stronger first; ``none`` is only taken where it is named."""

IMPORTS = (
    "numpy",
    "torch",
    "torch.nn.functional",
    "torch.optim",
    "torch.utils.data",
    "pandas",
    "sklearn",
    "matplotlib",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "IPython.display",
    "tqdm.auto",
)
"""What notebooks import, where nobody says; what is not installed is passed over."""

EXCHANGE = Path(__file__).parents[2] / "exchange"
SLOTS = 64
"""Children at a time; the number of a slot makes the child's user and the name of its folder."""


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
        self.settings = Settings(
            tier,
            packages=student_packages() if packages is None else tuple(packages),
            imports=tuple(imports),
            secrets=tuple(str(Path(one).resolve()) for one in (own, *secrets)),
            exchange=str(exchange or ""),
            serving=str(serving or ""),
        )
        self.limits = limits
        self.tier = ""
        self.reasons: dict[str, str] = {}
        self.missing: list[str] = []
        self.restarts: list[str] = []
        self._lock = threading.Lock()
        self._slots: set[int] = set()
        self._last_slot = 0
        self._server: Server | None = None
        self._is_closed = False

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
            self._server = Server(replace(self.settings, tier=tier))
            try:
                reason = self._server.probe()
                if not reason:
                    self._server.boot()
                    self.tier, self.missing = tier, self._server.missing
                    return
            except BaseException:
                self._server.close()
                raise
            self.reasons[tier] = reason
            self._server.close()
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
        server = self._running()
        try:
            return self._child(server, seed, environment or {})
        except (Gone, Silent) as error:
            why = f"the fork server ended: {error}"
        with self._lock:
            if self._server is server:  # or another thread has started it already
                self._restart(server, why)
        try:
            return self._child(self._running(), seed, environment or {})
        except (Gone, Silent) as error:
            raise MachineryError(f"the fork server ended again: {error}") from None

    def close(self) -> None:
        """End the fork server and all children."""
        with self._lock:
            self._is_closed = True
            if self._server is not None:
                self._server.close()

    @property
    def server(self) -> int:
        """The process id of the fork server."""
        return self._running().pid

    def _running(self) -> Server:
        if self._server is None:
            raise MachineryError("the fork server is not started")
        return self._server

    def _restart(self, server: Server, why: str) -> None:
        if self._is_closed:
            raise MachineryError("the fork server is closed")
        server.close()
        self.restarts.append(f"{why} {server.complaint}".strip())
        self.wanted = (self.tier,)
        self.start()

    # -- children ---------------------------------------------------------------------------------

    def _child(self, server: Server, seed: int, environment: dict[str, str]) -> Child:
        with contextlib.ExitStack() as undo:
            recording = Recording()
            undo.callback(recording.close)
            keeper, theirs = Channel.pair()
            undo.callback(keeper.close)
            with theirs, self._lock:
                slot = self._free_slot()
                request = {
                    "slot": slot,
                    "limits": asdict(self.limits),
                    "environment": environment,
                    "already": self._already(),
                }
                made = server.fork(keeper, theirs, request, recording.descriptors)
                self._slots.add(slot)
            undo.pop_all()
        folder = None if self.tier == "namespaces" else server.place / str(slot)

        def end() -> None:
            """A slot with processes left in it is not used again."""
            with self._lock:
                if server.end(made, folder):
                    self._slots.discard(slot)
            recording.close()

        return Child(Handles(keeper, keeper.sender, recording, folder, end), self.limits, seed)

    def _free_slot(self) -> int:
        """The slot whose last child has ended longest ago."""
        for _ in range(SLOTS):
            self._last_slot = (self._last_slot + 1) % SLOTS
            slot = os.getpid() * SLOTS + self._last_slot
            if slot not in self._slots:
                return slot
        raise MachineryError(f"there are {SLOTS} children already, and no more at a time")

    def _already(self) -> int:
        """Where children are of the grader's own user, its processes count against their limit."""
        own = self.tier != "namespaces" and os.geteuid() != 0
        return processes.tasks_of_user(os.geteuid()) if own else 0
