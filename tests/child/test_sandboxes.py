"""Which sandbox is used, and what its filter of system calls decides."""

import ast
import errno
import json
import platform
import re
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deltarule.errors import MachineryError
from deltarule.grading.child import harmless, processes, seccomp, visible
from deltarule.grading.child.settings import Settings
from deltarule.grading.sandbox.canary import Canary
from deltarule.grading.sandbox.zygote import Zygote, student_packages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
MACHINES = ("x86_64", "aarch64")
READ = {"x86_64": 0, "aarch64": 63}


def error(number):
    return 0x00050000 | number


def decide(machine, call, *arguments, code=None, **options):
    """What a filter answers: a small interpreter for its instructions."""
    text = seccomp.program(machine, **options)
    program = list(struct.iter_unpack("HBBI", text))
    number = call if isinstance(call, int) else numbers(machine)[call]
    kind = seccomp.MACHINES[machine] if code is None else code
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, kind, 0, *padded)
    at = value = 0
    while True:
        operation, when, otherwise, constant = program[at]
        at += 1
        if operation == seccomp.LOAD:
            (value,) = struct.unpack_from("<I", data, constant)
        elif operation == seccomp.AND:
            value &= constant
        elif operation == seccomp.RETURN:
            return constant
        else:
            holds = {
                seccomp.JUMP_EQUAL: value == constant,
                seccomp.JUMP_MORE: value > constant,
                seccomp.JUMP_BITS: bool(value & constant),
            }[operation]
            at += when if holds else otherwise


def numbers(machine):
    words = seccomp.NUMBERS[machine].split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["ptrace", "mount", "bpf", "keyctl", "unshare", "setns", "kcmp"])
def test_dangerous_calls_are_refused(machine, call):
    assert decide(machine, call) == error(errno.EPERM)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["clone3", "io_uring_setup", "memfd_create", 463, 1000])
def test_calls_that_libraries_can_do_without_do_not_exist(machine, call):
    assert decide(machine, call) == error(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_pass(machine):
    assert decide(machine, READ[machine]) == ALLOWED
    assert decide(machine, "clone", 0x01200011) == ALLOWED
    assert decide(machine, "ioctl", 0, 0x5401) == ALLOWED
    assert decide(machine, "personality", 0xFFFFFFFF) == ALLOWED
    assert decide(machine, "kill") == ALLOWED
    assert decide(machine, "fchmodat") == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("flag", [0x20000, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30])
def test_a_new_process_gets_no_new_namespace(machine, flag):
    assert decide(machine, "clone", flag | 17) == error(errno.EPERM)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", sorted(seccomp.OF_PROCESSES))
def test_a_process_may_change_itself_only(machine, call):
    assert decide(machine, call, 0) == ALLOWED
    assert decide(machine, call, 4711) == error(errno.EPERM)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", sorted(seccomp.OUTSIDE_ALONE))
def test_what_only_namespaces_keep_in_is_refused_without_them(machine, call):
    assert decide(machine, call, alone=True) == error(errno.EACCES)
    assert decide(machine, call) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_another_kind_of_program_is_killed(machine):
    assert decide(machine, READ[machine], code=0x40000003) == KILLED
    if machine == "x86_64":
        assert decide(machine, 0x40000000) == error(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("family", "inside"),
    [
        (socket.AF_UNIX, ALLOWED),
        (socket.AF_INET, ALLOWED),
        (16, ALLOWED),
        (17, error(errno.EAFNOSUPPORT)),
        (38, error(errno.EAFNOSUPPORT)),
        (40, error(errno.EAFNOSUPPORT)),
    ],
)
def test_sockets_by_family(machine, family, inside):
    assert decide(machine, "socket", family) == inside
    assert decide(machine, "socket", family, alone=True) == error(errno.EACCES)


@pytest.mark.parametrize("machine", MACHINES)
def test_without_namespaces_only_pairs_of_streams_are_sockets(machine):
    stream, datagram = socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.SOCK_DGRAM
    denied = error(errno.EACCES)
    assert decide(machine, "socketpair", socket.AF_UNIX, stream, alone=True) == ALLOWED
    assert decide(machine, "socketpair", socket.AF_UNIX, datagram, alone=True) == denied
    assert decide(machine, "socketpair", socket.AF_INET, stream, alone=True) == denied
    assert decide(machine, "connect", alone=True) == denied
    assert decide(machine, "connect") == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_without_namespaces_modes_outside_stay_although_nobody_is_told(machine):
    for call in ("fchmodat", "fchownat", "utimensat", "fchmod", "setxattr"):
        assert decide(machine, call, alone=True) == error(0)


@pytest.mark.parametrize("machine", MACHINES)
def test_signals_are_refused_where_landlock_cannot_keep_them_in(machine):
    for call in ("kill", "tgkill", "pidfd_send_signal"):
        assert decide(machine, call, alone=True, signals=False) == error(errno.EPERM)
        assert decide(machine, call, alone=True) == ALLOWED


@pytest.mark.parametrize(
    ("machine", "header"),
    [("x86_64", "x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "asm-generic/unistd.h")],
)
def test_the_numbers_are_those_of_the_kernel_s_headers(machine, header):
    path = Path("/usr/include", header)
    if not path.is_file():
        pytest.skip("the kernel's headers are not installed")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", path.read_text()))
    ours = {name: str(number) for name, number in numbers(machine).items()}
    shared = known.keys() & ours.keys()
    assert len(shared) > 60
    assert {name: known[name] for name in shared} == {name: ours[name] for name in shared}


ALLOWED_INSIDE = sys.stdlib_module_names | {"IPython", "torch", "numpy", "matplotlib"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_what_runs_inside_imports_nothing_of_the_grader():
    files = sorted(Path(seccomp.__file__).parent.glob("*.py"))
    assert len(files) > 10
    for path in files:
        found = {name.split(".")[0] for name in imported(path)}
        assert found <= ALLOWED_INSIDE, path


HARMLESS = """
import sys
from json import dumps
x: int = 3
y = (1, [-2.5, "a"])
'text'
def f(a: int, b=1, *, c: "str | None" = None) -> list[int]:
    while True: pass
class C(Exception):
    size = 3
    def g(self): return 1 / 0
"""


def test_definitions_imports_of_what_is_loaded_and_constants_need_no_spare():
    assert harmless.is_harmless(HARMLESS)


@pytest.mark.parametrize(
    "source",
    [
        "import antigravity_of_a_student",
        "from json import no_such_name",
        "f()",
        "x = f()",
        "x = 1 + 1",
        "x[0] = 1",
        "while True: pass",
        "@f\ndef g(): pass",
        "def g(a=f()): pass",
        "def g(a: f()): pass",
        "class C(f()): pass",
        "class C(metaclass=f): pass",
        "class C:\n    x = f()",
        "x = [i for i in range(3)]",
        "await f()",
        "del x",
        "x = (",
    ],
)
def test_everything_else_gets_a_spare(source):
    assert not harmless.is_harmless(source)


def test_a_secret_inside_a_readable_folder_is_left_out_of_it(tmp_path):
    (tmp_path / "packages" / "grader").mkdir(parents=True)
    secret = str(tmp_path / "packages" / "grader")
    settings = Settings("none", packages=(str(tmp_path / "packages"),), secrets=(secret,))
    tree = str(tmp_path / "packages")
    assert tree in visible.readable_trees(settings)
    assert visible.secrets_inside(settings, tree) == [secret]


def test_packages_may_hold_a_secret_that_no_child_sees(sandbox, folder_for_all):
    packages = folder_for_all / "packages"
    (packages / "grader").mkdir(parents=True, exist_ok=True)
    (packages / "grader" / "__init__.py").write_text("answer = 42")
    (packages / "allowed.py").write_text("value = 1")
    more = [*student_packages(), str(packages)]
    with (
        Zygote(sandbox.tier, packages=more, secrets=[packages / "grader"], imports=[]) as zygote,
        zygote.child() as child,
    ):
        assert child.run("a", "import allowed").error is None
        refused = ("ImportError", "ModuleNotFoundError", "PermissionError")
        assert child.run("b", "from grader import answer").error.type in refused
        path = str(packages / "grader" / "__init__.py")
        assert child.run("c", f"open({path!r})").error.type in (
            "FileNotFoundError",
            "PermissionError",
        )


def test_a_sandbox_that_leaks_is_never_used(sandbox, monkeypatch):
    import numpy

    tells = Canary.tells
    readable = {"file": numpy.__file__}  # a child may read this: the probe must notice
    monkeypatch.setattr(Canary, "tells", lambda self: tells(self) | readable)
    zygote = Zygote(sandbox.tier, imports=[])
    with pytest.raises(MachineryError, match="does not hold: could read a file outside"):
        zygote.start()


def test_a_server_that_does_not_start_is_no_reason_for_a_weaker_sandbox(boot, tmp_path):
    boot("namespaces")
    (tmp_path / "broken.py").write_text("raise ValueError('this file is broken')")
    zygote = Zygote(imports=[], serving=tmp_path / "broken.py")
    with pytest.raises(MachineryError, match=r"(?s)does not start.*this file is broken") as raised:
        zygote.start()
    assert "landlock" not in str(raised.value)


def test_another_file_can_serve_the_forks(boot, tmp_path):
    (tmp_path / "given.py").write_text(
        "def serve(channel, namespace):\n"
        "    channel.recv(1000)\n"
        "    channel.sendall(str(namespace['x']).encode())\n"
    )
    boot("none")
    with (
        Zygote("none", imports=[], serving=tmp_path / "given.py") as zygote,
        zygote.child() as child,
    ):
        child.run("a", "x = 41 + 1")
        with child.fork() as fork:
            fork.channel.own.send(b"?")
            fork.wait(10)
            assert fork.channel.own.recv(10) == b"42"


def test_a_sandbox_that_does_not_exist_is_refused():
    with pytest.raises(MachineryError, match="there is no sandbox 'bubble'"):
        Zygote("bubble")


DENY = """
import ctypes, json, struct, sys
from deltarule.grading.child import linux, seccomp
from deltarule.grading.sandbox.canary import Canary
from deltarule.grading.sandbox.zygote import Zygote, student_packages
from deltarule.errors import MachineryError
rules = b''.join(
    struct.pack('HBBI', 0x15, 0, 1, number) + struct.pack('HBBI', 6, 0, 0, 0x00050001)
    for number in {numbers}
)
code = struct.pack('HBBI', 0x20, 0, 0, 0) + rules + struct.pack('HBBI', 6, 0, 0, 0x7FFF0000)
text = ctypes.create_string_buffer(code, len(code))
head = struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(text))
linux.no_new_privileges()
linux.call('prctl', ctypes.c_int(22), ctypes.c_ulong(2), ctypes.create_string_buffer(head, 16),
           ctypes.c_ulong(0), ctypes.c_ulong(0))
zygote = Zygote(imports=[])
try:
    with zygote:
        print(json.dumps([zygote.tier, zygote.reasons]))
except MachineryError as error:
    print(json.dumps(['', zygote.reasons, str(error)]))
"""


def where_calls_are_denied(*denied):
    """The sandbox that is chosen on a machine where some system calls are forbidden."""
    known = {"unshare": 272, "landlock_create_ruleset": 444}
    command = [sys.executable, "-c", DENY.format(numbers=[known[name] for name in denied])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers of this machine")
def test_without_namespaces_the_light_sandbox_is_taken_and_the_reason_told(boot):
    boot("landlock")
    tier, reasons = where_calls_are_denied("unshare")
    assert tier == "landlock"
    assert "unshare: Operation not permitted" in reasons["namespaces"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers of this machine")
def test_without_any_sandbox_nothing_is_run():
    tier, reasons, message = where_calls_are_denied("unshare", "landlock_create_ruleset")
    assert tier == ""
    assert set(reasons) == {"namespaces", "landlock"}
    assert "ask for none where you trust every submission" in message


def test_the_fork_server_is_started_with_a_clean_environment(boot):
    running = boot("none")
    block = Path(f"/proc/{running.server}/environ").read_bytes()
    assert b"nightingale-4711" not in block
    names = {entry.split(b"=")[0].decode() for entry in block.split(b"\0") if entry}
    assert "OMP_NUM_THREADS" in names
    assert not [name for name in names if "TEST" in name or "TOKEN" in name]


def test_the_fork_server_has_one_thread(boot):
    running = boot("none")
    assert len(list(Path(f"/proc/{running.server}/task").iterdir())) == 1


def test_nothing_stays_behind(tmp_path, monkeypatch, boot):
    boot("namespaces")
    tmp_path.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Zygote("namespaces", imports=[]) as zygote, zygote.child() as child:
        child.run("a", "import os; os.makedirs('a/b'); os.chmod('a', 0)")
    assert list(tmp_path.iterdir()) == []
    assert not Path(f"/proc/{zygote.server}").exists()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


GRADER = """
import json, os, sys
from deltarule.grading.child import processes
from deltarule.grading.sandbox.canary import Canary
from deltarule.grading.sandbox.zygote import Zygote, student_packages
zygote = Zygote(sys.argv[1], imports=[])
zygote.start()
child = zygote.child()
child.run('a', 'import os, time; os.fork() or (os.setsid(), os.fork(), time.sleep(1000))')
print(json.dumps([zygote.server, *processes.descendants(zygote.server)]), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("tier", ["namespaces", "landlock", "none"])
def test_when_the_grader_is_killed_everything_ends(tier, boot, folder_for_all, monkeypatch):
    boot(tier)
    monkeypatch.setenv("TMPDIR", str(folder_for_all))  # its folder is left, as nobody removes it
    command = [sys.executable, "-c", GRADER, tier]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    pids = json.loads(done.stdout)
    assert len(pids) > 3
    while any(map(processes.lives, pids)):
        time.sleep(0.01)


def test_folders_that_a_student_has_locked_are_removed(tmp_path, monkeypatch, boot):
    boot("none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Zygote("none", imports=[]) as zygote, zygote.child() as child:
        child.run("a", "import os; os.makedirs('a/b'); os.symlink('/', 'a/l'); os.chmod('a', 0)")
    assert list(tmp_path.iterdir()) == []


def test_children_can_be_used_from_several_threads(boot):
    from concurrent.futures import ThreadPoolExecutor

    zygote = boot("none")

    def one(number):
        with zygote.child() as child:
            child.run("a", f"x = {number}")
            return child.run("b", "x + 1").outputs[0]["data"]["text/plain"]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == [str(n + 1) for n in range(8)]
