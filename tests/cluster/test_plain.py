"""What travels to a cluster is plain data, and arrives as what was sent."""

import contextlib
import pickle
import pickletools
from pathlib import Path

import nbformat
import pytest

from deltarule.errors import MachineryError
from deltarule.grading import plain
from deltarule.grading.paper import read_papers
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell
from deltarule.grading.results import Result, TestResult
from deltarule.grading.submission import Graded
from deltarule.grading.worker import Job, Task, environment_versions

TEST = PlannedCell("t", "double", "test", "assert double(21) == 42", "", points=2.0)
MAKES_OBJECTS = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"}


@pytest.fixture
def job(tmp_path):
    """A job of an assignment with a file."""
    data = tmp_path / "points.csv"
    data.write_text("1,2\n")
    metadata = nbformat.from_dict({"kernelspec": {"name": "python3"}})
    notebook = NotebookPlan("small", (TEST,), metadata, ("import math",))
    plan = AssignmentPlan("small", (notebook,), (("data/points.csv", data),), {}, "key")
    return Job(plan, environment=environment_versions(), secrets=(str(tmp_path),))


def opcodes(value):
    return {opcode.name for opcode, _, _ in pickletools.genops(pickle.dumps(value))}


def submission(folder, name="small.ipynb"):
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def double(n): ...")])
    nbformat.write(notebook, folder / name)
    return folder


def test_nothing_that_is_sent_makes_an_object(job, tmp_path):
    task = Task("ann", submission(tmp_path / "ann"), 7)
    assert not opcodes(plain.told_job(job)) & MAKES_OBJECTS
    assert not opcodes(plain.told_task(task)) & MAKES_OBJECTS
    assert opcodes(job) & MAKES_OBJECTS  # or the two lines above could not fail


def test_a_job_arrives_as_it_was(job, tmp_path):
    made = plain._job(plain.told_job(job), tmp_path / "there")
    assert made.plan.notebooks == job.plan.notebooks
    assert (made.tier, made.limits, made.allowance) == (job.tier, job.limits, job.allowance)
    ((name, path),) = made.plan.files
    assert (name, path.read_text()) == ("data/points.csv", "1,2\n")
    assert set(job.secrets) < set(made.secrets)


def spoil(folder, kind):
    path = folder / "small.ipynb"
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(200 * 2**20)
    elif kind == "renamed":
        (folder / "other.ipynb").write_bytes(content)
    else:
        path.write_bytes({"empty": b"", "latin-1": b'{"a": "\xe9"}', "whole": content}[kind])


@pytest.mark.parametrize(
    "kind", ["whole", "folder", "link", "large", "renamed", "empty", "latin-1"]
)
def test_a_worker_finds_in_a_submission_what_the_grader_would_find(job, tmp_path, kind):
    folder = submission(tmp_path / "ann")
    (folder / "notes.txt").write_text("not needed")
    spoil(folder, kind)
    there = tmp_path / "there"
    there.mkdir()
    told = plain.told_task(Task("ann", folder, 7))
    for name, mode, size, content in told["notebooks"]:
        plain._put(there / name, mode, size, content)
    here = read_papers(job.plan, folder, run_demos=False)
    assert read_papers(job.plan, there, run_demos=False) == here
    assert not (there / "notes.txt").exists()


class FakeWorker(contextlib.AbstractContextManager):
    """Remembers where its assignment's files were, and fails if it is told to."""

    at_work = 0
    places = ()

    def __init__(self, job):
        ((_, path),) = job.plan.files
        self.place = path.parents[1]
        FakeWorker.places += (self.place,)

    def __enter__(self):
        FakeWorker.at_work += 1
        return self

    def __exit__(self, *_):
        FakeWorker.at_work -= 1

    def grade(self, task):
        if task.student == "unlucky":
            raise MachineryError("no children to be had")
        assert self.place.is_dir()
        notebook = nbformat.from_dict({"cells": [], "metadata": {}})
        test = TestResult("small", "double", 2.0, 2.0, "passed", "grader")
        result = Result("small", task.student, "none", task.seed, 0.0, {}, (test,))
        return Graded(result, {"small": notebook})


@pytest.fixture
def fake_worker(monkeypatch):
    monkeypatch.setattr(plain, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "places", ())
    seat = plain._Seat()
    monkeypatch.setattr(plain, "_seat", seat)
    yield FakeWorker
    seat.leave()


def test_one_worker_grades_a_job_and_its_folder_goes_with_it(job, tmp_path, fake_worker):
    told = plain.told_job(job)
    for student in ("ann", "bob"):
        task = plain.told_task(Task(student, submission(tmp_path / student), 7))
        answer = plain.grade_told(told, task)
        assert answer["result"]["student"] == student
        assert not opcodes(answer) & MAKES_OBJECTS
    assert len(fake_worker.places) == fake_worker.at_work == 1
    other = plain.told_job(Job(job.plan, environment=job.environment, run_demos=True))
    plain.grade_told(other, task)
    first, second = fake_worker.places
    assert fake_worker.at_work == 1
    assert not first.exists()
    plain._seat.leave()
    assert fake_worker.at_work == 0
    assert not second.exists()


def test_after_a_failure_the_next_attempt_begins_afresh(job, tmp_path, fake_worker):
    told = plain.told_job(job)
    folder = submission(tmp_path / "ann")
    with pytest.raises(MachineryError, match="no children"):
        plain.grade_told(told, plain.told_task(Task("unlucky", folder, 7)))
    assert fake_worker.at_work == 0
    plain.grade_told(told, plain.told_task(Task("ann", folder, 7)))
    assert len(fake_worker.places) == 2


def test_a_worker_with_other_packages_or_code_refuses(job, tmp_path, fake_worker):
    task = plain.told_task(Task("ann", submission(tmp_path / "ann"), 7))
    told = plain.told_job(job)
    told["environment"] = told["environment"] | {"numpy": "1.0"}
    told["code"] = "0123456789abcdef"
    with pytest.raises(MachineryError, match=r"code \w{12} instead of 0123456789ab, numpy"):
        plain.grade_told(told, task)
    assert not fake_worker.places
    assert not list(Path(tmp_path).glob("deltarule-*"))
