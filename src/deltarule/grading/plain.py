"""A job, a submission and what came of it as plain data, and the grading of it where it arrives.

Nothing of ours has to be unpickled to read them: dictionaries, lists, strings, bytes and numbers.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import socket
import stat
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deltarule.config import package_hash
from deltarule.errors import MachineryError
from deltarule.grading.child.settings import Limits
from deltarule.grading.handed_in import LARGEST_NOTEBOOK
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell
from deltarule.grading.submission import Allowance
from deltarule.grading.worker import Job, Task, Worker, environment_versions

__all__ = ["grade_told", "told_job", "told_task"]

Plain = dict[str, Any]

CODE = ("engine", "exchange", "judging", "grading")
"""Folders of this package whose code decides a result."""


def told_job(job: Job) -> Plain:
    """A job, with the files of its assignment and the versions that grading it needs."""
    plain: Plain = json.loads(json.dumps(asdict(job), default=str))
    key = hashlib.sha256(json.dumps(plain).encode()).hexdigest()
    plain["plan"]["files"] = [[name, path.read_bytes()] for name, path in job.plan.files]
    return {**plain, "key": key, "code": package_hash(*CODE)}


def told_task(task: Task) -> Plain:
    """A submission with its notebooks; of what can be none, only what it is.

    Raises:
        OSError: a notebook cannot be read.
    """
    found = []
    for path in sorted(task.folder.iterdir()):
        if not path.name.lower().endswith(".ipynb"):
            continue
        status = path.lstat()
        regular = stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_NOTEBOOK
        content = path.read_bytes() if regular else b""
        found.append([path.name, stat.S_IFMT(status.st_mode), status.st_size, content])
    return {"student": task.student, "seed": task.seed, "notebooks": found}


def grade_told(told: Plain, task: Plain) -> Plain:
    """Grade one submission where this is called; one at a time in a process.

    Raises:
        MachineryError: the sandbox fails, or what is installed here is not what the grader has.
    """
    with _seat.lock:
        worker = _seat.worker(told)
        try:
            with tempfile.TemporaryDirectory(dir=_room(), prefix="deltarule-task-") as scratch:
                for name, kind, size, content in task["notebooks"]:
                    _put(Path(scratch, Path(name).name), kind, size, content)
                graded = worker.grade(Task(task["student"], Path(scratch), task["seed"]))
        except MachineryError:
            _seat.leave()  # the next attempt begins afresh
            raise
    return {
        "result": graded.result.as_json(),
        "notebooks": json.loads(json.dumps(graded.notebooks)),
        "lasting": graded.lasting,
    }


def _put(path: Path, kind: int, size: int, content: bytes) -> None:
    """Make what was handed in, as far as grading looks at it."""
    if kind == stat.S_IFREG:
        path.write_bytes(content)
        os.truncate(path, size)
    elif kind == stat.S_IFDIR:
        path.mkdir()
    elif kind == stat.S_IFLNK:
        path.symlink_to("elsewhere")
    else:
        os.mkfifo(path)


class _Seat:
    """The one worker of this process, and the folder with its assignment's files."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open = contextlib.ExitStack()
        self.key = ""

    def worker(self, told: Plain) -> Worker:
        """The worker of this job; that of another one ends."""
        if self.key != told["key"]:
            self.leave()
            _see_same(told)
            made = tempfile.TemporaryDirectory(dir=_room(), prefix="deltarule-job-")
            folder = self.open.enter_context(made)
            self.at_work = self.open.enter_context(Worker(_job(told, Path(folder))))
            self.key = told["key"]
        return self.at_work

    def leave(self) -> None:
        """End the worker, and remove its folder."""
        self.key = ""
        self.open.close()


def _room() -> str | None:
    """Where dask keeps this worker's files: the next one removes those of a worker that died."""
    from distributed import get_worker

    try:
        return str(get_worker().local_directory)
    except ValueError:  # called where there is no cluster
        return None


_seat = _Seat()
atexit.register(_seat.leave)


def _see_same(told: Plain) -> None:
    """See that the grader would have found the same.

    Raises:
        MachineryError: with what is installed here and there.
    """
    here = environment_versions() | {"code": package_hash(*CODE)[:12]}
    there = told["environment"] | {"code": told["code"][:12]}
    wrong = [
        f"{name} {here.get(name, 'missing')} instead of {there.get(name, 'none')}"
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name)
    ]
    if wrong:
        raise MachineryError(
            f"the worker on {socket.gethostname()} has {', '.join(wrong)}; install there what the "
            "grader has, and start it again"
        )


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
        (str(folder), *told["secrets"]),
    )
