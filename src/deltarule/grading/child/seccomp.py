"""Which system calls a child may make: a filter program for the kernel, written out by hand.

The filter lets everything pass but what a notebook never needs and an attack might: looking into
other processes, mounting, loading code into the kernel, new namespaces, kinds of sockets that
reach out of a network namespace. ``clone3`` answers "no such call", so that the C library uses
``clone``, whose flags a filter can read. Calls that are newer than this table do not exist either.

The Landlock tier has no namespaces and needs more: no sockets but pairs, no signals where the
kernel cannot keep them in, no watching of files, and calls that would change the mode, the owner
or the times of a file outside answer "done" and do nothing (Landlock does not guard them;
``shutil.copy`` calls them).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct

from . import linux

__all__ = ["NUMBERS", "install", "program", "program_here"]

NUMBERS = {
    "x86_64": """
        _sysctl 156 acct 163 add_key 248 adjtimex 159 bpf 321 chmod 90 chown 92 chroot 161
        clock_adjtime 305 clock_settime 227 clone 56 clone3 435 connect 42 delete_module 176
        fanotify_init 300 fchmod 91 fchmodat 268 fchmodat2 452 fchown 93 fchownat 260
        finit_module 313 fremovexattr 199 fsconfig 431 fsetxattr 190 fsmount 432 fsopen 430
        fspick 433 futimesat 261 init_module 175 inotify_add_watch 254 io_uring_enter 426
        io_uring_register 427 io_uring_setup 425 ioctl 16 ioperm 173 iopl 172 ioprio_set 251
        kcmp 312 kexec_file_load 320 kexec_load 246 keyctl 250 kill 62 lchown 94
        lookup_dcookie 212 lremovexattr 198 lsetxattr 189 memfd_create 319 memfd_secret 447
        migrate_pages 256 modify_ldt 154 mount 165 mount_setattr 442 move_mount 429 move_pages 279
        mq_open 240 msgctl 71 msgget 68 msgrcv 70 msgsnd 69 name_to_handle_at 303
        open_by_handle_at 304 open_tree 428 perf_event_open 298 personality 135 pidfd_getfd 438
        pidfd_send_signal 424 pivot_root 155 prlimit64 302 process_madvise 440
        process_vm_readv 310 process_vm_writev 311 ptrace 101 quotactl 179 quotactl_fd 443
        reboot 169 remap_file_pages 216 removexattr 197 request_key 249 rt_sigqueueinfo 129
        rt_tgsigqueueinfo 297 sched_setaffinity 203 sched_setattr 314 sched_setparam 142
        sched_setscheduler 144 semctl 66 semget 64 semop 65 semtimedop 220 setdomainname 171
        sethostname 170 setns 308 setpriority 141 settimeofday 164 setxattr 188 shmat 30 shmctl 31
        shmdt 67 shmget 29 socket 41 socketpair 53 swapoff 168 swapon 167 syslog 103 tgkill 234
        tkill 200 umount2 166 unshare 272 uselib 134 userfaultfd 323 utime 132 utimensat 280
        utimes 235 vhangup 153
    """,
    "aarch64": """
        acct 89 add_key 217 adjtimex 171 bpf 280 chroot 51 clock_adjtime 266 clock_settime 112
        clone 220 clone3 435 connect 203 delete_module 106 fanotify_init 262 fchmod 52 fchmodat 53
        fchmodat2 452 fchown 55 fchownat 54 finit_module 273 fremovexattr 16 fsconfig 431
        fsetxattr 7 fsmount 432 fsopen 430 fspick 433 init_module 105 inotify_add_watch 27
        io_uring_enter 426 io_uring_register 427 io_uring_setup 425 ioctl 29 ioprio_set 30
        kcmp 272 kexec_file_load 294 kexec_load 104 keyctl 219 kill 129 lookup_dcookie 18
        lremovexattr 15 lsetxattr 6 memfd_create 279 memfd_secret 447 migrate_pages 238 mount 40
        mount_setattr 442 move_mount 429 move_pages 239 mq_open 180 msgctl 187 msgget 186
        msgrcv 188 msgsnd 189 name_to_handle_at 264 open_by_handle_at 265 open_tree 428
        perf_event_open 241 personality 92 pidfd_getfd 438 pidfd_send_signal 424 pivot_root 41
        prlimit64 261 process_madvise 440 process_vm_readv 270 process_vm_writev 271 ptrace 117
        quotactl 60 quotactl_fd 443 reboot 142 remap_file_pages 234 removexattr 14 request_key 218
        rt_sigqueueinfo 138 rt_tgsigqueueinfo 240 sched_setaffinity 122 sched_setattr 274
        sched_setparam 118 sched_setscheduler 119 semctl 191 semget 190 semop 193 semtimedop 192
        setdomainname 162 sethostname 161 setns 268 setpriority 140 settimeofday 170 setxattr 5
        shmat 196 shmctl 195 shmdt 197 shmget 194 socket 198 socketpair 199 swapoff 225 swapon 224
        syslog 116 tgkill 131 tkill 130 umount2 39 unshare 97 userfaultfd 282 utimensat 88
        vhangup 58
    """,
}
"""System calls that the filter names, with their numbers, by kind of processor."""

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NEWEST = 462
"""The last call that is known to do no harm; newer ones answer "no such call"."""
X32 = 0x40000000

MISSING = frozenset(
    {
        "clone3",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "memfd_create",
        "memfd_secret",
    }
)
"""Calls that answer "no such call", so that libraries do without."""

OF_PROCESSES = frozenset(
    {"prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"}
)
"""Calls that change a process, the first argument; a child may name itself only, by 0."""
OUTSIDE_ALONE = frozenset({"inotify_add_watch", "ioprio_set", "setpriority"})
"""Calls that reach files and processes outside unless namespaces keep them in."""
ARGUMENTS = frozenset({"clone", "ioctl", "personality", "socket", "socketpair", "connect"})
FAKED = frozenset(
    {
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "chown",
        "fchown",
        "lchown",
        "fchownat",
        "utime",
        "utimes",
        "futimesat",
        "utimensat",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "removexattr",
        "lremovexattr",
        "fremovexattr",
    }
)
"""Calls that answer "done" and do nothing in the Landlock tier."""
SIGNALS = frozenset(
    {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"}
)

NEW_NAMESPACES = 0x7E020000
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)  # 16: AF_NETLINK, for zmq
STREAMS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
KIND_MASK = 0xF
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
SET_FLAGS, SET_EXTENDED, ENABLE_VERITY = 0x40086602, 0x401C5820, 0x40806685
SAME_PERSONALITY = 0xFFFFFFFF

LOAD, JUMP_EQUAL, JUMP_MORE, JUMP_BITS, AND, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
DATA_NUMBER, DATA_MACHINE, DATA_ARGUMENTS = 0, 4, 16
SET_SECCOMP, FILTER_MODE = 22, 2

_Instruction = tuple[int, int, int, int]


def _answer(code: int) -> _Instruction:
    return RETURN, 0, 0, 0x00050000 | code


_ALLOWED: _Instruction = (RETURN, 0, 0, ALLOW)


def _argument(index: int) -> _Instruction:
    """Load the lower half of an argument; both known processors are little-endian."""
    return LOAD, 0, 0, DATA_ARGUMENTS + 8 * index


def _one_of(values: tuple[int, ...], code: int) -> list[_Instruction]:
    """Allow if the loaded value is among ``values``, else answer ``code``."""
    tests = [(JUMP_EQUAL, len(values) - i, 0, v) for i, v in enumerate(values)]
    return [*tests, _answer(code), _ALLOWED]


def _none_of(values: tuple[int, ...], code: int) -> list[_Instruction]:
    """Answer ``code`` if the loaded value is among ``values``, else allow."""
    tests = [(JUMP_EQUAL, len(values) - i, 0, v) for i, v in enumerate(values)]
    return [*tests, _ALLOWED, _answer(code)]


def _by_arguments(name: str, alone: bool) -> list[_Instruction] | None:
    """What happens to a call that depends on its arguments; None where it always may pass."""
    if name == "clone":
        return [_argument(0), (JUMP_BITS, 0, 1, NEW_NAMESPACES), _answer(errno.EPERM), _ALLOWED]
    if name == "personality":
        return [_argument(0), *_one_of((0, SAME_PERSONALITY), errno.EPERM)]
    if name == "ioctl":
        denied = (TIOCSTI, TIOCLINUX) + ((SET_FLAGS, SET_EXTENDED, ENABLE_VERITY) if alone else ())
        return [_argument(1), *_none_of(denied, errno.EPERM)]
    if name in ("socket", "connect"):
        if alone:
            return [_answer(errno.EACCES)]
        return None if name == "connect" else [_argument(0), *_one_of(FAMILIES, errno.EAFNOSUPPORT)]
    if name == "socketpair" and alone:
        kinds = [_argument(1), (AND, 0, 0, KIND_MASK), *_one_of(STREAMS, errno.EACCES)]
        return [
            _argument(0),
            (JUMP_EQUAL, 1, 0, socket.AF_UNIX),
            _answer(errno.EACCES),
            *kinds,
        ]
    return None


def program(machine: str, *, alone: bool = False, signals: bool = True) -> bytes:
    """The filter for one kind of processor.

    Args:
        machine: as :func:`platform.machine` names it.
        alone: without namespaces around it, as in the Landlock tier.
        signals: whether signals may be sent.
    """
    words = NUMBERS[machine].split()
    numbers = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    code: list[_Instruction] = [
        (LOAD, 0, 0, DATA_MACHINE),
        (JUMP_EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, DATA_NUMBER),
        (JUMP_MORE, 0, 1, X32 - 1 if machine == "x86_64" else 0xFFFFFFFE),
        _answer(errno.ENOSYS),
    ]
    for name, number in numbers.items():
        if name in MISSING:
            then: list[_Instruction] | None = [_answer(errno.ENOSYS)]
        elif name in OF_PROCESSES:
            then = [_argument(0), *_one_of((0,), errno.EPERM)]
        elif name in OUTSIDE_ALONE:
            then = [_answer(errno.EACCES)] if alone else None
        elif name in ARGUMENTS:
            then = _by_arguments(name, alone)
        elif name in FAKED:
            then = [_answer(0)] if alone else None
        elif name in SIGNALS:
            then = None if signals else [_answer(errno.EPERM)]
        else:
            then = [_answer(errno.EPERM)]
        if then is not None:
            code += [(JUMP_EQUAL, 0, len(then), number), *then]
    code += [(JUMP_MORE, 0, 1, NEWEST), _answer(errno.ENOSYS), _ALLOWED]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def program_here(*, alone: bool = False, signals: bool = True) -> bytes:
    """The filter for this processor; see :func:`program`.

    Raises:
        OSError: the processor is not known.
    """
    machine = platform.machine()
    if machine not in NUMBERS:
        raise OSError(f"seccomp: no table of system calls for {machine}")
    return program(machine, alone=alone, signals=signals)


def install(code: bytes) -> None:
    """Put a filter on this process and all that it starts, for good.

    Raises:
        OSError: the kernel has no seccomp.
    """
    text = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
    linux.no_new_privileges()
    linux.call(
        "prctl",
        ctypes.c_int(SET_SECCOMP),
        ctypes.c_ulong(FILTER_MODE),
        ctypes.create_string_buffer(head, len(head)),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )
