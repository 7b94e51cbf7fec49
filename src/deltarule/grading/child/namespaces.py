"""The strong tier: a child in namespaces of its own, with a root that holds what Python needs.

::

    fork server, once                     each child
    (user,) mount namespace               pid, mount, net, ipc, uts, cgroup namespaces
    root: programs and libraries,    ──►  + a work folder of limited size, /dev/shm, /proc, /dev/pts
          read-only, secrets covered      pivot_root, another user, no capabilities, seccomp

The child is process 1 of its pid namespace: when it is killed, all that it started is killed.
Works as root, and as a plain user where user namespaces are allowed.
"""

# Paths are strings that go to system calls, below another root.
# ruff: noqa: PTH103, PTH110, PTH112, PTH114, PTH115, PTH118, PTH211

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path

from . import linux, seccomp
from .settings import Limits, Settings
from .visible import DEVICES, readable_trees, secrets_inside, system_files

__all__ = ["HOME", "Template", "enter"]

HOME = "/submission"
"""Where the child's own folder stands inside."""

INSIDE_USER = 1000
FIRST_USER = 0x70000000
"""Users of children where the fork server is root: a range that distributions leave alone."""
USERS = 0x0FFFFFFF

FILES_PER_MIB = 64
FLAGS = linux.MS_NOSUID | linux.MS_NODEV
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
ACCOUNTS = {
    "passwd": f"student:x:{INSIDE_USER}:{INSIDE_USER}::{HOME}/home:/bin/sh\n",
    "group": f"student:x:{INSIDE_USER}:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


class Template:
    """The part of the root that all children share, made once, in a mount namespace of our own."""

    def __init__(self, settings: Settings) -> None:
        self.root = os.path.join(settings.place, "root")
        self.is_root = os.geteuid() == 0
        self.filter = seccomp.program_here()
        user, group = os.geteuid(), os.getegid()
        if not self.is_root:
            linux.unshare(linux.CLONE_NEWUSER)
            _map_user(0, user, 0, group)
        _become_process_one()
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
        os.makedirs(self.root, exist_ok=True)
        linux.mount("tmpfs", self.root, "tmpfs", FLAGS, "size=1m,mode=755")
        self._trees(settings)
        self._system()
        self._devices()
        for name in ("proc", HOME[1:], "dev/shm", "dev/pts"):
            os.makedirs(self._path(name), exist_ok=True)
        if not os.path.lexists(self._path("tmp")):
            os.symlink(f"{HOME}/tmp", self._path("tmp"))
        self.pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name.lstrip(os.sep))

    def _trees(self, settings: Settings) -> None:
        for tree in readable_trees(settings):
            target = self._path(tree)
            os.makedirs(target, exist_ok=True)
            linux.mount(tree, target, flags=linux.MS_BIND | linux.MS_REC)
            for secret in secrets_inside(settings, tree):
                self._cover(secret)
            linux.read_only(target)
        for name in ("/bin", "/sbin", "/lib", "/lib64", "/lib32"):
            if os.path.islink(name) and not os.path.lexists(self._path(name)):
                os.symlink(os.readlink(name), self._path(name))

    def _cover(self, secret: str) -> None:
        target = self._path(secret)
        if os.path.isdir(target):
            linux.mount("tmpfs", target, "tmpfs", FLAGS | linux.MS_RDONLY, "size=4k,mode=555")
        elif os.path.exists(target):
            linux.mount("/dev/null", target, flags=linux.MS_BIND)

    def _system(self) -> None:
        os.makedirs(self._path("etc"), exist_ok=True)
        for name, text in ACCOUNTS.items():
            Path(self._path("etc"), name).write_text(text)
        for name in system_files():
            target = self._path(name)
            if os.path.isdir(name):
                os.makedirs(target, exist_ok=True)
            else:
                Path(target).touch()
            linux.mount(name, target, flags=linux.MS_BIND | linux.MS_REC)
            linux.read_only(target)

    def _devices(self) -> None:
        os.makedirs(self._path("dev"), exist_ok=True)
        for name in DEVICES:
            Path(self._path("dev"), name).touch()
            linux.mount(f"/dev/{name}", self._path(f"dev/{name}"), flags=linux.MS_BIND)
        links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0"}
        links |= {"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
        for name, target in links.items():
            os.symlink(target, self._path(f"dev/{name}"))

    def fork(self) -> int:
        """Fork a child that is process 1 of a new pid namespace; 0 in the child."""
        linux.unshare(linux.CLONE_NEWPID)
        pid = os.fork()
        if pid:
            linux.set_namespace(self.pids, linux.CLONE_NEWPID)
        else:
            os.close(self.pids)
        return pid


def _become_process_one() -> None:
    """Go on in a pid namespace of our own: to come back to it after each child, we must own it.

    The process that was started waits outside, and says how this one ended. When either of them
    is killed, everything inside is.
    """
    linux.unshare(linux.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        os.closerange(3, 1024)
        _, status = os.waitpid(pid, 0)
        os._exit(min(os.waitstatus_to_exitcode(status), 255) & 0xFF)
    linux.die_with_parent()


def _map_user(inside_user: int, user: int, inside_group: int, group: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside_user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{inside_group} {group} 1")


def enter(template: Template, limits: Limits, slot: int) -> None:
    """Lock this process, the child, into namespaces and a root of its own, for good.

    Args:
        template: what the fork server prepared.
        limits: sizes of the work folder and of shared memory.
        slot: a number that no other child alive has: it becomes the child's user.
    """
    root = template.root
    linux.unshare(
        linux.CLONE_NEWNS
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWIPC
        | linux.CLONE_NEWUTS
        | linux.CLONE_NEWCGROUP
    )
    user = FIRST_USER + slot % USERS if template.is_root else 0
    owner = f"uid={user},gid={user}"
    size, files = limits.disk_bytes, max(1024, limits.disk_bytes // 2**20 * FILES_PER_MIB)
    folder = os.path.join(root, HOME[1:])
    linux.mount("tmpfs", folder, "tmpfs", FLAGS, f"size={size},nr_inodes={files},mode=700,{owner}")
    shared = f"size={limits.shared_bytes},nr_inodes=1024,mode=1777"
    linux.mount("tmpfs", os.path.join(root, "dev/shm"), "tmpfs", FLAGS, shared)
    terminals = "newinstance,ptmxmode=0666,mode=0620"
    linux.mount("devpts", os.path.join(root, "dev/pts"), "devpts", linux.MS_NOSUID, terminals)
    _processes(os.path.join(root, "proc"))
    socket.sethostname("sandbox")
    _loopback()
    # Only now: the shared part was writable for the mounts above, and a mount's flag is the child's
    # own.
    linux.mount("none", root, flags=linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | FLAGS)
    linux.move_root(root)
    os.umask(0o022)
    if template.is_root:
        os.setgroups([])
        os.setresgid(user, user, user)
        linux.drop_bounding_set()
        os.setresuid(user, user, user)
    else:
        linux.unshare(linux.CLONE_NEWUSER)
        _map_user(INSIDE_USER, 0, INSIDE_USER, 0)
    linux.drop_capabilities()
    seccomp.install(template.filter)


def _processes(target: str) -> None:
    flags = FLAGS | linux.MS_NOEXEC
    try:  # processes only: no settings of the kernel, no facts about the machine
        linux.mount("proc", target, "proc", flags, "subset=pid")
    except OSError:
        linux.mount("proc", target, "proc", flags)


def _loopback() -> None:
    """Switch the namespace's own loopback on; nothing else is connected to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", IFF_UP)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
