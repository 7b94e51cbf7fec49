"""What the grader tells the fork server and each child: plain data, read from JSON."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["ENVIRONMENT", "Files", "Limits", "Serve", "Settings", "known"]

Serve = Callable[[socket.socket, dict[str, Any]], None]
"""Answers a test's requests in a fork, with the names that the cells have bound."""

ENVIRONMENT = {
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
"""What kernels set for the programs that cells start, and for figures."""

GIB, MIB = 2**30, 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        address_bytes: addresses of one process, the warm libraries included (RLIMIT_AS).
        memory_bytes: memory of all its processes, its work folder's and shared memory included.
        processes: processes and threads at a time.
        file_bytes: one file.
        disk_bytes: its work folder.
        shared_bytes: ``/dev/shm``.
        output_bytes: recorded output of one cell.
        open_files: descriptors of one process.
        cell_seconds: one cell.
        put_bytes: all files that are put into the work folder.
    """

    address_bytes: int = 4 * GIB
    memory_bytes: int = 3 * GIB
    processes: int = 128
    file_bytes: int = 256 * MIB
    disk_bytes: int = 512 * MIB
    shared_bytes: int = 256 * MIB
    output_bytes: int = 4 * MIB
    open_files: int = 1024
    cell_seconds: float = 60.0
    put_bytes: int = 256 * MIB


@dataclass(frozen=True)
class Settings:
    """What the fork server is started with.

    Attributes:
        tier: ``namespaces``, ``landlock`` or ``none``.
        packages: folders with the students' packages, for the import path.
        imports: modules to import in advance; one that is missing is passed over.
        place: an empty folder of the grader's that only this fork server uses.
        readable: more folders that a child may read.
        secrets: files and folders that no child may see, wherever they stand.
        exchange: the folder of the exchange, whose ``objects.serve`` answers in forks, or "".
        serving: a file with ``serve(socket, namespace)`` that answers instead, or "".
        canary: what the probe tries to reach, by kind.
    """

    tier: str
    packages: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    place: str = ""
    readable: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    exchange: str = ""
    serving: str = ""
    canary: dict[str, Any] | None = None


@dataclass(frozen=True)
class Files:
    """Descriptors of the files that the grader reads.

    Attributes:
        log: records of what cells show.
        out: behind descriptor 1.
        err: behind descriptor 2.
        trace: where a signal or a crash leaves the lines that were running.
    """

    log: int
    out: int
    err: int
    trace: int


def known(kind: type, record: dict[str, Any]) -> dict[str, Any]:
    """The entries of ``record`` that are fields of ``kind``; lists become tuples."""
    names = {field.name for field in fields(kind)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.items()
        if name in names
    }
