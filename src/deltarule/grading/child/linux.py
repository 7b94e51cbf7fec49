"""System calls that Python has no function for, through ctypes. Linux only.

Each function raises ``OSError`` with the name of the call, so that a missing feature can be told.
"""

from __future__ import annotations

import ctypes
import os
import platform
import time
from typing import Any

__all__ = [
    "CLONE_NEWCGROUP",
    "CLONE_NEWIPC",
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "call",
    "collapse",
    "die_with_parent",
    "drop_bounding_set",
    "drop_capabilities",
    "mount",
    "move_root",
    "no_new_privileges",
    "patient_fork",
    "prctl",
    "read_only",
    "set_namespace",
    "subreaper",
    "undumpable",
    "unmount",
    "unshare",
]

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

MADV_COLLAPSE = 25

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SIGKILL = 9

MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_RECURSIVE, AT_FDCWD = 0x8000, -100

NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "mount_setattr": 442},
    "aarch64": {"pivot_root": 41, "capset": 91, "mount_setattr": 442},
}

FORK_SECONDS, FORK_PAUSE = 10.0, 0.01
"""How long a fork waits for room: more than it takes to end a bomb of processes on a busy machine,
less than the grader waits for an answer."""

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> int:
    """Call a function of the C library that answers -1 for an error.

    Raises:
        OSError: the call failed.
    """
    answer = int(getattr(_libc, name)(*arguments))
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return answer


def syscall(number: int, what: str, *arguments: Any) -> int:
    """Make a system call by its number; ``what`` names it in the error."""
    words = [a if not isinstance(a, int) else ctypes.c_long(a) for a in arguments]
    answer = int(_libc.syscall(ctypes.c_long(number), *words))
    if answer == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return answer


def number_of(name: str) -> int:
    """The number of a system call on this machine.

    Raises:
        OSError: this kind of processor is not known here.
    """
    try:
        return NUMBERS[platform.machine()][name]
    except KeyError:
        raise OSError(f"{name}: unknown on {platform.machine()}") from None


def prctl(option: int, *arguments: int) -> int:
    """``prctl`` with up to four numbers."""
    words = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return call("prctl", ctypes.c_int(option), *words)


def die_with_parent() -> None:
    """Be killed when the process that forked this one ends."""
    prctl(PR_SET_PDEATHSIG, SIGKILL)


def subreaper() -> None:
    """Become the parent of orphans among this process's descendants."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def undumpable(yes: bool = True) -> None:
    """Keep other processes of the same user out of this one's memory, or let them in."""
    prctl(PR_SET_DUMPABLE, 0 if yes else 1)


def no_new_privileges() -> None:
    """Never gain rights by running a program; needed for seccomp and Landlock."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_bounding_set() -> None:
    """Let no program that is run ever gain a capability."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # beyond the kernel's last one, or there was none to drop
            break


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    drop_bounding_set()
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    syscall(number_of("capset"), "capset", header, sets)


def collapse(start: int, size: int) -> None:
    """Put a part of this process's memory into one large page. Linux 6.1 and later."""
    call("madvise", ctypes.c_void_p(start), ctypes.c_size_t(size), ctypes.c_int(MADV_COLLAPSE))


def unshare(flags: int) -> None:
    """Leave the shared namespaces named by ``flags``."""
    call("unshare", ctypes.c_int(flags))


def set_namespace(descriptor: int, flags: int) -> None:
    """Enter the namespace of an open descriptor."""
    call("setns", ctypes.c_int(descriptor), ctypes.c_int(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """``mount(2)``; the error names the target."""
    try:
        call(
            "mount",
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        )
    except OSError as error:
        raise OSError(
            error.errno, f"mount {kind or source} on {target}: {error.strerror}"
        ) from None


def unmount(target: str) -> None:
    """Take a mount away, at the latest when nobody uses it any more."""
    call("umount2", target.encode(), ctypes.c_int(MNT_DETACH))


def read_only(target: str) -> None:
    """Make a mount and all below it read-only, without devices or set-user-id programs."""
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
    syscall(
        number_of("mount_setattr"),
        f"mount_setattr {target}",
        AT_FDCWD,
        target.encode(),
        AT_RECURSIVE,
        attributes,
        ctypes.sizeof(attributes),
    )


def move_root(folder: str) -> None:
    """Make ``folder``, a mount, the root of everything, and let go of the old root."""
    os.chdir(folder)
    syscall(number_of("pivot_root"), "pivot_root", b".", b".")
    unmount(".")
    os.chdir("/")


def patient_fork() -> int:
    """Fork; where the user's processes are too many, wait for room.

    In the Landlock tier a plain user's submissions are graded side by side as that user, and the
    kernel counts them together: what one starts without end is ended soon, and costs no other.

    Raises:
        OSError: there is no room.
    """
    end = time.monotonic() + FORK_SECONDS
    while True:
        try:
            return os.fork()
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(FORK_PAUSE)
