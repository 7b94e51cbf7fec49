"""The class of attackers, graded once for each sandbox and each kind of user.

Grading is a process of its own, since it may run as another user of this machine:
``python -m tests.attacks.attacked_class PLACE TIER ROWS``, where ``PLACE`` holds the built course.
It leaves the graded course and ``class.json`` there.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from deltarule.bridge.build import build_assignment
from deltarule.config import Course
from deltarule.errors import SandboxError
from deltarule.grading.child import linux, processes
from deltarule.grading.classroom import Grading, GradingSettings
from deltarule.grading.results import Result

from .hand import SECRET, Attack, Target, hand_in
from .submissions import ATTACKS, machine

__all__ = ["HONEST", "LIMITS", "SETTINGS", "Graded", "NotPossibleError", "Setting"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODULE = "tests.attacks.attacked_class"
AS_USER = HERE.parent / "child" / "as_user.py"
USER = 54321
"""The plain user of ``as_user.py``."""

HONEST = (
    "aaa_honest",
    *("fork_bomb_beside", "kills_all_it_can_beside", "memory_bomb_beside"),
    "zzz_honest",
)
"""They hand in the solution, and are graded before, beside and after the attackers."""

LIMITS = {
    "cell_seconds": 3,
    "test_seconds": 6,
    "submission_seconds": 40,
    "memory_mb": 800,
    "output_mb": 1,
    "disk_mb": 40,
    "file_mb": 20,
    "processes": 40,
}
JOBS = 3
"""On two cores; most of an attack's time is waiting for a limit."""

LONGEST = 900.0
"""Seconds after which a class that is not graded fails."""


class NotPossibleError(Exception):
    """This machine cannot grade in that way; the text says what is missing."""


@dataclass(frozen=True)
class Setting:
    """Who grades which attacks in which sandbox.

    Attributes:
        user: ``root`` or ``plain``.
        tier: the sandbox.
        is_whole: whether all attacks are in the class, or only those at the machine.
    """

    user: str
    tier: str
    is_whole: bool

    def __str__(self) -> str:
        return f"{self.tier}-{self.user}"

    @property
    def attacks(self) -> dict[str, Attack]:
        """By name."""
        rows = machine.HARD if not self.is_whole else {one.row for one in ATTACKS.values()}
        return {name: one for name, one in ATTACKS.items() if one.row in rows}


def settings_of_this_user() -> list[Setting]:
    """Root can grade as a plain user, too; a plain user only as one.

    Each sandbox meets the whole class once. What a test's values can do does not hang on who
    grades, what the machine permits does: so the other user meets the attacks at the machine.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return [
            Setting("root", "namespaces", True),
            Setting("plain", "landlock", True),
            Setting("plain", "namespaces", False),
            Setting("root", "landlock", False),
        ]
    return [Setting("plain", "namespaces", True), Setting("plain", "landlock", True)]


SETTINGS = settings_of_this_user()


@dataclass(frozen=True)
class Graded:
    """What came of a class.

    Attributes:
        setting: how it was graded.
        course: with gradebook and autograded notebooks.
        where: the course's folder while it was graded.
        outside: the folder that everybody could write into.
        results: by student.
        left: processes that were there when all was graded, and should not be.
        seconds: all of it took.
    """

    setting: Setting
    course: Course
    where: str
    outside: Path
    results: dict[str, Result]
    left: list[int]
    seconds: float

    def notebook(self, student: str) -> dict[str, Any] | None:
        """The graded notebook; None for one that could not be read."""
        path = self.course.root / "autograded" / student / "bank" / "bank.ipynb"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def build(root: Path) -> None:
    """Build the course that is attacked."""
    shutil.copytree(HERE / "course", root)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    build_assignment(Course(root), "bank", say=lambda _: None)


def graded_class(setting: Setting, built: Path, kept: Path) -> Graded:
    """Have a class graded.

    Args:
        setting: how.
        built: the course's folder.
        kept: a folder to be made, in which everything stays.

    Raises:
        NotPossibleError: not on this machine.
    """
    # A folder that any user of the machine can reach, so that only a sandbox keeps one out.
    place = Path(tempfile.mkdtemp(prefix="deltarule-attacked-"))
    try:
        place.chmod(0o755)
        shutil.copytree(built, place / "course")
        said = _run(setting, place)
        if not (place / "class.json").is_file():
            raise AssertionError(f"the class was not graded: {said}")
        shutil.move(place, kept)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return read(setting, kept)


def read(setting: Setting, kept: Path) -> Graded:
    """What came of a class that was graded before.

    Raises:
        NotPossibleError: it could not be.
    """
    told = json.loads((kept / "class.json").read_text(encoding="utf-8"))
    if "impossible" in told:
        raise NotPossibleError(told["impossible"])
    results = {one["student"]: Result.from_json(one) for one in told["results"]}
    course = Course(kept / "course")
    return Graded(
        setting, course, told["where"], kept / "open", results, told["left"], told["seconds"]
    )


def _run(setting: Setting, place: Path) -> str:
    command = [sys.executable, "-m", MODULE, str(place), setting.tier, str(setting.is_whole)]
    is_root = os.geteuid() == 0
    if is_root and (setting.user, setting.tier) != ("root", "namespaces"):
        if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
            raise NotPossibleError("mounts are not allowed here, not even to root")
        command = [sys.executable, str(AS_USER), setting.user, *command]
    if is_root and setting.user == "plain":
        for path in (place, *place.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
    environment = {**os.environ, "DELTARULE_TEST_SECRET": SECRET, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LONGEST,
        check=False,
    )
    return f"{done.stdout[-2000:]}{done.stderr[-4000:]}"


# -- in the process that grades -------------------------------------------------------------------


def main(place: Path, tier: str, is_whole: bool) -> None:
    """Hand everything in, grade it, and write down what came of it."""
    user = "root" if os.geteuid() == 0 else "plain"
    setting = Setting(user, tier, is_whole)
    course = Course(place / "course")
    with aimed_at(course, place / "open") as target:
        everybody_hands_in(course, setting.attacks, target)
        try:
            told = _graded(course, tier)
        except SandboxError as error:
            told = {"impossible": str(error)}
    (place / "class.json").write_text(json.dumps(told), encoding="utf-8")


def everybody_hands_in(course: Course, attacks: dict[str, Attack], target: Target) -> None:
    """The attackers, and a few who are honest."""
    text = (course.solutions / "bank" / "bank.ipynb").read_text(encoding="utf-8")
    for name in (*HONEST, *attacks):
        hand_in(attacks.get(name), json.loads(text), course.submitted / name / "bank", target)


@contextmanager
def aimed_at(course: Course, outside: Path) -> Iterator[Target]:
    """A folder that everybody may write into, and sockets that listen."""
    outside.mkdir()
    (outside / "canary").write_text("sings")
    (outside / "canary").chmod(0o666)
    outside.chmod(0o777)
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.socket())
        tcp.bind(("127.0.0.1", 0))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        name = f"deltarule-attacks-{tcp.getsockname()[1]}"
        unix.bind(f"\0{name}")
        for one in (tcp, unix):
            one.listen(8)
        yield Target(course.root, outside, os.getpid(), tcp.getsockname()[1], name)


def _graded(course: Course, tier: str) -> dict[str, Any]:
    resource_tracker.ensure_running()  # Python's own; it lives on
    linux.subreaper()  # whoever outlives the graders becomes our child, and is seen
    before = set(processes.descendants(os.getpid()))
    settings = GradingSettings(seed=3, jobs=JOBS, sandbox=tier, limits=LIMITS)
    began = time.monotonic()
    results = list(Grading.of_course(course, "bank", settings=settings).grade())
    return {
        "seconds": time.monotonic() - began,
        "results": [result.as_json() for result in results],
        "left": sorted(set(processes.descendants(os.getpid())) - before),
        "where": str(course.root),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "True")
