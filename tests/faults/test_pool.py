"""Workers that end, seen from the pool: who is suspect, who takes over, and when it is enough."""

import subprocess
import sys
import textwrap
from collections import deque

import pytest

from deltarule.errors import MachineryError
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell
from deltarule.grading.pool import Team, grade_all
from deltarule.grading.results import Result
from deltarule.grading.submission import Graded
from deltarule.grading.worker import ENDED, Job, Task

TEST = PlannedCell("t", "double", "test", "", "", points=2.0)
PLAN = AssignmentPlan("small", (NotebookPlan("small", (TEST,), {}, ()),), (), {}, "")


class Hand:
    """A worker without a process: it ends with a poisonous task, or before it is ready."""

    def __init__(self, poison, boots):
        self.poison, self.boots = poison, boots
        self.tasks, self.ready = deque(), False
        self.process = self
        self.exitcode = -9

    def give(self, task):
        self.tasks.append(task)

    def take(self):
        if not self.boots:
            return None
        if not self.ready:
            self.ready = True
            return "ready"
        if self.tasks[0].student in self.poison:
            return None
        task = self.tasks.popleft()
        return Graded(Result("small", task.student, "none", task.seed, 0.0, {}), {})

    def dismiss(self):
        pass

    def see_off(self, end):
        pass


class FakeTeam(Team):
    def __init__(self, poison=(), boots=True):
        super().__init__(Job(PLAN))
        self.poison, self.boots = poison, boots
        self.hired = 0

    def hire(self):
        self.hired += 1
        self.hands.append(Hand(self.poison, self.boots))
        return self.hands[-1]

    def those_who_speak(self):
        return [hand for hand in self.hands if hand.tasks][:1]


def tasks(tmp_path, count, taken=None):
    for number in range(count):
        if taken is not None:
            taken.append(number)
        yield Task(f"s{number}", tmp_path, number)


def test_a_submission_that_takes_three_workers_along_is_given_up_and_no_other(tmp_path):
    with FakeTeam(poison={"s3"}) as team:
        found = {one.result.student: one for one in grade_all(team, tasks(tmp_path, 10), 2)}
    assert sorted(found) == [f"s{number}" for number in range(10)]
    assert [student for student, one in found.items() if not one.lasting] == ["s3"]
    assert [test.message for test in found["s3"].result.tests] == [ENDED]


def test_workers_that_never_get_ready_end_the_run(tmp_path):
    with (
        FakeTeam(boots=False) as team,
        pytest.raises(MachineryError, match="3 processes ended before they could grade"),
    ):
        list(grade_all(team, tasks(tmp_path, 10), 2))


def test_only_a_few_submissions_are_under_way_however_large_the_class(tmp_path):
    taken = []
    with FakeTeam() as team:
        for number, _ in enumerate(grade_all(team, tasks(tmp_path, 100, taken), 3), 1):
            assert len(taken) <= number + 3 * 2
    assert len(taken) == 100


def test_no_more_workers_than_submissions(tmp_path):
    with FakeTeam() as team:
        assert len(list(grade_all(team, tasks(tmp_path, 2), 8))) == 2
    assert team.hired == 2


def test_what_students_left_running_ends_when_its_fork_server_was_killed():
    """Detached processes, whose parent is the worker when the fork server is not there any more."""
    program = textwrap.dedent("""
        import os, subprocess, sys
        from deltarule.grading.child import linux, processes
        from deltarule.grading.pool import sweep_orphans

        linux.subreaper()
        detached = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"
        subprocess.run([sys.executable, "-c", detached], check=True)
        server = subprocess.Popen(["sleep", "60"])
        before = len(processes.children(os.getpid()))
        sweep_orphans(server.pid)
        print(before, processes.children(os.getpid()) == [server.pid])
        server.kill()
        server.wait()
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("2 True\n", "")
