"""What a grading process does: boot a fork server once, then grade one submission after another.

A worker is a trusted process of its own, on this machine or on one of a cluster. It is given plain
data and gives plain data back; it never opens the gradebook.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deltarule.errors import MachineryError
from deltarule.grading.child import processes
from deltarule.grading.child.settings import Limits
from deltarule.grading.plan import AssignmentPlan, modules_to_warm
from deltarule.grading.sandbox.zygote import Zygote
from deltarule.grading.submission import (
    Allowance,
    Graded,
    given_up,
    grade_reference,
    grade_submission,
)

__all__ = [
    "ENDED",
    "MOST_ATTEMPTS",
    "Job",
    "Task",
    "Worker",
    "die_with_parent",
    "environment_versions",
]

PR_SET_PDEATHSIG = 1
PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "matplotlib", "ipython", "deltarule")

MOST_ATTEMPTS = 3
"""How often a submission is tried when what grades it ends: then it is given up."""

ENDED = "the process that graded this submission ended each time; please look at it by hand"


@dataclass(frozen=True)
class Job:
    """What all submissions of one grading run have in common.

    Attributes:
        plan: of the assignment.
        tier: the sandbox, or ``auto``.
        limits: of one submission's memory, processes, files and outputs.
        allowance: of its time.
        environment: versions, for the record.
        run_demos: whether cells that only show something are run.
        secrets: files and folders that no child may see.
    """

    plan: AssignmentPlan
    tier: str = "auto"
    limits: Limits = field(default_factory=Limits)
    allowance: Allowance = field(default_factory=Allowance)
    environment: dict[str, str] = field(default_factory=dict)
    run_demos: bool = False
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One submission: whose, where its files are, and the seed of the secret inputs."""

    student: str
    folder: Path
    seed: int


class Worker:
    """Grades submissions of one job; a context manager that ends its fork server.

    Args:
        job: what all submissions have in common.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.zygote = Zygote(
            job.tier,
            secrets=job.secrets,
            limits=job.limits,
            imports=modules_to_warm(job.plan),
        )

    def __enter__(self) -> Worker:
        try:
            with ThreadPoolExecutor(1) as aside:
                booted = aside.submit(self.zygote.start)
                _warm()
                booted.result()
        except BaseException:
            self.zygote.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.zygote.close()

    def grade(self, task: Task) -> Graded:
        """Grade one submission.

        Where a process was lost, somebody else may have ended it: the submission is graded once
        more, and what comes then counts. Where the fork server was lost, the submission has no part
        in it, and nothing that came of it counts.

        Raises:
            MachineryError: there are no children to be had.
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            boots = len(self.zygote.restarts)
            try:
                graded = self._attempt(task)
            except MachineryError:
                if attempt == MOST_ATTEMPTS:
                    raise
                continue
            unharmed = boots == len(self.zygote.restarts) and processes.lives(self.zygote.server)
            if not graded.lost or (unharmed and attempt > 1):
                return graded
        return given_up(self.job.plan, task.student, task.seed, self.job.environment, ENDED)

    def _attempt(self, task: Task) -> Graded:
        job = self.job
        return grade_submission(
            job.plan,
            task.folder,
            task.student,
            zygote=self.zygote,
            seed=task.seed,
            allowance=job.allowance,
            environment=job.environment,
            run_demos=job.run_demos,
        )

    def decide(self) -> AssignmentPlan:
        """The plan, with the place of each test decided by the reference solution."""
        return grade_reference(self.job.plan, self.zygote, self.job.allowance)


def _warm() -> None:
    """Import what tests use while the fork server boots, and keep the collector away from it."""
    import deltarule.judging  # noqa: F401

    with contextlib.suppress(ModuleNotFoundError):  # a course without networks needs no torch
        import torch

        torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def die_with_parent(parent: int) -> None:
    """Be ended by the kernel when the process that started this one is (Linux).

    Args:
        parent: its process id, since it may have ended already.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def environment_versions() -> dict[str, str]:
    """Versions that a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
