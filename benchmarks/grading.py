"""A class of lab 4: stock nbgrader, ``deltarule grade``, and the limit, alternating in one run.

Run ``python benchmarks/grading.py``; it writes the table in ``docs/benchmarks.md``. Timings are
noisy: everything is repeated in turns, and medians are shown with their range.

*Stock* is ``nbgrader autograde``, alone and in two processes side by side with a gradebook each.
*The limit* is the student's cells and the whole tests in a fork of one warm process, one after the
other on each core: no sandbox, no channel, no gradebook, nothing recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pages import write_between

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "lab04"
PROGRAMS = Path(sys.executable).parent
CORES = 2
FEW = 4  # submissions that stock nbgrader is measured on, in each round
SETTLED = 12  # results after which a run counts as steady


def environment() -> dict[str, str]:
    """The path with this environment's programs first."""
    return {**os.environ, "PATH": os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])}


@contextmanager
def course(count: int) -> Iterator[Path]:
    """A course with a class of ``count``: the labelled submissions, over and over."""
    from deltarule.config import Course
    from deltarule.demo import hand_in

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "course")
        for name in ("source", "release", "solutions"):
            shutil.copytree(ROOT / name / ASSIGNMENT, root / name / ASSIGNMENT)
        shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
        files = sorted((ROOT / "tests" / "submissions" / ASSIGNMENT).glob("*.py"))
        hand_in(Course(root), ASSIGNMENT, files)
        made = sorted((root / "submitted").iterdir())
        for number in range(count):
            target = root / "submitted" / f"s{number:04d}"
            shutil.copytree(made[number % len(made)], target)
        for folder in made:
            shutil.rmtree(folder)
        yield root


def run(root: Path, *words: str) -> None:
    """One command, which must succeed."""
    done = subprocess.run(words, cwd=root, env=environment(), capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr.decode()[-2000:]}")


@dataclass(frozen=True)
class Graded:
    """One run of ``deltarule grade``.

    Attributes:
        seconds: from the start to the end of the command.
        results: seconds from the start to each result.
    """

    seconds: float
    results: tuple[float, ...]

    @property
    def steady(self) -> float:
        """Seconds a submission, once the first dozen is through."""
        return (self.results[-1] - self.results[SETTLED - 1]) / (len(self.results) - SETTLED)

    @property
    def start_up(self) -> float:
        """Seconds that the run takes beside those."""
        return self.seconds - len(self.results) * self.steady


def ours(root: Path, *options: str) -> Graded:
    """``deltarule grade`` for a class that has not been graded."""
    shutil.rmtree(root / "build" / "graded", ignore_errors=True)
    words = [str(PROGRAMS / "deltarule"), "grade", ASSIGNMENT, "--jobs", str(CORES), *options]
    began = time.perf_counter()
    results, said = [], []
    with subprocess.Popen(
        words,
        cwd=root,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if re.match(r"\[\d+/\d+\] ", line):
                results.append(time.perf_counter() - began)
    if process.returncode:
        raise SystemExit(f"{words}: {''.join(said)[-2000:]}")
    return Graded(time.perf_counter() - began, tuple(results))


def decide(root: Path) -> None:
    """Have the assignment compiled, and decided where its tests run: once, for any class."""
    solved = root / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    run(root, str(PROGRAMS / "deltarule"), "grade", ASSIGNMENT, "--notebook", str(solved))


def stock(root: Path, side_by_side: int) -> float:
    """Seconds of ``nbgrader autograde`` for the first few submissions, in some processes."""
    copies = []
    students = [f"s{number:04d}" for number in range(FEW)]
    for number in range(side_by_side):
        copy = root.parent / f"stock-{number}"
        graded = shutil.ignore_patterns("autograded", "gradebook.db*", "graded")
        shutil.copytree(root, copy, ignore=graded)  # or it would skip them
        run(copy, str(PROGRAMS / "nbgrader"), "generate_assignment", ASSIGNMENT)
        mine = students[number::side_by_side]
        for folder in (copy / "submitted").iterdir():
            if folder.name not in mine:
                shutil.rmtree(folder)
        copies.append(copy)
    began = time.perf_counter()
    command = [str(PROGRAMS / "nbgrader"), "autograde", ASSIGNMENT]
    running = [
        subprocess.Popen(
            command,
            cwd=copy,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for copy in copies
    ]
    for process in running:
        process.wait()
    seconds = time.perf_counter() - began
    done = sum(len(list((copy / "autograded").glob("*/*/*.ipynb"))) for copy in copies)
    if done != FEW:
        raise SystemExit(f"nbgrader graded {done} of {FEW} submissions")
    for copy in copies:
        shutil.rmtree(copy)
    return seconds


LIMIT = """
import sys
sys.path.insert(0, {benchmarks!r})
import grading
grading.limit_here(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "demos")
"""


def limit(root: Path, demos: bool) -> float:
    """Seconds of the bare cells and tests, on all cores."""
    program = LIMIT.format(benchmarks=str(Path(__file__).parent))
    words = [sys.executable, "-c", program, str(root)]
    environ = {**environment(), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [*words, str(at), str(CORES), "demos" if demos else "no demos"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for at in range(CORES)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()  # it is warm
    began = time.perf_counter()
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in running:
        process.communicate()
    return time.perf_counter() - began


def limit_here(root: str, at: int, cores: int, demos: bool) -> None:
    """In a process of its own: warm up, say so, then run every ``cores``-th submission."""
    from deltarule.config import Course
    from deltarule.grading.child.recorder import Stream
    from deltarule.grading.child.shell import make_shell, run_source
    from deltarule.grading.child.warm import warm_up
    from deltarule.grading.paper import read_papers
    from deltarule.grading.plan import plan_assignment
    from deltarule.grading.sandbox.zygote import IMPORTS

    os.chdir(root)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ["DELTARULE_SEED"] = "1"
    warm_up(["IPython"])
    shell = make_shell()
    warm_up([*IMPORTS, "deltarule.judging"])
    plan = plan_assignment(Course(Path(root)), ASSIGNMENT)
    folders = sorted(Path(root, "submitted").iterdir())[at::cores]
    papers = [read_papers(plan, one / ASSIGNMENT, run_demos=demos)[0] for one in folders]
    print("warm", flush=True)
    sys.stdin.readline()
    for paper in papers:
        pid = os.fork()
        if pid == 0:
            sink = open(os.devnull, "w")  # noqa: SIM115, PTH123 - ends with the process
            os.dup2(sink.fileno(), 1)
            shell.recorder.attach(os.memfd_create("log"), (), 1 << 24)
            sys.stdout = Stream(shell.recorder, "stdout", 1)
            loop = asyncio.new_event_loop()
            for cell in paper.cells:
                if cell.run is not None:
                    test = cell.planned is not None and cell.planned.kind == "test"
                    run_source(shell, loop, cell.id, cell.source if test else cell.run)
            os._exit(0)
        os.waitpid(pid, 0)


class Memory:
    """Peak of this machine's memory in use by a command's processes, sampled."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_full_info().pss
                except (psutil.Error, OSError):
                    continue
            self.peak = max(self.peak, total)


def median(values: list[float]) -> str:
    """A median with its range, in milliseconds."""
    low, high = 1000 * min(values), 1000 * max(values)
    return f"{1000 * statistics.median(values):.0f} ({low:.0f} to {high:.0f})"


def in_turns(rounds: int, root: Path, count: int) -> dict[str, list[float]]:
    """Seconds a submission of each way, start-up included, measured in turns."""
    ways: dict[str, tuple[Callable[[], float], int]] = {
        "stock": (lambda: stock(root, 1), FEW),
        "stock, two": (lambda: stock(root, 2), FEW),
        "ours, demos": (lambda: ours(root, "--run-demos").seconds, count),
        "ours": (lambda: ours(root).seconds, count),
        "ours, no sandbox": (lambda: ours(root, "--sandbox", "none").seconds, count),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, (measure, submissions) in ways.items():
            found[name].append(measure() / submissions)
            print(f"round {number + 1}: {name}: {1000 * found[name][-1]:.0f} ms", flush=True)
    return found


@dataclass
class Steady:
    """Runs of one class in turns with the bare cells, with demos or without."""

    ours: list[Graded] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        """Seconds a submission, the median of the runs."""
        return statistics.median(run.steady for run in self.ours)

    @property
    def share(self) -> float:
        """Of the limit, the median of the turns."""
        return statistics.median(
            limit / run.steady for limit, run in zip(self.limit, self.ours, strict=True)
        )


def steadily(rounds: int, root: Path, count: int) -> tuple[dict[bool, Steady], int]:
    """A whole class and the bare cells in turns; and the peak of the memory."""
    found = {False: Steady(), True: Steady()}
    peak = 0
    for number in range(rounds):
        for demos, steady in found.items():
            with Memory() as memory:
                steady.ours.append(ours(root, *(["--run-demos"] if demos else [])))
            peak = max(peak, memory.peak)
            steady.limit.append(limit(root, demos) / count)
            print(
                f"round {number + 1}: {count}, demos={demos}: {steady.ours[-1].seconds:.1f} s, "
                f"{1000 * steady.ours[-1].steady:.0f} ms; limit {1000 * steady.limit[-1]:.0f} ms",
                flush=True,
            )
    return found, peak


def cluster(root: Path) -> float:
    """Seconds of grading on a dask cluster of two workers on this machine."""
    file = root / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment()}
    here = ("--no-dashboard", "--host", "127.0.0.1")
    dask = str(PROGRAMS / "dask")
    words = [dask, "scheduler", *here, "--port", "0", "--scheduler-file", str(file)]
    started = [subprocess.Popen(words, **quiet)]
    try:
        while not file.exists():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        words = [dask, "worker", address, *here, "--nthreads", "1"]
        started += [subprocess.Popen(words, **quiet) for _ in range(CORES)]
        time.sleep(5)
        return ours(root, "--scheduler", address).seconds
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs=3, default=[12, 100, 1000])
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    few, class_size, many = options.sizes
    with course(few) as root:
        decide(root)
        turns = in_turns(options.rounds, root, few)
    with course(class_size) as root:
        decide(root)
        steady, peak = steadily(options.rounds, root, class_size)
        spread = cluster(root)
    with course(many) as root, Memory() as memory:
        decide(root)
        large = ours(root)
    print(f"{many}: {large.seconds:.1f} s, {1000 * large.steady:.0f} ms", flush=True)
    text = "\n".join(
        [
            *about_turns(turns, few),
            "",
            *about_steady(turns, steady, class_size),
            "",
            f"A class of {many}, demos left out: {large.seconds:.0f} s, start-up included; "
            f"{1000 * large.steady:.0f} ms a submission in steady state, "
            f"{large.steady / steady[False].cost - 1:+.0%} over the class of {class_size}. "
            f"Peak memory of all processes: {peak / 2**20:.0f} MB with {class_size}, "
            f"{memory.peak / 2**20:.0f} MB with {many}.",
            "",
            f"{class_size} submissions on a cluster of two workers, demos left out, start-up "
            f"included: {spread:.1f} s.",
            "",
        ]
    )
    print(text)
    if not options.no_write:
        write_between("benchmarks.md", "grading", text)


def about_turns(turns: dict[str, list[float]], count: int) -> Iterator[str]:
    """The table of small classes."""
    yield (
        f"In turns, {len(turns['stock'])} rounds, a class of {count} (stock: {FEW}); start-up "
        "included; milliseconds a submission, median and range:"
    )
    yield from ("", "| | ms a submission |", "|---|--:|")
    yield from (f"| {name} | {median(values)} |" for name, values in turns.items())


def about_steady(
    turns: dict[str, list[float]], steady: dict[bool, Steady], count: int
) -> Iterator[str]:
    """The table of a whole class."""
    serial = statistics.median(turns["stock"])
    best = min(serial, statistics.median(turns["stock, two"]))
    both = (steady[True], steady[False])
    rows = {
        "ms a submission": [median([run.steady for run in one.ours]) for one in both],
        "the limit": [median(one.limit) for one in both],
        "share of the limit": [f"{one.share:.0%}" for one in both],
        "times stock nbgrader, one process": [f"{serial / one.cost:.1f}" for one in both],
        "times stock nbgrader, two processes": [f"{best / one.cost:.1f}" for one in both],
        "the limit, times stock nbgrader, one process": [
            f"{serial / statistics.median(one.limit):.1f}" for one in both
        ],
        "start-up, s": [
            f"{statistics.median(run.start_up for run in one.ours):.1f}" for one in both
        ],
        "the class, start-up included, s": [
            f"{statistics.median(run.seconds for run in one.ours):.1f}" for one in both
        ],
    }
    yield (
        f"In steady state, {len(both[0].ours)} runs of a class of {count}, in turns with the limit:"
    )
    yield from ("", "| | every cell | demos left out |", "|---|--:|--:|")
    yield from (f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())


if __name__ == "__main__":
    main()
