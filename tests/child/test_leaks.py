"""A class is long: nothing is left over of a submission, and nobody else is taken for one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deltarule.grading.child import processes
from deltarule.grading.sandbox.cell_outcomes import claimed
from deltarule.grading.sandbox.channel import Gone
from deltarule.grading.sandbox.forks import opened
from deltarule.grading.sandbox.zygote import Zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def held(zygote):
    """Open files of the grader, and folders of the fork server."""
    return descriptors(), sorted(zygote._server.place.iterdir())


def use(child):
    child.put("data.csv", b"1")
    child.run("a", "import os\nx = int('1')\nopen('new', 'w').close()")
    child.run("b", "os._exit(1)")
    with child.fork() as fork:
        assert fork.ask({"repr": "x"}, 10) == {"repr": "1"}
    child.run("c", "if os.fork() == 0:\n    os.setsid()\n    import time; time.sleep(1000)")
    child.run("d", "os.register_at_fork(after_in_child=lambda: os._exit(0))")
    with pytest.raises(Gone):
        child.fork()


def settled(server, count):
    """Whether the fork server has so few processes below it, after a moment."""
    end = time.monotonic() + 10
    while len(processes.descendants(server)) > count and time.monotonic() < end:
        time.sleep(0.01)
    return len(processes.descendants(server)) == count


def test_nothing_is_left_of_submissions(sandbox):
    with sandbox.child() as child:
        use(child)
    assert settled(sandbox.server, 0)
    before = held(sandbox)
    for _ in range(4):
        with sandbox.child() as child:
            use(child)
    assert settled(sandbox.server, 0)
    end = time.monotonic() + 10  # folders are swept after the processes
    while held(sandbox) != before and time.monotonic() < end:
        time.sleep(0.01)
    assert held(sandbox) == before
    assert sandbox._slots == set()


def test_a_process_that_one_look_has_missed_is_swept(boot, monkeypatch):
    """A look misses whoever is handed on to another parent while the table is read."""
    zygote = boot("none")
    source = "import os, signal, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\n"
    family, missed = zygote._server._family, []

    def look(really=family.look):
        if not missed:
            missed.extend(processes.descendants(zygote.server))
            return {}
        return really()

    monkeypatch.setattr(family, "look", look)
    with zygote.child() as child:
        child.run("a", source)
        child.run("b", f"os.kill({child.handles.pid}, signal.SIGKILL)")
    assert missed
    assert settled(zygote.server, 0)


def test_dead_children_are_buried(boot):
    zygote = boot("none")
    for _ in range(3):
        with zygote.child() as child:
            child.run("a", "1")
    end = time.monotonic() + 10
    numbers = processes._numbers()
    while any(processes._state_and_parent(pid)[1] == zygote.server for pid in numbers):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_ending_a_submission_twice_ends_no_other(boot):
    zygote = boot("none")
    first = zygote.child()
    first.close()
    with zygote.child() as second:
        second.run("a", "x = 1")
        first.close()
        assert second.run("b", "x").outputs[0]["data"]["text/plain"] == "1"
        assert len(zygote._slots) == 1


def test_a_submission_may_outlive_its_fork_server(boot):
    boot("none")
    with Zygote("none", imports=[], exchange=None) as zygote:
        before = descriptors()
        old = zygote.child()
        zygote._server._process.kill()
        zygote._server._process.wait()
        with zygote.child() as new:
            old.close()
            assert new.run("a", "1").finished
        assert descriptors() == before
        late = zygote.child()
    late.close()
    assert late.run("a", "1").struck.limit == "ended"


def test_a_closed_server_makes_no_child(boot):
    boot("none")
    zygote = Zygote("none", imports=[], exchange=None)
    with zygote:
        pass
    with pytest.raises(Exception, match="closed"):
        zygote.child()


def test_a_stranger_s_number_is_never_taken_for_a_submission_s(open_child):
    open_child.run("a", "1")
    family = processes.Family(open_child.handles.pid)
    os.close(opened(family, open_child._runner_pid))
    for stranger in (os.getpid(), 1, 2**22 + 5):
        with pytest.raises(Gone, match="has ended"):
            opened(family, stranger)


def test_a_family_is_found_again_and_again():
    family = processes.Family(os.getpid())
    before = set(family.look())
    script = "sleep 100 & (sleep 100 & wait) & wait"
    with subprocess.Popen(["sh", "-c", script]) as started:
        while len(processes.descendants(started.pid)) < 3:
            time.sleep(0.01)
        for _ in range(processes.LOOKS_BEFORE_ALL_ARE_READ + 2):
            assert started.pid in set(family.look()) - before
            below = family.below(started.pid)
            assert below == set(processes.descendants(started.pid))
        processes.sweep(started.pid, keep=())
        started.kill()
    assert set(family.look()) == before


def test_where_memory_runs_out_submissions_are_killed_first(child):
    child.run("a", "1")
    for pid in (child.handles.pid, child._runner_pid):
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n"


def test_what_a_process_claims_is_kept_short():
    told = {"type": "E" * 10**5, "message": "m" * 10**5, "cell": "c" * 10**5, "line": 10**30}
    outcome = claimed("a", [], {"error": told, "count": True}, 0.1)
    assert (outcome.count, outcome.error.line) == (None, 0)
    assert len(outcome.error.type + outcome.error.message + outcome.error.cell) <= 3000


def test_the_exchange_answers_in_forks(boot, tmp_path):
    boot("none")
    tmp_path.chmod(0o755)
    (tmp_path / "__init__.py").touch()
    (tmp_path / "objects.py").write_text(
        "from . import words\n"
        "def serve(channel, namespace):\n"
        "    while channel.recv(1):\n"
        "        channel.sendall((words.HELLO + namespace['x']).encode())\n"
    )
    (tmp_path / "words.py").write_text("HELLO = 'hello '")
    with Zygote("none", imports=[], exchange=tmp_path) as zygote, zygote.child() as child:
        child.run("a", "x = 'fork'")
        with child.fork() as fork:
            fork.write(b"?", 10)
            assert fork.exactly(10, 10) == b"hello fork"
