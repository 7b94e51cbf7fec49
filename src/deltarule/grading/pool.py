"""Many submissions at once: trusted worker processes, and what is done when one of them ends.

::

    grader ──task──► worker ──► fork server ──► child
       ▲───graded───┘  each with a line of its own

Each worker has the submission that it grades and one more, so that it never waits and memory does
not grow with the class. When it ends, another takes its place and the others go on; only the
submission that it was grading is suspect, and given up when three workers have ended with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

from deltarule.errors import DeltaruleError, MachineryError
from deltarule.grading.child import linux, processes
from deltarule.grading.plan import AssignmentPlan
from deltarule.grading.submission import Graded, given_up
from deltarule.grading.worker import ENDED, MOST_ATTEMPTS, Job, Task, Worker, die_with_parent

__all__ = ["Team", "grade_all", "sweep_orphans"]

WAITING = 2
"""Submissions that each worker has: one is graded, one waits."""

MOST_BOOTS = 3
"""How many workers in a row may end before they are ready."""

END_SECONDS = 5.0
"""How long workers may take to put their sandboxes away."""

DECIDE, READY = "decide", "ready"


def grade_all(team: Team, tasks: Iterable[Task], jobs: int) -> Iterator[Graded]:
    """Grade submissions, several at a time; outcomes come as they are ready.

    Args:
        team: with the job that they have in common.
        tasks: the submissions; taken one by one.
        jobs: how many are graded at a time.

    Raises:
        MachineryError: no sandbox holds, or workers do not start.
    """
    return _Round(team, tasks, jobs).outcomes()


class _Round:
    """All submissions of one run, on their way through a team."""

    def __init__(self, team: Team, tasks: Iterable[Task], jobs: int) -> None:
        self.team = team
        self.jobs = jobs
        self.fresh = iter(tasks)
        self.again: deque[Task] = deque()
        self.attempts: dict[str, int] = {}

    def outcomes(self) -> Iterator[Graded]:
        """What comes of each."""
        while self._hand_out():
            for hand in self.team.those_who_speak():
                told = hand.take()
                if isinstance(told, Graded):
                    yield told
                elif told is None:
                    yield from self._bury(hand)

    def _hand_out(self) -> bool:
        """Give everybody something to do; False if there is nothing left."""
        hands = self.team.hands
        while len(hands) < self.jobs or min(len(hand.tasks) for hand in hands) < WAITING:
            task = self.again.popleft() if self.again else next(self.fresh, None)
            if task is None:
                break
            idle = any(not hand.tasks for hand in hands)
            if len(hands) < self.jobs and not idle:
                self.team.hire()
            min(hands, key=lambda hand: len(hand.tasks)).give(task)
        return any(hand.tasks for hand in hands)

    def _bury(self, hand: _Hand) -> Iterator[Graded]:
        """Take back the tasks of a worker that ended; of these it had begun the first."""
        if hand.ready and hand.tasks:
            task = hand.tasks.popleft()
            attempts = self.attempts[task.student] = self.attempts.get(task.student, 0) + 1
            if attempts < MOST_ATTEMPTS:
                self.again.append(task)
            else:
                job = self.team.job
                yield given_up(job.plan, task.student, task.seed, job.environment, ENDED)
        self.again.extend(hand.tasks)
        self.team.bury(hand)


class Team:
    """The workers of a job, none before they are needed; a context manager that ends them all.

    Args:
        job: what their submissions have in common.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.hands: list[_Hand] = []
        self.failures = 0

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        end = time.monotonic() + END_SECONDS
        for hand in self.hands:
            hand.dismiss()
        for hand in self.hands:
            hand.see_off(end)

    def decide(self) -> AssignmentPlan:
        """The job's plan, with the place of each test decided by the reference solution.

        Raises:
            MachineryError: no sandbox holds, or the worker ends each time.
        """
        for _ in range(MOST_ATTEMPTS):
            hand = self.hire()
            hand.give(DECIDE)
            while (told := hand.take()) == READY:
                pass
            if isinstance(told, AssignmentPlan):
                return told
            self.bury(hand)
        raise MachineryError(
            f"the process that runs the solution of '{self.job.plan.assignment}' ended "
            f"{MOST_ATTEMPTS} times; see that this machine has memory left, then run this again"
        )

    def go_on_with(self, plan: AssignmentPlan) -> None:
        """Grade by this plan from now on."""
        self.job = replace(self.job, plan=plan)
        for hand in self.hands:
            hand.give(plan)

    def hire(self) -> _Hand:
        """Start one more worker."""
        hand = _Hand(self.job)
        self.hands.append(hand)
        return hand

    def bury(self, hand: _Hand) -> None:
        """Do without a worker that has ended.

        Raises:
            MachineryError: none gets ready.
        """
        self.hands.remove(hand)
        hand.see_off(0.0)
        self.failures = 0 if hand.ready else self.failures + 1
        if self.failures >= MOST_BOOTS:
            raise MachineryError(
                f"{self.failures} processes ended before they could grade anything (the last with "
                f"code {hand.process.exitcode}); see that this machine has memory left, then run "
                "this again"
            )

    def those_who_speak(self) -> list[_Hand]:
        """Wait until there is something to hear; a worker that has ended is heard, too."""
        by_line: dict[Any, _Hand] = {hand.line: hand for hand in self.hands}
        return [by_line[line] for line in wait(list(by_line))]


class _Hand:
    """One worker process, as the grader sees it.

    Attributes:
        tasks: what it has been given and has not given back, in order.
        ready: whether its fork server stands.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        with theirs:
            self.process = context.Process(
                target=_work, args=(theirs, job, os.getpid()), daemon=True
            )
            self.process.start()
        self.tasks: deque[Task] = deque()
        self.ready = False

    def give(self, task: Task | AssignmentPlan | str) -> None:
        """Send it something; whether it has ended is seen when it is listened to."""
        if isinstance(task, Task):
            self.tasks.append(task)
        with contextlib.suppress(OSError):
            self.line.send(task)

    def take(self) -> Any:
        """What it says: that it is ready, a plan, an outcome; None if it has ended.

        Raises:
            MachineryError: it says that it cannot go on.
        """
        try:
            told = self.line.recv()
        except (EOFError, OSError):
            return None
        if isinstance(told, DeltaruleError):
            raise told
        if told == READY:
            self.ready = True
        if isinstance(told, Graded):
            self.tasks.popleft()
        return told

    def dismiss(self) -> None:
        """Tell it to stop, whatever it does."""
        self.process.terminate()
        self.line.close()

    def see_off(self, end: float) -> None:
        """Wait for its end until then, and no longer."""
        self.process.join(max(0.0, end - time.monotonic()))
        self.process.kill()
        self.process.join()
        self.line.close()


# -- in the worker --------------------------------------------------------------------------------


def _work(line: Connection, job: Job, grader: int) -> NoReturn:
    """Grade what comes, until the grader hangs up or says stop."""
    code = 1
    try:
        die_with_parent(grader)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader is told by the same key
        signal.signal(signal.SIGTERM, _stop)
        _serve(line, job)
        code = 0
    except (EOFError, KeyboardInterrupt):
        code = 0
    except BaseException:  # noqa: BLE001 - a defect of ours, to be shown
        traceback.print_exc()
    finally:
        os._exit(code)  # all is put away; libraries would take a second to do the same


def _stop(*_: object) -> NoReturn:
    """Unwind, so that the sandbox is put away; once, or putting it away would be interrupted."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _serve(line: Connection, job: Job) -> None:
    try:
        with Worker(job) as worker:
            linux.subreaper()
            line.send(READY)
            while True:
                told = line.recv()
                if isinstance(told, AssignmentPlan):
                    worker.job = replace(job, plan=told)
                    continue
                boots = len(worker.zygote.restarts)
                line.send(worker.decide() if told == DECIDE else worker.grade(told))
                if len(worker.zygote.restarts) > boots:
                    sweep_orphans(worker.zygote.server)
    except DeltaruleError as error:
        _tell(line, error)
    except OSError as error:
        said = "see that this machine has room on its disk and memory left, then run this again"
        _tell(line, MachineryError(f"a process that grades failed: {error}; {said}"))


def sweep_orphans(server: int) -> None:
    """End what students' code left running when its fork server was killed.

    Without a namespace it does not end with it: its parent is this process then.

    Args:
        server: the process that is to stay; every other child of this process ends.
    """
    for pid in processes.children(os.getpid()):
        if pid != server:
            processes.sweep(pid, keep=())
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _tell(line: Connection, error: DeltaruleError) -> None:
    """An error, for the grader to raise; one that is not there any more needs none."""
    error.__cause__ = error.__context__ = None
    with contextlib.suppress(OSError):
        line.send(error)
