"""The course that is attacked, built once, and a class in which everybody but a few attacks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest

from deltarule.bridge.build import build_assignment
from deltarule.config import Course
from deltarule.errors import SandboxError
from deltarule.grading.child import linux, processes
from deltarule.grading.classroom import Grading, GradingSettings
from deltarule.grading.results import Result

from .hand import ATTACKS, SECRET, Target, hand_in
from .submissions import channel  # noqa: F401 - registers the attacks

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HONEST = ("aaa_honest", "mmm_honest", "zzz_honest")
"""They hand in the solution, and are graded before, among and after the attackers."""

LIMITS = {
    "cell_seconds": 1.5,
    "test_seconds": 2.5,
    "submission_seconds": 15,
    "memory_mb": 800,
    "output_mb": 1,
    "disk_mb": 40,
    "file_mb": 20,
    "processes": 40,
}
JOBS = 4
"""Most of an attack's time is waiting for a limit."""


@dataclass(frozen=True)
class Graded:
    """What came of a class.

    Attributes:
        course: with gradebook and autograded notebooks.
        target: what was aimed at.
        results: by student.
        seconds: all of it took.
        left: processes that were there when all was graded, and should not be.
    """

    course: Course
    target: Target
    results: dict[str, Result]
    seconds: float
    left: list[int]

    def notebook(self, student: str) -> dict[str, Any] | None:
        """The graded notebook; None for one that could not be read."""
        path = self.course.root / "autograded" / student / "bank" / "bank.ipynb"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The course, released."""
    root = tmp_path_factory.mktemp("attacked") / "course"
    shutil.copytree(HERE / "course", root)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    course = Course(root)
    build_assignment(course, "bank", say=lambda _: None)
    return course


@pytest.fixture(scope="session")
def solution(built: Course) -> dict[str, Any]:
    """The notebook that earns everything."""
    text = (built.solutions / "bank" / "bank.ipynb").read_text(encoding="utf-8")
    return dict(json.loads(text))


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def graded(
    request: pytest.FixtureRequest,
    built: Course,
    solution: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Graded]:
    """All attacks, graded as one class in a sandbox."""
    if sys.platform != "linux":
        pytest.skip("sandboxes need Linux")
    course = Course(tmp_path_factory.mktemp(request.param) / "course")
    shutil.copytree(built.root, course.root)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("DELTARULE_TEST_SECRET", SECRET)
        target = _target(course, open_folder(tmp_path_factory), stack)
        for name in HONEST:
            hand_in(None, solution, course.submitted / name / "bank", target)
        for one in ATTACKS.values():
            hand_in(one, solution, course.submitted / one.name / "bank", target)
        yield _graded(course, target, request.param)


def open_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that any user of the machine may use, so that only a sandbox keeps one out."""
    folder = tmp_path_factory.mktemp("open")
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.geteuid() and one != Path("/"):
            one.chmod(one.stat().st_mode | 0o011)
    folder.chmod(0o777)
    (folder / "canary").write_text("sings")
    (folder / "canary").chmod(0o666)
    return folder


def _target(course: Course, outside: Path, stack: ExitStack) -> Target:
    tcp = stack.enter_context(socket.socket())
    tcp.bind(("127.0.0.1", 0))
    unix = stack.enter_context(socket.socket(socket.AF_UNIX))
    name = f"deltarule-attacks-{os.getpid()}"
    unix.bind(f"\0{name}")
    for one in (tcp, unix):
        one.listen(8)
    return Target(course.root, outside, os.getpid(), tcp.getsockname()[1], name)


def _graded(course: Course, target: Target, tier: str) -> Graded:
    resource_tracker.ensure_running()  # Python's own; it lives on
    linux.subreaper()  # whoever outlives the graders becomes our child, and is seen
    before = set(processes.descendants(os.getpid()))
    settings = GradingSettings(seed=3, jobs=JOBS, sandbox=tier, limits=LIMITS)
    began = time.monotonic()
    try:
        grading = Grading.of_course(course, "bank", settings=settings)
        results = {result.student: result for result in grading.grade()}
    except SandboxError as error:
        pytest.skip(str(error))
    seconds = time.monotonic() - began
    left = set(processes.descendants(os.getpid())) - before
    return Graded(course, target, results, seconds, sorted(left))
