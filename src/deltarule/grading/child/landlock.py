"""The light tier: Landlock and seccomp, for machines where no namespaces are to be had.

Landlock lets a process give up access to files but for the folders that it names, for good and
without any rights. It also keeps TCP, signals and abstract sockets in where the kernel knows how.
What it does not guard is left to seccomp (no sockets at all, no change of modes and owners) and to
the grader (memory, disk, processes that stay behind). A folder inside an allowed one cannot be
taken out: where secrets stand inside a readable tree, its other entries are allowed one by one.

Inside there is no ``/proc``, no terminal, no ``/dev/shm``: multiprocessing locks and data loaders
with workers do not work in this tier, and joblib works on one processor.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from . import linux, seccomp
from .settings import Settings
from .visible import DEVICES, inside, readable_trees, secrets_inside, system_files

__all__ = ["Template", "enter", "keep_signals_in", "version"]

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1

OLDEST = 3
"""Landlock 3 (Linux 6.2): older ones let a file outside be cut to nothing."""
SCOPES_SINCE, TCP_SINCE, DEVICES_SINCE = 6, 4, 5

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK, REFER, TRUNCATE, IOCTL_DEV = 1 << 6, 1 << 11, 1 << 13, 1 << 14, 1 << 15
EVERYTHING = (1 << 15) - 1
READABLE = EXECUTE | READ_FILE | READ_DIR
OWN = EVERYTHING & ~MAKE_CHAR & ~MAKE_BLOCK
TCP = 3
ABSTRACT_SOCKETS, SIGNALS = 1, 2
COUNTS_OF_PROCESSORS = (
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
)
"""What libraries read to find out how many processors there are."""

FIRST_USER = 0x70000000
USERS = 0x0FFFFFFF


def version() -> int:
    """The version of Landlock that this kernel has.

    Raises:
        OSError: it has none, or it is switched off.
    """
    return linux.syscall(CREATE_RULESET, "landlock", None, 0, VERSION_FLAG)


class Template:
    """The rules that all children share, found once."""

    def __init__(self, settings: Settings) -> None:
        self.version = version()
        if self.version < OLDEST:
            raise OSError(f"Landlock {self.version} is too old: {OLDEST} or newer is needed")
        self.is_root = os.geteuid() == 0
        self.filter = seccomp.program_here(alone=True, signals=self.version >= SCOPES_SINCE)
        self.rules: list[tuple[int, int]] = []
        for tree in readable_trees(settings):
            if self.is_root:
                _demand_open_to_all(tree)
            for path, rights in _allowed(tree, secrets_inside(settings, tree)):
                self._allow(path, rights)
        for name in system_files():
            self._allow(name, READ_FILE | READ_DIR)
        for name in COUNTS_OF_PROCESSORS:
            if Path(name).exists():
                self._allow(name, READ_FILE | READ_DIR)
        for name in DEVICES:
            self._allow(f"/dev/{name}", READ_FILE | WRITE_FILE | TRUNCATE)

    def _allow(self, path: str, rights: int) -> None:
        if not Path(path).is_dir():
            rights &= EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE
        self.rules.append((os.open(path, os.O_PATH | os.O_CLOEXEC), rights))

    def fork(self) -> int:
        """Fork a child; 0 in the child."""
        return os.fork()


def _demand_open_to_all(tree: str) -> None:
    """As root, children become another user: that one must be able to reach the libraries."""
    for folder in (Path(tree), *Path(tree).parents):
        if not folder.stat().st_mode & 1:
            raise OSError(
                f"as root this tier runs children as another user, who may not enter {folder}"
            )


def _allowed(tree: str, secrets: list[str]) -> Iterator[tuple[str, int]]:
    """What to allow so that a tree can be read without the secrets inside it."""
    if not secrets:
        yield tree, READABLE
        return
    if tree in secrets:
        return
    yield tree, READ_DIR  # names, as imports list them; contents follow one by one
    for entry in sorted(os.scandir(tree), key=lambda entry: entry.name):
        if not entry.is_symlink():
            below = [one for one in secrets if inside(one, entry.path)]
            yield from _allowed(entry.path, below)


def enter(template: Template, own: str, slot: int) -> None:
    """Give up everything but the shared rules and the folder ``own``, for good.

    Args:
        template: what the fork server prepared.
        own: the child's folder; everything is allowed below it.
        slot: a number that no other child alive has: where we are root, it becomes the user.
    """
    if template.is_root:
        user = FIRST_USER + slot % USERS
        for name, _, _ in os.walk(own):
            os.chown(name, user, user)
        os.setgroups([])
        os.setresgid(user, user, user)
        linux.drop_bounding_set()
        os.setresuid(user, user, user)
    linux.drop_capabilities()
    linux.no_new_privileges()
    ruleset = _ruleset(template.version)
    folder = os.open(own, os.O_PATH | os.O_CLOEXEC)
    for allowed, rights in (*template.rules, (folder, OWN)):
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, allowed), 12)
        linux.syscall(ADD_RULE, "landlock_add_rule", ruleset, PATH_BENEATH, rule, 0)
    linux.syscall(RESTRICT_SELF, "landlock_restrict_self", ruleset, 0)
    for descriptor in (ruleset, folder, *(one for one, _ in template.rules)):
        os.close(descriptor)
    seccomp.install(template.filter)


def _ruleset(have: int) -> int:
    files = EVERYTHING | (IOCTL_DEV if have >= DEVICES_SINCE else 0)
    tcp = TCP if have >= TCP_SINCE else 0
    scopes = ABSTRACT_SOCKETS | SIGNALS if have >= SCOPES_SINCE else 0
    return _created(have, files, tcp, scopes)


def keep_signals_in(have: int) -> None:
    """Forbid this process, and all that it starts, to signal even who is in the same sandbox.

    Process 1 of a submission stays out of reach, so that ``kill(-1, SIGKILL)`` ends what the
    student has started and nothing else.

    Args:
        have: the version of Landlock; an old one has no signals to keep in, see ``seccomp``.
    """
    if have >= SCOPES_SINCE:
        ruleset = _created(have, 0, 0, SIGNALS)
        linux.syscall(RESTRICT_SELF, "landlock_restrict_self", ruleset, 0)
        os.close(ruleset)


def _created(have: int, files: int, tcp: int, scopes: int) -> int:
    attributes = struct.pack("=QQQ", files, tcp, scopes)
    size = 24 if have >= SCOPES_SINCE else 16 if have >= TCP_SINCE else 8
    buffer = ctypes.create_string_buffer(attributes[:size], size)
    return linux.syscall(CREATE_RULESET, "landlock_create_ruleset", buffer, size, 0)
