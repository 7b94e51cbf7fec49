"""The same tasks on a ``dask.distributed`` cluster: plain data out, plain data back.

::

    grader ──job, submission's files──► scheduler ──► dask worker ──► fork server ──► child
       ▲                                                  │
       └──────────── result, graded notebooks ────────────┘

A worker needs Deltarule and the students' packages, and no access to the course: what it must know
of the assignment travels with the job. Whoever can talk to a cluster can run code on it. Therefore
it must speak TLS unless it is on this machine; children cannot reach it in any sandbox.
"""

from __future__ import annotations

import ipaddress
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deltarule.errors import MachineryError, UsageError
from deltarule.grading.child.settings import Limits
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell
from deltarule.grading.pool import ENDED
from deltarule.grading.results import Result
from deltarule.grading.submission import Allowance, Graded, given_up
from deltarule.grading.worker import Job, Task, Worker

__all__ = ["on_cluster"]

Plain = dict[str, Any]
LARGEST_SUBMISSION = 64 * 2**20
CONNECT_SECONDS = 20
WAITING = 2
RETRIES = 2

_lock = threading.Lock()
_worker: tuple[str, Worker] | None = None


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

    def schedule(job: Job, tasks: Iterable[Task], _: int) -> Iterator[Graded]:
        return _grade_all(parts.geturl(), job, tasks)

    return schedule


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _grade_all(address: str, job: Job, tasks: Iterable[Task]) -> Iterator[Graded]:
    from distributed import Client, as_completed

    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise MachineryError(f"no scheduler answers at {address}: {error}") from None
    with client:
        told = client.scatter(_told_job(job), broadcast=True, hash=False)
        waiting = iter(tasks)
        running: dict[Any, Task] = {}
        done = as_completed()

        def start_next() -> None:
            task = next(waiting, None)
            if task is not None:
                options = {"pure": False, "retries": RETRIES}
                future = client.submit(grade_told, told, _told_task(task), **options)
                running[future] = task
                done.add(future)

        for _ in range(max(1, WAITING * sum(client.nthreads().values()))):
            start_next()
        while running:
            future = next(done)
            task = running.pop(future)
            yield _outcome(future, job, task)
            future.release()
            start_next()


def _outcome(future: Any, job: Job, task: Task) -> Graded:
    error = future.exception()
    if error is None:
        told = future.result()
        return Graded(Result.from_json(told["result"]), told["notebooks"], told["lasting"])
    if type(error).__name__ == "KilledWorker":
        return given_up(job.plan, task.student, task.seed, job.environment, ENDED)
    raise MachineryError(f"the cluster could not grade {task.student}: {error}")


# -- as plain data ------------------------------------------------------------------------------


def _told_job(job: Job) -> Plain:
    plan = asdict(job.plan)
    plan["files"] = [[name, path.read_bytes()] for name, path in job.plan.files]
    return {**asdict(job), "plan": plan}


def _told_task(task: Task) -> Plain:
    """A submission with its notebooks; what is too large to be one is sent as a stump."""
    files, left = [], LARGEST_SUBMISSION
    for path in sorted(task.folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        left -= size
        files.append([path.name, path.read_bytes() if left >= 0 else None])
    return {"student": task.student, "seed": task.seed, "files": files}


def _job(told: Plain, folder: Path) -> Job:
    plan = told["plan"]
    files = []
    for name, content in plan["files"]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        files.append((name, path))
    notebooks = tuple(
        NotebookPlan(
            one["name"],
            tuple(PlannedCell(**cell) for cell in one["cells"]),
            one["metadata"],
            tuple(one["imports"]),
        )
        for one in plan["notebooks"]
    )
    return Job(
        AssignmentPlan(plan["assignment"], notebooks, tuple(files), plan["limits"], plan["key"]),
        told["tier"],
        Limits(**told["limits"]),
        Allowance(**told["allowance"]),
        told["environment"],
        told["run_demos"],
        (str(folder),),
    )


def grade_told(told: Plain, task: Plain) -> Plain:
    """Grade one submission where this is called; one at a time in a process."""
    global _worker
    with _lock:
        key = f"{told['plan']['key']} {told['tier']} {told['limits']} {told['allowance']}"
        if _worker is None or _worker[0] != key:
            if _worker is not None:
                _worker[1].__exit__()
            folder = Path(tempfile.mkdtemp(prefix="deltarule-job-"))
            _worker = key, Worker(_job(told, folder)).__enter__()
        with tempfile.TemporaryDirectory(prefix="deltarule-task-") as scratch:
            for name, content in task["files"]:
                path = Path(scratch, Path(name).name)
                if content is None:
                    with path.open("wb") as file:
                        file.truncate(LARGEST_SUBMISSION)
                else:
                    path.write_bytes(content)
            graded = _worker[1].grade(Task(task["student"], Path(scratch), task["seed"]))
        return {
            "result": graded.result.as_json(),
            "notebooks": graded.notebooks,
            "lasting": graded.lasting,
        }
