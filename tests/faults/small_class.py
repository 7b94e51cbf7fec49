"""A class on a course without torch, graded by the command line; and a look at its processes.

What a submission deserves follows from its number, so that every outcome can be checked.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import nbformat

from deltarule.config import Course
from deltarule.grading.child import processes

ROOT = Path(__file__).parents[2]
SECONDS = 120
"""No command on a small class takes a tenth of this; a deadlock shall fail, not hang."""

MARK = "DELTARULE_TEST_RUN"
SANDBOX = re.compile(rb"HOME=(\S*/deltarule-sandbox-\w+)/boot")

SOURCE = """\
---
jupyter:
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

# Small

```python
def double(number):
    #!TAG HWBEGIN
    return number + number
    #!TAG HWEND
```

```python
#!TAG TEST double points=2
assert double(1) == 2, "one and one are two"
### BEGIN HIDDEN TESTS
assert double(21) == 42, "that is not the answer"
### END HIDDEN TESTS
```

```python
def square(number):
    #!TAG HWBEGIN
    return number * number
    #!TAG HWEND
```

```python
#!TAG TEST square points=1
assert square(1) == 1
### BEGIN HIDDEN TESTS
assert square(-3) == 9
### END HIDDEN TESTS
```
"""

KINDS = (("2 * number", "number * number", 3), ("number", "number ** 2", 1), ("2 * number", "0", 2))
"""What students write for the two functions, and the points that it deserves."""


class SmallClass:
    """A course in a folder of its own, with what students hand in."""

    def __init__(self, root):
        self.course = Course(root)
        self.root = root
        self.deserved = {}

    @classmethod
    def made(cls, root):
        """A course that is built; nobody has handed in."""
        from deltarule.bridge.build import build_assignment

        (root / "source" / "small").mkdir(parents=True)
        (root / "source" / "small" / "small.md").write_text(SOURCE, encoding="utf-8")
        shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
        made = cls(root)
        build_assignment(made.course, "small", lambda step: None)
        return made

    def copied(self, root):
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return SmallClass(root)

    # -- handing in -------------------------------------------------------------------------------

    def notebook(self, double, square):
        """The released notebook with two answers, as JSON."""
        notebook = nbformat.read(self.course.release / "small" / "small.ipynb", as_version=4)
        answers = {"double": double, "square": square}
        for cell in notebook.cells:
            for name, answer in answers.items():
                if cell.id == f"solution-{name}":
                    cell.source = f"{answer}"
        return nbformat.writes(notebook)

    def folder(self, student):
        return self.course.submitted / student / "small"

    def hand_in(self, student, number, before=""):
        """Hand in the work of a student with this number; ``before`` runs in the first cell."""
        double, square, points = KINDS[number % len(KINDS)]
        folder = self.folder(student)
        folder.mkdir(parents=True, exist_ok=True)
        text = self.notebook(
            f"{before}\ndef double(number):\n    return {double}",
            f"def square(number):\n    return {square}",
        )
        (folder / "small.ipynb").write_text(text, encoding="utf-8")
        self.deserved[student] = points
        return folder

    def hand_in_all(self, count, slow=0):
        """A whole class; every one whose number ``slow`` divides takes a while."""
        for number in range(count):
            pause = slow and number % slow == slow - 1
            before = "import time\ntime.sleep(0.7)" if pause else ""
            self.hand_in(f"s{number:02}", number, before)

    # -- grading ----------------------------------------------------------------------------------

    def start(self, *options, as_user=(), **environment):
        return Run(self, options, as_user, environment)

    def grade(self, *options, **settings):
        return self.start(*options, **settings).ended()

    def recorded_scores(self):
        """Points in the gradebook by student."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.course.gradebook}") as book:
            return {one["student"]: one["score"] for one in book.submission_dicts("small")}

    def autograded_scores(self):
        """Points that the kept notebooks show, by student, as nbgrader reads them."""
        from nbgrader.utils import determine_grade, is_grade

        found = {}
        for path in sorted((self.root / "autograded").glob("*/small/small.ipynb")):
            cells = nbformat.read(path, as_version=4).cells
            scores = [determine_grade(cell)[0] for cell in cells if is_grade(cell)]
            found[path.parts[-3]] = sum(scores)
        return found

    def check_records(self):
        """Gradebook and notebooks say what every student deserves."""
        assert self.recorded_scores() == self.deserved
        assert self.autograded_scores() == self.deserved
        left_over = [path.name for path in (self.root / "autograded").glob("*/.*")]
        assert not left_over

    def seeds(self):
        """The seed of every result that is kept, by student."""
        kept = (self.course.build / "graded" / "small").glob("[!.]*.json")
        return {path.stem: json.loads(path.read_text())["result"]["seed"] for path in kept}


class Run:
    """One ``deltarule grade small`` in a process group of its own.

    Args:
        where: the class.
        options: of the command.
        as_user: the command that becomes another user.
        environment: variables over this process's.
    """

    def __init__(self, where, options, as_user, environment):
        self.where = where
        self.mark = uuid.uuid4().hex
        self.json = where.root / f"{self.mark}.json"
        command = [*as_user, sys.executable, "-m", "deltarule", "grade", "small"]
        command += ["--json", str(self.json)]
        self.said = []
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=where.root,
            env={**os.environ, **environment, MARK: self.mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            start_new_session=True,
        )
        self.homes = set()

    def until(self, count):
        """Wait for so many results."""
        self._until(f"[{count}/")

    def until_graded(self, student):
        """Wait for a student's result."""
        self._until(f"] {student} ")

    def _until(self, text):
        for line in self.process.stderr:
            self.said.append(line)
            if text in line:
                self.homes |= {home for one in self.fork_servers() if (home := home_of(one))}
                return
        raise AssertionError(f"it ended with {self.process.wait()}:\n{''.join(self.said)}")

    def ended(self):
        """Wait for the end."""
        with self.process:
            self.said += self.process.stderr.readlines()
            self.process.wait(SECONDS)
        self.error = "".join(line for line in self.said if not re.match(r"\[\d+/\d+\] ", line))
        return self

    def results(self):
        """The results by student, once it has ended well."""
        assert self.process.returncode == 0, "".join(self.said)
        record = json.loads(self.json.read_text(encoding="utf-8"))
        return {result["student"]: result for result in record["results"]}

    def scores(self):
        return {student: result["score"] for student, result in self.results().items()}

    # -- its processes ----------------------------------------------------------------------------

    def workers(self):
        return [pid for pid in below(self.process.pid) if b"spawn_main" in told(pid, "cmdline")]

    def fork_servers(self, worker=None):
        above = self.workers() if worker is None else [worker]
        return [pid for one in above for pid in below(one) if is_fork_server(pid)]

    def busy_child(self):
        """Process 1 of a submission that is under way, and what runs its cells."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for server in self.fork_servers():
                for keeper in below(server):
                    runners = below(keeper)
                    if runners and age(runners[0]) > 0.3:
                        return keeper, runners[0]
            time.sleep(0.01)
        raise AssertionError("no submission takes that long")

    def left_alive(self, seconds):
        """What of this run still lives after so many seconds."""
        end = time.monotonic() + seconds
        while (alive := self._alive()) and time.monotonic() < end:
            time.sleep(0.05)
        return alive

    def _alive(self):
        marks = [f"{MARK}={self.mark}".encode(), *self.homes]
        found = []
        for pid in processes._numbers():
            environ = told(pid, "environ")
            if any(mark in environ for mark in marks) and processes.lives(pid):
                found.append((pid, told(pid, "cmdline")))
        return found


def told(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def below(pid):
    return processes.children(pid)


def is_fork_server(pid):
    return b"child/__main__.py" in told(pid, "cmdline")


def home_of(pid):
    found = SANDBOX.search(told(pid, "environ"))
    return found and found[1]


def age(pid):
    """Seconds since a process was started."""
    fields = told(pid, "stat").rpartition(b")")[2].split()
    if len(fields) < 20:
        return 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / ticks


def kill(pid):
    """Kill a process with -9, and wait until it is no more."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while processes.lives(pid):
        time.sleep(0.005)
