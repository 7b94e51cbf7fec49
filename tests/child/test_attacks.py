"""What a submission may not reach: each attack prints REACHED where it succeeds.

Every attack is also run without a sandbox, as a control: there it must succeed, or the test would
prove nothing.
"""

import contextlib
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from deltarule.grading.child import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")

PRELUDE = """
import contextlib, ctypes, glob, os, pathlib, signal, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
path = list(sys.path)
def reached(what='it'):
    print('REACHED', what)
"""

ATTACKS = {
    "read the course": "open({course!r} + '/README.md').read(); reached()",
    "list the course's sources": "os.listdir({course!r} + '/source'); reached()",
    "read the grader's own code": "open({package!r} + '/errors.py').read(); reached()",
    "read the gradebook": "open({folder!r} + '/gradebook.db').read(); reached()",
    "write into the gradebook": "open({folder!r} + '/gradebook.db', 'a').write('A'); reached()",
    "empty the gradebook": "os.truncate({folder!r} + '/gradebook.db', 0); reached()",
    "replace the gradebook": (
        "open('new', 'w').close(); os.replace('new', {folder!r} + '/gradebook.db'); reached()"
    ),
    "list what lies beside the gradebook": "os.listdir({folder!r}); reached()",
    "leave a file behind": "open({folder!r} + '/left', 'w').close(); reached()",
    "read over a link": (
        "os.symlink({folder!r} + '/gradebook.db', 'link'); open('link').read(); reached()"
    ),
    "read over a hard link": (
        "os.link({folder!r} + '/gradebook.db', 'hard'); open('hard').read(); reached()"
    ),
    "read it in another process": (
        "out = subprocess.run(['cat', {folder!r} + '/gradebook.db'], capture_output=True)\n"
        "out.returncode == 0 and reached()"
    ),
    "read it in a shell escape": (
        "out = get_ipython().getoutput('cat ' + {folder!r} + '/gradebook.db')\n"
        "any('marks' in line for line in out) and reached()"
    ),
    "find the course above the working folder": (
        "for folder in map(str, pathlib.Path({course!r} + '/src/x').parents):\n"
        "    with contextlib.suppress(OSError):\n"
        "        if 'README.md' in os.listdir(folder):\n            reached(folder)"
    ),
    "find other submissions": (
        "beside = pathlib.Path(os.environ['HOME']).parents[1].iterdir()\n"
        "any(one.name.isdigit() for one in beside) and reached()"
    ),
    "connect by TCP": "socket.create_connection(('127.0.0.1', {port}), 5); reached()",
    "connect to a named socket": (
        "s = socket.socket(socket.AF_UNIX); s.connect({folder!r} + '/socket'); reached()"
    ),
    "connect to an abstract socket": (
        "s = socket.socket(socket.AF_UNIX); s.connect(chr(0) + {abstract!r}); reached()"
    ),
    "reach the network's cards": (
        "names = dict(socket.if_nameindex()).values()\nset(names) - {{'lo'}} and reached(names)"
    ),
    "signal the grader": "os.kill({grader}, 0); reached()",
    "look into the grader's environment": (
        "b'' != open('/proc/{grader}/environ', 'rb').read() and reached()"
    ),
    "see the grader's command": "open('/proc/{grader}/cmdline').read(); reached()",
    "trace the grader": "libc.ptrace(0x4206, {grader}, 0, 0) == 0 and reached()",
    "change a mode outside": (
        "os.chmod({folder!r} + '/gradebook.db', 0o777)\n"
        "oct(os.stat({folder!r} + '/gradebook.db').st_mode)[-3:] == '777' and reached()"
    ),
    "change times outside": (
        "os.utime({folder!r} + '/gradebook.db', (1, 1))\n"
        "os.stat({folder!r} + '/gradebook.db').st_mtime == 1 and reached()"
    ),
    "change the grader's limits": (
        "import resource\nsame = resource.prlimit({grader}, resource.RLIMIT_CORE)\n"
        "resource.prlimit({grader}, resource.RLIMIT_CORE, same); reached()"
    ),
    "move the grader to other processors": (
        "os.sched_setaffinity({grader}, os.sched_getaffinity({grader})); reached()"
    ),
    "change the grader's priority": (
        "which = (os.PRIO_PROCESS, {grader})\nos.setpriority(*which, os.getpriority(*which))\n"
        "reached()"
    ),
    "watch what is written outside": (
        "libc.inotify_add_watch(libc.inotify_init(), {folder!r}.encode(), 0xfff) >= 0 and reached()"
    ),
    "lock out others by memory files": "os.memfd_create('x'); reached()",
    "use shared memory of System V": "libc.shmget(0, 4096, 0o1600) != -1 and reached()",
    "use another personality": "libc.personality(8) != -1 and reached()",
}

NOT_WITHOUT_SANDBOX = {"reach the network's cards"}
"""Attacks whose success also depends on the machine."""

ALWAYS_DENIED = {
    "become root": "os.setuid(0); reached()",
    "mount": "libc.mount(b'tmpfs', b'.', b'tmpfs', 0, 0) == 0 and reached()",
    "new user namespace": "libc.unshare(0x10000000) == 0 and reached()",
    "write beside the packages": (
        "import numpy\nopen(os.path.dirname(numpy.__file__) + '/x', 'w'); reached()"
    ),
    "write to the interpreter": "open(os.path.dirname(os.__file__) + '/x.py', 'w'); reached()",
    "change the kernel's settings": "open('/proc/sys/kernel/core_pattern', 'ab'); reached()",
    "hold a capability": (
        "'CapEff:\\t0000000000000000' in open('/proc/self/status').read() or reached()"
    ),
    "do without the filter": "'Seccomp:\\t2' in open('/proc/self/status').read() or reached()",
    "make a device": "os.mknod('device', 0o20666, os.makedev(1, 1)); reached()",
    "import the grader": "import deltarule; reached()",
    "import the grader by its path": (
        "import importlib.util\n"
        "spec = importlib.util.spec_from_file_location('d', {package!r} + '/__init__.py')\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec)); reached()"
    ),
    "import the grader in a new interpreter": (
        "out = subprocess.run([sys.executable, '-c', 'import deltarule.engine'])\n"
        "out.returncode == 0 and reached()"
    ),
    "import the grader from folders above": (
        "for folder in {{p for one in [*sys.path, os.getcwd(), sys.executable, {package!r}]\n"
        "               for p in map(str, pathlib.Path(one).parents)}}:\n"
        "    sys.path[:] = [folder, folder + '/src']\n"
        "    with contextlib.suppress(ImportError):\n"
        "        import deltarule.engine\n        reached(folder)"
    ),
    "find a secret in the environment": "'nightingale-4711' in str(dict(os.environ)) and reached()",
    "find a secret in a process's environment": (
        "for name in glob.glob('/proc/[0-9]*/environ'):\n"
        "    with contextlib.suppress(OSError):\n"
        "        b'nightingale-4711' in open(name, 'rb').read() and reached(name)"
    ),
    "find a secret in memory": (
        "import gc\nword = 'nightingale-' + '4711'\n"
        "found = [one for one in gc.get_objects() if type(one) is dict and word in\n"
        "         [v for v in one.values() if type(v) is str] and one is not globals()]\n"
        "found and reached()"
    ),
    "read a history": (
        "hist = get_ipython().history_manager\n"
        "list(hist.get_tail(10, include_latest=False)) and reached()"
    ),
    "use an open file of the grader": (
        "plain = ('socket:', 'pipe:', 'anon_inode:', '/memfd:', '/dev/null', '/proc/',\n"
        "         '/submission')\n"
        "for number in range(256):\n"
        "    with contextlib.suppress(OSError):\n"
        "        target = os.readlink(f'/proc/self/fd/{{number}}')\n"
        "        target.startswith(plain) or reached(target)"
    ),
    "send a packet out": (
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.sendto(b'x', ('192.0.2.1', 9)); reached()"
    ),
    "talk to the machine below": "socket.socket(40, socket.SOCK_STREAM); reached()",
    "load code into the kernel": "libc.syscall({bpf}, 0, 0, 0) != -1 and reached()",
}
"""Attacks that no control is needed for, or that are not safe to try without a sandbox."""


@pytest.fixture(scope="module")
def outside(folder_for_all, course_root):
    """What an attack aims at."""
    import deltarule

    (folder_for_all / "gradebook.db").write_text("marks")
    with contextlib.ExitStack() as open_sockets:
        name = f"deltarule-test-{os.getpid()}"
        addresses = {
            "tcp": (socket.AF_INET, ("127.0.0.1", 0)),
            "named": (socket.AF_UNIX, str(folder_for_all / "socket")),
            "abstract": (socket.AF_UNIX, "\0" + name),
        }
        made = {}
        for key, (family, address) in addresses.items():
            made[key] = open_sockets.enter_context(socket.socket(family))
            made[key].bind(address)
            made[key].listen(8)
        (folder_for_all / "socket").chmod(0o777)
        yield {
            "course": str(course_root),
            "package": str(Path(deltarule.__file__).parent),
            "folder": str(folder_for_all),
            "port": made["tcp"].getsockname()[1],
            "abstract": name,
            "grader": os.getpid(),
            "bpf": {"x86_64": 321, "aarch64": 280}[os.uname().machine],
        }


@pytest.fixture
def aim(outside):
    """The target, made whole again before each attack."""
    book = Path(outside["folder"], "gradebook.db")
    book.unlink(missing_ok=True)
    Path(outside["folder"], "left").unlink(missing_ok=True)
    book.write_text("marks")
    book.chmod(0o666)
    os.utime(book, (1000, 1000))
    return outside


def said(outcome):
    return "".join(one["text"] for one in outcome.outputs if one["output_type"] == "stream")


@pytest.fixture(scope="module")
def prisoner(sandbox):
    """A submission that makes one attack after the other."""
    with sandbox.child() as one:
        assert one.run("prelude", PRELUDE).error is None
        yield one


@pytest.fixture(scope="module")
def free(boot):
    """The same without a sandbox."""
    with boot("none").child() as one:
        assert one.run("prelude", PRELUDE).error is None
        yield one


def attacked(child, source, aim):
    outcome = child.run("attack", "sys.path[:] = path\n" + source.format(**aim))
    assert outcome.finished, outcome
    assert child.recoveries == 0  # it is still the process in which the prelude ran
    return "REACHED" in said(outcome)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_sandbox_keeps_out(name, prisoner, aim):
    assert not attacked(prisoner, ATTACKS[name], aim)
    book = Path(aim["folder"], "gradebook.db")
    assert (book.read_text(), book.stat().st_mode & 0o777) == ("marks", 0o666)
    assert {one.name for one in Path(aim["folder"]).iterdir()} == {"gradebook.db", "socket"}


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - NOT_WITHOUT_SANDBOX))
def test_without_a_sandbox_the_same_attack_succeeds(name, free, aim):
    assert attacked(free, ATTACKS[name], aim)


@pytest.mark.parametrize("name", ALWAYS_DENIED)
def test_a_sandbox_denies(name, prisoner, aim):
    if prisoner.handles.folder is not None and name in (
        "hold a capability",
        "do without the filter",
    ):
        pytest.skip(
            "this tier shows no /proc to read it from; the probe looks before it is entered"
        )
    assert not attacked(prisoner, ALWAYS_DENIED[name], aim)


def test_other_processes_cannot_be_seen(sandbox, boot):
    source = "import os\nprint(sorted(map(int, filter(str.isdigit, os.listdir('/proc')))))"
    with sandbox.child() as child:
        outcome = child.run("a", source)
    if outcome.error is None:  # elsewhere there is no /proc at all
        assert all(pid < 50 for pid in eval(said(outcome)))
    with boot("none").child() as control:
        assert os.getpid() in eval(said(control.run("a", source)))


def test_two_submissions_do_not_see_each_other(sandbox):
    with sandbox.child() as one, sandbox.child() as other:
        written = one.run(
            "a", "open('mine', 'w').write('x'); import os; print(os.path.abspath('mine'))"
        )
        path = said(written).strip()
        outcome = other.run("b", f"print(open({path!r}).read())")
        assert outcome.error.type in ("FileNotFoundError", "PermissionError")


def test_processes_that_were_detached_end_with_the_submission(sandbox):
    source = (
        "import os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.setsid()\n        time.sleep(1000)\n    os._exit(0)\n"
    )
    with sandbox.child() as child:
        child.run("a", source)
        pids = []
        while len(pids) < 3:  # the one in the middle ends, and then its child has another parent
            pids = [child.handles.pid, *processes.descendants(child.handles.pid)]
    assert have_ended(pids)


def test_a_process_that_looks_dead_ends_with_the_submission(sandbox):
    number = {"x86_64": 60, "aarch64": 93}[os.uname().machine]  # exit, of one thread
    source = (
        "import ctypes, os, threading, time\n"
        "def live():\n    global kept\n    kept = bytearray(os.urandom(1 << 20) * 50)\n"
        "    time.sleep(1000)\n"
        "if os.fork() == 0:\n"
        "    threading.Thread(target=live).start()\n"
        f"    ctypes.CDLL(None).syscall({number}, 0)\n"
    )
    with sandbox.child() as child:
        child.run("a", source)
        hidden = []
        while not hidden or processes.memory(hidden, 0) < 50 * 2**20:
            hidden = [p for p in processes.descendants(child.handles.pid) if state(p) == "Z"]
            time.sleep(0.01)
        assert processes.lives(hidden[0])
    assert have_ended(hidden)


def have_ended(pids):
    """Whether all have, after a moment: the kernel takes a sandbox down by and by."""
    end = time.monotonic() + 10
    while any(map(processes.lives, pids)) and time.monotonic() < end:
        time.sleep(0.005)
    return not any(map(processes.lives, pids))


def state(pid):
    """The letter of state that the kernel shows."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def test_a_submission_that_kills_all_it_can_harms_itself_only(sandbox):
    # It looks first whether it is shut in: this must never run outside.
    source = (
        "import os\nassert os.geteuid() != 0\n"
        f"try:\n    os.kill({os.getpid()}, 0)\nexcept OSError:\n    os.kill(-1, 9)"
    )
    with sandbox.child() as other:
        other.run("a", "x = 1")
        with sandbox.child() as child:
            assert child.run("b", source, 5.0) is not None
            assert child.run("c", "1", 5.0) is not None
        assert other.run("d", "x").outputs[0]["data"]["text/plain"] == "1"


FORGERIES = {
    "random bytes": "b'\\xff' * 4096",
    "a huge length": "b'\\x7f\\xff\\xff\\xff' + b'x' * 4096",
    "half a message": "b'\\x00\\x00\\x01\\x00{\"done\"'",
    "no JSON": "b'\\x00\\x00\\x00\\x02{]'",
    "a list": "b'\\x00\\x00\\x00\\x02[]'",
    "deep nesting": "(40000).to_bytes(4, 'big') + b'[' * 40000",
    "nonsense for an answer": (
        "(lambda body: len(body).to_bytes(4, 'big') + body)("
        'b\'{"done": [], "error": 7, "count": {}, "seconds": "x", "ready": {}}\')'
    ),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_message_is_the_end_of_that_cell_only(forged, any_child):
    any_child.run("a", "x = 1")
    source = (
        "import os, stat, time\n"
        f"data = {forged}\n"
        "for number in range(3, 256):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(number).st_mode):\n"
        "            os.set_blocking(number, False)\n"
        "            os.write(number, data)\n"
        "    except OSError:\n        pass\n"
        "time.sleep(30)"
    )
    outcome = any_child.run("b", source, 0.7)
    assert outcome.struck is not None
    assert outcome.struck.limit in ("ended", "time")
    assert any_child.run("c", "x").outputs[0]["data"]["text/plain"] == "1"


def test_a_child_that_sends_open_files_has_them_closed(any_child):
    before = len(list(Path("/proc/self/fd").iterdir()))
    source = (
        "import os, socket, stat\n"
        "for number in range(3, 256):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(number).st_mode):\n"
        "            one = socket.socket(fileno=os.dup(number))\n"
        "            socket.send_fds(one, [b'x'], [0] * 50)\n"
        "    except OSError:\n        pass\n"
    )
    any_child.run("a", source, 2.0)
    any_child.run("b", "1")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 8


def test_forged_records_are_no_outputs(any_child):
    source = (
        "import os, json\n"
        "lines = [b'x', b'[]', b'{', b'{\"kind\": \"display\", \"data\": 5}', b'[' * 9000,\n"
        '  b\'{"kind": "text", "name": "stdlog", "text": "x"}\',\n'
        '  b\'{"kind": "error", "traceback": [1, {}], "ename": 5}\',\n'
        '  b\'{"kind": "result", "data": {"text/plain": 5}, "count": "x"}\',\n'
        '  b\'{"kind": "text", "name": "stdout", "text": "\\\\ud800"}\',\n'
        '  b\'{"kind": "text", "name": "stdout", "text": "y", "upto": -5}\']\n'
        "for number in range(3, 256):\n"
        "    try:\n"
        "        os.path.basename(os.readlink(f'/proc/self/fd/{number}')).startswith('memfd:log')\n"
        "        os.write(number, b'\\n'.join(lines) + b'\\n')\n"
        "    except OSError:\n        pass\n"
    )
    import nbformat

    outcome = any_child.run("a", source, 5.0)
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.from_dict(o) for o in outcome.outputs])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode("utf-8")
    assert any_child.run("b", "1").finished


def test_closed_descriptors_are_the_end_of_that_cell_only(any_child):
    any_child.run("a", "x = 1")
    any_child.run("b", "import os; os.closerange(0, 256)", 5.0)
    assert any_child.run("c", "x").outputs[0]["data"]["text/plain"] == "1"
