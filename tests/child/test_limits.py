"""Every limit ends its cell only: it is named with cell and line, and the next cells are run."""

import sys
import time

import pytest

from deltarule.errors import MachineryError
from deltarule.grading.child import processes
from deltarule.grading.sandbox.channel import Gone, Silent
from deltarule.grading.sandbox.zygote import Zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")

MIB = 2**20


def text(outcome):
    return "".join(one["text"] for one in outcome.outputs if one["output_type"] == "stream")


def goes_on(child):
    """Whether the state from before the bad cell is still there."""
    outcome = child.run("after", "x + 1")
    return outcome.outputs[0]["data"]["text/plain"] == "42"


BEFORE = "import os, sys, time, signal\nx = int('41')"


@pytest.fixture
def begun(child):
    """A submission under way, in each sandbox: for limits that each keeps in its own way."""
    child.run("before", BEFORE)
    return child


@pytest.fixture
def begun_in_one(any_child):
    """The same in one sandbox: for what the grader does in the same way for all."""
    any_child.run("before", BEFORE)
    return any_child


SECONDS = 0.5
"""After which cells without end are ended; they have to be at their last line by then."""

ENDLESS = {
    "a loop": ("print('begun', end='')\nwhile True:\n    pass", {2, 3}),
    "a loop in a function": ("def f():\n    while True:\n        pass\nf()", {2, 3}),
    "a call that sleeps": ("y = 1\ntime.sleep(1000)", {2}),
    "a loop that catches everything": (
        "while True:\n    try:\n        time.sleep(0.01)\n    except BaseException:\n        pass",
        {1, 2, 3, 4, 5},
    ),
    "a loop that ignores signals": (
        "for one in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(one, signal.SIG_IGN)\n"
        "while True:\n    pass",
        {3, 4},
    ),
    "a process that is waited for": ("import subprocess\nsubprocess.run(['sleep', '1000'])", {2}),
    "a shell escape": ("y = 2\n!sleep 1000", {2}),
    "a coroutine": ("import asyncio\nawait asyncio.sleep(1000)", None),
    "a stopped process": ("os.kill(os.getpid(), signal.SIGSTOP)", None),
    "long arithmetic": ("9 ** 9 ** 9 ** 2", {1}),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_cell_without_end_is_ended(name, begun_in_one):
    is_ended(name, begun_in_one)


@pytest.mark.parametrize("name", ["a loop", "a process that is waited for", "a stopped process"])
def test_a_cell_without_end_is_ended_in_each_sandbox(name, begun):
    is_ended(name, begun)


def is_ended(name, begun):
    source, lines = ENDLESS[name]
    outcome = begun.run("endless", source, SECONDS)
    assert outcome.struck.limit == "time"
    assert f"{SECONDS:g} s" in outcome.struck.message
    if lines is not None:
        assert outcome.struck.cell == "endless"
        assert outcome.struck.line in lines
    assert not outcome.finished
    assert goes_on(begun)


def test_what_an_endless_cell_printed_is_kept(begun_in_one):
    source = "os.system('echo low'); print('high')\nos.write(1, b'last')\ntime.sleep(100)"
    outcome = begun_in_one.run("endless", source, SECONDS)
    assert text(outcome) == "low\nhigh\nlast"


ENDINGS = {
    "os._exit": "os._exit(0)",
    "a signal": "os.kill(os.getpid(), signal.SIGKILL)",
    "an abort": "os.abort()",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "a child process that lives on": "if os.fork():\n    os._exit(1)\ntime.sleep(1000)",
    "a replaced process": "os.execv('/bin/true', ['/bin/true'])",
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_cell_that_ends_its_process_is_told(name, begun):
    outcome = begun.run("ending", ENDINGS[name], 5.0)
    assert outcome.struck is not None
    assert outcome.struck.limit in ("ended", "time")  # a copy that lives on keeps the line open
    assert goes_on(begun)


def test_a_crash_tells_its_line(begun_in_one):
    outcome = begun_in_one.run("crash", "import ctypes\n\nctypes.string_at(0)")
    assert (outcome.struck.limit, outcome.struck.cell, outcome.struck.line) == ("ended", "crash", 3)


def test_a_process_that_ends_between_two_cells_is_replaced(begun_in_one):
    bomb = "import threading\nthreading.Timer(0.3, os._exit, [1]).start()\ny = x"
    assert begun_in_one.run("bomb", bomb).finished
    pid = begun_in_one.handles.pid
    while len(processes.descendants(pid)) > 1:
        time.sleep(0.01)  # until the bomb has gone off: only the spare is left
    assert goes_on(begun_in_one)
    assert begun_in_one.run("later", "y").outputs[0]["data"]["text/plain"] == "41"


def test_without_a_spare_the_cells_since_the_last_one_are_run_again(open_child):
    open_child.run("a", "n = int('1')")
    open_child.run("b", "n += 1\nprint('once')", spare=False)
    assert open_child.run("c", "import os; os._exit(1)", spare=False).struck.limit == "ended"
    assert open_child.run("d", "n").outputs[0]["data"]["text/plain"] == "2"


def test_limits_are_watched_however_much_a_child_sends(begun_in_one):
    source = (
        "import stat\n"
        "if os.fork() == 0:\n"
        "    body = b'{\"number\": -1}'\n"
        "    while True:\n"
        "        for number in range(3, 64):\n"
        "            try:\n"
        "                if stat.S_ISSOCK(os.fstat(number).st_mode):\n"
        "                    os.write(number, len(body).to_bytes(4, 'big') + body)\n"
        "            except OSError:\n                pass\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        b = bytearray(os.urandom(1 << 20) * 120)\n        time.sleep(100)\n"
        "time.sleep(100)"
    )
    outcome = begun_in_one.run("flood", source, 20.0)
    assert outcome.struck.limit == "memory"


def test_a_submission_that_is_lost_again_and_again_is_given_up(begun_in_one):
    outcomes = [begun_in_one.run(f"bad{n}", "os._exit(1)") for n in range(12)]
    assert outcomes[-1].struck.limit == "ended"
    assert "lost" in begun_in_one.run("never", "x").struck.message


@pytest.mark.parametrize("source", ["b = bytearray(3 * 2**30)", "b = [0]\nwhile True:\n    b += b"])
def test_memory_of_one_process_is_limited(begun, source):
    outcome = begun.run("bomb", source, 20.0)
    assert outcome.struck.limit == "memory"
    assert goes_on(begun)


def test_memory_of_all_processes_together_is_limited(begun):
    source = (
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        b = bytearray(os.urandom(1 << 20) * 120)\n"
        "        time.sleep(100)\n"
        "time.sleep(100)"
    )
    outcome = begun.run("bomb", source, 20.0)
    assert outcome.struck.limit == "memory"
    assert "400 MB" in outcome.struck.message
    assert goes_on(begun)


def test_shared_memory_is_limited(begun):
    source = (
        "import mmap\nkept = []\n"
        "while True:\n    kept.append(mmap.mmap(-1, 1 << 26))\n"
        "    kept[-1][:] = bytes(1 << 26)"
    )
    outcome = begun.run("bomb", source, 20.0)
    assert outcome.struck.limit == "memory"
    assert goes_on(begun)


def test_files_in_shared_memory_are_limited(begun):
    source = (
        "for number in range(100):\n"
        "    with open(f'/dev/shm/{number}', 'wb') as file:\n        file.write(bytes(1 << 20))"
    )
    outcome = begun.run("bomb", source)
    assert outcome.error.type in ("OSError", "PermissionError")
    assert goes_on(begun)


def test_one_file_is_limited(begun):
    outcome = begun.run(
        "bomb", "with open('big', 'wb') as f:\n    while True: f.write(bytes(1 << 20))"
    )
    assert outcome.struck.limit == "disk"
    assert goes_on(begun)


def test_all_files_together_are_limited(begun):
    source = (
        "for number in range(100):\n"
        "    with open(f'f{number}', 'wb') as file:\n        file.write(bytes(5 << 20))\n"
        "    time.sleep(0.02)\n"
    )
    outcome = begun.run("bomb", source, 20.0)
    assert outcome.struck.limit == "disk"


def test_processes_are_limited(begun):
    source = (
        "for _ in range(200):\n    if os.fork() == 0:\n        time.sleep(100)\n        os._exit(0)"
    )
    outcome = begun.run("bomb", source, 20.0)
    assert outcome.struck.limit == "processes"
    assert begun.run("more", "import subprocess\nx = 41").finished
    assert goes_on(begun)


def test_a_fork_bomb_is_defused(begun):
    source = (
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)"
    )
    outcome = begun.run("bomb", source, 1.0)
    assert outcome.struck.limit in ("time", "processes")
    assert goes_on(begun)
    assert len(processes.descendants(begun.handles.pid)) < 6


def test_threads_are_limited(begun):
    source = (
        "import threading\nfor _ in range(200):\n"
        "    threading.Thread(target=time.sleep, args=(100,), daemon=True).start()"
    )
    outcome = begun.run("bomb", source, 20.0)
    assert (outcome.error.type, outcome.struck.limit) == ("RuntimeError", "processes")
    assert goes_on(begun)
    with begun.fork() as fork:
        assert fork.ask({"repr": "x"}, 10) == {"repr": "41"}


def test_open_files_are_limited(begun_in_one):
    outcome = begun_in_one.run("bomb", "kept = [open('/dev/null') for _ in range(2000)]")
    assert (outcome.error.type, outcome.error.message[:10]) == ("OSError", "[Errno 24]")
    assert goes_on(begun_in_one)


FLOODS = {
    "one long text": "print('x' * 5_000_000)",
    "many lines": "for i in range(20_000): print(i)",
    "no line break": "for i in range(20_000): sys.stdout.write('xxxxxxxxxx')",
    "many displays": "for i in range(2_000): display(i)",
    "one large display": "display({'text/plain': 'x' * 5_000_000}, raw=True)",
    "a program": "os.system('head -c 10000000 /dev/zero | tr \"\\\\0\" x')",
    "a long value": "'x' * 5_000_000",
}


@pytest.mark.parametrize("name", FLOODS)
def test_output_is_cut_with_a_note(name, begun_in_one):
    outcome = begun_in_one.run("flood", FLOODS[name])
    assert len(str(outcome.outputs)) < 400_000
    assert "left out" in text(outcome)
    assert outcome.finished
    assert text(begun_in_one.run("next", "print('all of it')")) == "all of it\n"


def test_an_endless_flood_is_bounded(begun_in_one):
    outcome = begun_in_one.run("flood", "while True:\n    sys.stdout.write('x' * 1000)", 1.0)
    assert outcome.struck.limit == "time"
    assert len(str(outcome.outputs)) < 200_000
    assert "left out" in text(outcome)


def test_an_error_after_a_flood_is_still_shown(begun_in_one):
    outcome = begun_in_one.run("flood", "print('x' * 10**6)\n1 / 0")
    assert outcome.outputs[-1]["ename"] == "ZeroDivisionError"


def test_a_test_without_end_is_ended_and_the_submission_goes_on(begun_in_one):
    begun_in_one.run("slow", "class Slow:\n    def __repr__(self):\n        while True: pass")
    begun_in_one.run("made", "slow = Slow()")
    with begun_in_one.fork() as fork, pytest.raises(Silent):
        fork.ask({"repr": "slow"}, 0.5)
    assert goes_on(begun_in_one)


def test_a_test_that_ends_its_process_is_told(begun_in_one):
    begun_in_one.run("bad", "class Bad:\n    def __repr__(self):\n        os._exit(0)")
    begun_in_one.run("made", "bad = Bad()")
    with begun_in_one.fork() as fork, pytest.raises(Gone):
        fork.ask({"repr": "bad"}, 10)
    assert goes_on(begun_in_one)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ""])
def test_a_file_cannot_be_put_outside(child, name):
    with pytest.raises(MachineryError, match="not a name inside"):
        child.put(name, b"x")


def test_too_large_a_file_is_refused(child):
    with pytest.raises(MachineryError, match="more than 5242880 bytes"):
        child.put("x", bytes(6 * MIB))


def end(zygote, *children):
    """Kill a fork server, and wait until it and what ends with it are gone."""
    pids = [zygote.server]
    for child in children:
        pids += [child.handles.pid, child._runner_pid]
    zygote._server._process.kill()
    zygote._server._process.wait()
    while any(map(processes.lives, pids)):
        time.sleep(0.001)


@pytest.mark.parametrize("tier", ["namespaces", "none"])
def test_a_fork_server_that_dies_is_started_again(tier, boot):
    boot(tier)  # or the test is skipped
    with Zygote(tier, imports=[]) as zygote:
        with zygote.child() as child:
            assert child.run("a", "1").finished
            end(zygote, child)
            assert child.run("b", "1").struck.limit == "ended"
        with zygote.child() as child:
            assert child.run("a", "1").finished
        assert len(zygote.restarts) == 1
