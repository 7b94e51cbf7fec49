"""Many submissions at once: trusted worker processes, and what is done when one of them dies.

Only a few submissions more than there are workers are under way at a time, so that memory does not
grow with the class. A submission whose worker dies is graded by another; one that takes three
workers along is given up, and that is its result.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from deltarule.grading.plan import AssignmentPlan
from deltarule.grading.submission import Graded, given_up
from deltarule.grading.worker import Job, Task, Worker, die_with_parent

__all__ = ["ENDED", "decide", "grade_all"]

MOST_ATTEMPTS = 3
ENDED = "the process that graded this submission ended each time; please look at it by hand"
WAITING = 2
"""Submissions under way for each worker: one is graded, one waits."""

_worker: Worker | None = None


def _start(job: Job) -> None:
    """Make this process a worker."""
    global _worker
    die_with_parent()
    _worker = Worker(job).__enter__()


def _grade(task: Task) -> Graded:
    assert _worker is not None
    return _worker.grade(task)


def _decide() -> AssignmentPlan:
    assert _worker is not None
    return _worker.decide()


def _pool(job: Job, jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(job,))


def decide(job: Job) -> AssignmentPlan:
    """The job's plan, with the place of each test decided by the reference solution."""
    with _pool(job, 1) as pool:
        return pool.submit(_decide).result()


def grade_all(job: Job, tasks: Iterable[Task], jobs: int) -> Iterator[Graded]:
    """Grade submissions, several at a time; outcomes come as they are ready.

    Args:
        job: what they have in common.
        tasks: the submissions; taken one by one.
        jobs: how many are graded at a time.
    """
    waiting = iter(tasks)
    suspects: list[Task] = []  # their worker died: each is graded alone, then the class goes on
    attempts: dict[str, int] = {}
    while True:
        first = suspects.pop(0) if suspects else next(waiting, None)
        if first is None:
            return
        alone = first.student in attempts
        todo = iter([first]) if alone else itertools.chain([first], waiting)
        under_way: dict[Future[Graded], Task] = {}
        with _pool(job, 1 if alone else jobs) as pool:
            try:
                yield from _graded_by(pool, todo, under_way, 1 if alone else jobs * WAITING)
            except BrokenProcessPool:
                for task in under_way.values():
                    attempts[task.student] = attempts.get(task.student, 0) + 1
                    if attempts[task.student] < MOST_ATTEMPTS:
                        suspects.append(task)
                    else:
                        yield given_up(job.plan, task.student, task.seed, job.environment, ENDED)
            except GeneratorExit:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _graded_by(
    pool: ProcessPoolExecutor,
    todo: Iterator[Task],
    under_way: dict[Future[Graded], Task],
    most: int,
) -> Iterator[Graded]:
    """Outcomes as they come; whatever is under way stays there if the pool breaks."""
    while True:
        while len(under_way) < most and (task := next(todo, None)) is not None:
            try:
                under_way[pool.submit(_grade, task)] = task
            except BrokenProcessPool:
                under_way[Future()] = task
                raise
        if not under_way:
            return
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            graded = future.result()
            del under_way[future]
            yield graded
