"""Try to break out of a sandbox, from inside: a tier is what really held.

Every attempt is something a submission may not do. What succeeded is named; what a notebook needs
and did not work is named too.
"""

# An attack is one call.
# ruff: noqa: PTH108, PTH109, PTH112, PTH113, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from . import landlock, linux, namespaces
from .keeper import Keeper, Template
from .settings import Settings

__all__ = ["report"]

SEIZE = 0x4206
PROBE_SLOT = 0


def report(settings: Settings, template: Template) -> dict[str, Any]:
    """Enter the sandbox as a submission would, and tell what could be done there.

    Returns:
        ``broken``: attempts that succeeded; ``missing``: needs that were not met.
    """
    grader = dict(settings.canary or {})
    request = {"slot": PROBE_SLOT, "limits": {}, "already": grader.get("already", 0)}
    files = [os.open(os.devnull, os.O_RDWR) for _ in range(4)]
    keeper = Keeper(socket.socketpair()[0], request, files)
    keeper.enter(template, settings.place)
    pid = os.getpid()
    tier = {namespaces.Template: "namespaces", landlock.Template: "landlock"}.get(type(template))
    attempts = dict(_attempts(settings, grader, tier or "none"))
    needs = dict(_needs(settings, keeper.home))
    broken = [name for name, attempt in attempts.items() if _succeeds(attempt)]
    missing = [name for name, need in needs.items() if not _succeeds(need)]
    return {"broken": broken, "missing": missing, "pid": pid, "tried": len(attempts)}


def _succeeds(attempt: Callable[[], Any]) -> bool:
    try:
        return attempt() is not False
    except (OSError, ImportError, ValueError, subprocess.SubprocessError):
        return False


def _attempts(
    settings: Settings, canary: dict[str, Any], tier: str
) -> Iterator[tuple[str, Callable[[], Any]]]:
    file = canary.get("file", "")
    yield "read a file outside", partial(_read, file)
    yield "list a folder outside", partial(os.listdir, os.path.dirname(file))
    yield "write a file outside", partial(Path(file + ".written").write_bytes, b"x")
    yield "change a file outside", partial(_open, file, os.O_WRONLY | os.O_APPEND)
    yield "cut a file outside", partial(os.truncate, file, 0)
    yield "remove a file outside", partial(os.unlink, file)
    yield "link to a file outside", partial(_through, os.link, file, "linked")
    yield "follow a link outside", partial(_through, os.symlink, file, "followed")
    for number, secret in enumerate(settings.secrets):
        yield f"see secret {number}", partial(_see, secret)
    for folder in (sys.base_prefix, *settings.packages[:1], "/usr", "/etc", "/"):
        yield f"write below {folder}", partial(_create, folder)
    yield "import the grader", _import_grader
    grader = int(canary.get("grader", os.getppid()))
    yield "signal the grader", partial(os.kill, grader, 0)
    yield "look into the grader", partial(_read, f"/proc/{grader}/environ")
    yield "see other processes", _foreign_processes
    yield "trace the fork server", partial(_trace, os.getppid() or grader)
    yield "connect to the grader by TCP", partial(_connect, socket.AF_INET, canary.get("tcp"))
    yield "send to the grader by UDP", partial(_send, canary.get("tcp"))
    yield "connect to a named socket", partial(_connect, socket.AF_UNIX, canary.get("socket"))
    yield "connect to an abstract one", partial(_connect, socket.AF_UNIX, canary.get("abstract"))
    yield "make a new user namespace", partial(linux.unshare, linux.CLONE_NEWUSER)
    yield "mount", partial(linux.mount, "tmpfs", os.getcwd(), "tmpfs")
    yield "change the kernel's settings", partial(_open, "/proc/sys/kernel/core_pattern", os.O_RDWR)
    yield "become root", partial(os.setuid, 0)
    if tier != "none":
        yield "be root", _is_root
        yield "hold a capability", _holds_capability
        yield "do without the filter", _unfiltered


def _needs(settings: Settings, home: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "write in the work folder", partial(Path("own").write_bytes, b"x")
    yield "write in the temporary folder", partial(Path(home, "tmp", "x").write_bytes, b"x")
    yield "read the standard library", partial(_read, os.__file__)
    for folder in settings.packages:
        yield f"list {folder}", partial(os.listdir, folder)
    yield "read random bytes", partial(_open, "/dev/urandom", os.O_RDONLY)
    yield "write to the null device", partial(_open, os.devnull, os.O_WRONLY)
    yield "start the interpreter", _start_interpreter
    yield "start a shell", partial(subprocess.run, ["/bin/sh", "-c", "exit 0"], check=True)
    yield "make a pair of sockets", _make_pair


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


def _through(make: Callable[[str, str], None], file: str, name: str) -> None:
    make(file, name)
    _read(name)


def _make_pair() -> None:
    for end in socket.socketpair():
        end.close()


def _is_root() -> bool:
    return os.geteuid() == 0


def _holds_capability() -> bool:
    """Whether one is in effect; without ``/proc``, the kernel is asked by reading the sets."""
    return _status("CapEff") not in ("", "0000000000000000")


def _start_interpreter() -> None:
    command = [sys.executable, "-I", "-S", "-c", "pass"]
    subprocess.run(command, check=True, timeout=20, stdin=subprocess.DEVNULL)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(1)


def _see(secret: str) -> Any:
    """Read a secret file, or a name in a secret folder that is not one we need."""
    if not os.path.isdir(secret):
        return _read(secret)
    for name in os.listdir(secret):
        path = os.path.join(secret, name)
        if os.path.isfile(path):
            return _read(path)
    return False


def _create(folder: str) -> None:
    path = os.path.join(folder, f".deltarule-probe-{os.getpid()}")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    with contextlib.suppress(OSError):
        os.unlink(path)


def _import_grader() -> None:
    import importlib

    importlib.invalidate_caches()
    importlib.import_module("deltarule")


def _foreign_processes() -> bool:
    """Whether a process is seen that is neither this one nor below it."""
    own = {os.getpid()}
    return any(name.isdigit() and int(name) not in own for name in os.listdir("/proc"))


def _trace(pid: int) -> None:
    number = {"x86_64": 101, "aarch64": 117}[os.uname().machine]
    linux.syscall(number, "ptrace", SEIZE, pid, 0, 0)  # does not stop it; let go when we end


def _connect(family: int, address: Any) -> None:
    if address is None:
        raise OSError("there is nothing to connect to")
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        one.connect(tuple(address) if isinstance(address, list) else address)


def _send(address: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", tuple(address or ("127.0.0.1", 9)))
    if not _way_out():  # in a network namespace of its own the packet reaches nobody
        raise OSError("the packet goes nowhere")


def _way_out() -> bool:
    """Whether this network has more than a loopback."""
    return {name for _, name in socket.if_nameindex()} != {"lo"}


def _status(name: str) -> str:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        found = [line.split()[1] for line in file if line.startswith(name)]
    return found[0] if found else ""


def _unfiltered() -> bool:
    """Whether a call passes that the filter denies: personality(PER_LINUX32)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.personality(ctypes.c_ulong(0x0008)) == -1:
        return False
    libc.personality(ctypes.c_ulong(0))
    return True
