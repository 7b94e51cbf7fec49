"""What the probe of a sandbox tries to reach from inside: a file, sockets, the grader itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from pathlib import Path
from typing import Any

from deltarule.grading.child import processes

__all__ = ["Canary"]


class Canary:
    """Stands outside while a sandbox is probed; a context manager that takes it all away again.

    Args:
        place: a folder of the grader's that everybody may enter.
    """

    def __init__(self, place: Path) -> None:
        self.folder = place / "canary"

    def __enter__(self) -> Canary:
        self.folder.mkdir()
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
        with contextlib.suppress(FileNotFoundError):  # the name of the folder was too long for it
            Path(self.named).chmod(0o777)
        self.names = self._names()
        return self

    def _names(self) -> set[str]:
        return {one.name for one in self.folder.iterdir()}

    def tells(self) -> dict[str, Any]:
        """Where everything is."""
        tcp = [one.getsockname() for one in self.sockets if one.family == socket.AF_INET]
        return {
            "file": str(self.file),
            "tcp": list(tcp[0]) if tcp else None,
            "socket": self.named,
            "abstract": self.abstract,
            "grader": os.getpid(),
            "already": processes.tasks_of_user(os.geteuid()),
        }

    def was_touched(self) -> bool:
        """Whether anything was changed, whatever the probe says."""
        return self._names() != self.names or self.file.read_text() != "sings"

    def __exit__(self, *_: object) -> None:
        for one in self.sockets:
            one.close()
        shutil.rmtree(self.folder, ignore_errors=True)
