"""The same tasks on a ``dask.distributed`` cluster: plain data out, plain data back.

::

    grader ──job, submission's files──► scheduler ──► dask worker ──► fork server ──► child
       ▲                                                  │
       └──────────── result, graded notebooks ────────────┘

A worker needs Deltarule and the students' packages, the same as the grader has, and no access to
the course: what it must know of the assignment travels with the job. Each grades one submission at
a time, so that workers are started with ``--nthreads 1``, one for each processor.

Whoever can talk to a cluster can run code on it. Therefore it must speak TLS unless it is on this
machine; children cannot reach it in any sandbox. Certificates are dask's business: scheduler and
workers take them as options, the grader from dask's configuration, a file or variables::

    dask scheduler --protocol tls --tls-ca-file ca.pem --tls-cert grading.pem --tls-key grading.key
    dask worker tls://grader.example.org:8786 --nthreads 1 --tls-ca-file ... (the same three)

    export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=ca.pem
    export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=grading.pem
    export DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=grading.key
    deltarule grade lab04 --scheduler tls://grader.example.org:8786

Everybody with a certificate of that authority is trusted, so it should be one for grading only.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any
from urllib.parse import urlsplit

from deltarule.errors import MachineryError, UsageError
from deltarule.grading.plain import grade_told, told_job, told_task
from deltarule.grading.pool import Team
from deltarule.grading.results import Result
from deltarule.grading.submission import Graded, given_up
from deltarule.grading.worker import ENDED, Job, Task

__all__ = ["on_cluster"]

CONNECT_SECONDS = 10

WORKER_SECONDS = 60
"""How long to wait for a worker where there is none; a machine may be starting again."""

LOOK_SECONDS = 5
"""Between two looks at the workers."""

WAITING = 2
"""Submissions that each worker has: one is graded, one waits."""

RETRIES = 2
"""How often a submission is tried again after an error of the machinery."""


def on_cluster(address: str) -> Any:
    """A schedule that grades on the cluster of a scheduler.

    Args:
        address: of the scheduler, e.g. ``tls://grader.example.org:8786``.

    Raises:
        UsageError: the cluster is elsewhere and does not speak TLS, or dask is not installed.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme != "tls" and not _is_here(parts.hostname or ""):
        raise UsageError(
            f"{address} is another machine: start the scheduler with TLS and write tls://…, since "
            "whoever can talk to it can run code on its workers"
        )
    try:
        import distributed  # noqa: F401 - only to say so early
    except ImportError:
        raise UsageError("--scheduler needs dask: pip install 'deltarule[cluster]'") from None

    def schedule(team: Team, tasks: Iterable[Task], _: int) -> Iterator[Graded]:
        return _grade_all(parts.geturl(), team.job, tasks)

    return schedule


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _grade_all(address: str, job: Job, tasks: Iterable[Task]) -> Iterator[Graded]:
    lost = (
        f"the scheduler at {address} does not answer any more; see that it runs. What was graded "
        "is on record; run the same command to go on"
    )
    with _connected(address) as client, client.as_current():
        try:
            yield from _Round(client, address, job, tasks).outcomes()
        except (OSError, CancelledError) as error:
            raise MachineryError(lost) from error


def _connected(address: str) -> Any:
    from distributed import Client

    if address.startswith("tls:"):
        _see_certificates(address)
    for name in ("distributed.client", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they tell at length, we say
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise MachineryError(f"no scheduler answers at {address}: {error}") from None


def _see_certificates(address: str) -> None:
    """See that dask is configured for TLS; a client that is not keeps trying.

    Raises:
        UsageError: it is not.
    """
    from distributed.security import Security

    try:
        found = Security().get_connection_args("client")["ssl_context"] is not None
        said = "dask knows no certificates"
    except (OSError, ValueError) as error:  # no such file, or it holds something else
        found, said = False, str(error)
    if not found:
        raise UsageError(
            f"{address} cannot be used: {said}; say where they are, for instance by the variables "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY"
        )


class _Round:
    """All submissions of one run, on their way through a cluster."""

    def __init__(self, client: Any, address: str, job: Job, tasks: Iterable[Task]) -> None:
        self.client = client
        self.address = address
        self.job = job
        self.tasks = iter(tasks)
        self.running: dict[Any, Task] = {}
        self.seen = time.monotonic()

    def outcomes(self) -> Iterator[Graded]:
        """What comes of each, as it is ready."""
        # A task, and no data scattered once: where its worker ends, the scheduler runs it again.
        told = self.client.submit(dict, told_job(self.job), pure=False)
        while True:
            room = WAITING * self._workers() - len(self.running)
            while room > 0 and (task := next(self.tasks, None)) is not None:
                try:
                    sent = told_task(task)
                except OSError as error:
                    yield self._given_up(task, f"{error.filename}: {error.strerror}")
                    continue
                options = {"pure": False, "retries": RETRIES}
                self.running[self.client.submit(grade_told, told, sent, **options)] = task
                room -= 1
            if room > 0 and not self.running:
                return
            for future in self._done():
                yield self._outcome(future, self.running.pop(future))
                future.release()

    def _workers(self) -> int:
        """How many there are, at the least one after a while.

        Raises:
            MachineryError: none comes.
        """
        while not (count := len(self.client.nthreads())):
            missed = time.monotonic() - self.seen
            if missed > WORKER_SECONDS:
                raise MachineryError(
                    f"the scheduler at {self.address} has had no worker for {missed:.0f} s; start "
                    f"one with 'dask worker {self.address} --nthreads 1', then run this again"
                )
            time.sleep(min(1.0, WORKER_SECONDS / 10))
        self.seen = time.monotonic()
        return count

    def _done(self) -> list[Any]:
        """Wait for outcomes; none if it is time to look at the workers."""
        from distributed import wait

        try:
            done = wait(list(self.running), timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED")
        except TimeoutError:
            return []
        return list(done.done)

    def _outcome(self, future: Any, task: Task) -> Graded:
        error = future.exception()
        if error is None:
            told = future.result()
            return Graded(Result.from_json(told["result"]), told["notebooks"], told["lasting"])
        if type(error).__name__ == "KilledWorker":
            return self._given_up(task, ENDED)
        raise MachineryError(f"the cluster could not grade {task.student}: {error}")

    def _given_up(self, task: Task, why: str) -> Graded:
        return given_up(self.job.plan, task.student, task.seed, self.job.environment, why)
