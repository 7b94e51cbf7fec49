"""How long a save takes to reach the browser: ``deltarule build --watch`` on lab 4.

Run ``python benchmarks/preview.py``; it writes its part of ``docs/benchmarks.md``. Works on a copy
of the course in a temporary folder. A save is a changed word, a changed formula, or a mistake; the
time runs from before the file is written until the new state has been read from the stream of
server-sent events, as a browser does. Each is repeated, and the median and the range are shown,
with the processor time that the preview and pandoc took: on a busy machine the two differ widely.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil
from pages import write_between

ROOT = Path(__file__).resolve().parents[1]
DELTARULE = Path(sys.executable).with_name("deltarule")
REPEATS = 10
WORD, FORMULA, TAG = "Every time", r"$\ell$ has $n_\ell$ units", "#!TAG HWEND"

CHANGES: dict[str, Callable[[str, int], str]] = {
    "a word": lambda text, run: text.replace(WORD, f"Every single time ({run})", 1),
    "a formula": lambda text, run: text.replace(
        FORMULA, rf"$\ell$ has $n_{{\ell + {run}}}$ units", 1
    ),
    "a mistake, and back": lambda text, run: text.replace(TAG, f"#!TAG HWND {run}", 1),
}


@contextmanager
def preview(root: Path) -> Iterator[tuple[Iterator[bytes], psutil.Process]]:
    """A running preview of lab 4: the lines of its stream of events, and its process."""
    command = [str(DELTARULE), "build", "--watch", "lab04"]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        address = next(
            found[0] for line in process.stdout if (found := re.search(r"http://\S+/", line))
        )
        with urlopen(f"{address}.preview/events/lab04/lab04") as stream:
            states = (line for line in stream if line.startswith(b"data: "))
            yield states, psutil.Process(process.pid)
        process.send_signal(signal.SIGINT)


def processor_time(process: psutil.Process) -> float:
    """Seconds that a process and its finished children have computed."""
    return float(sum(process.cpu_times()[:4]))


def measure(
    source: Path, states: Iterator[bytes], process: psutil.Process
) -> dict[str, list[tuple[float, float]]]:
    """For each kind of save: seconds until the browser has it, and seconds of a processor."""
    text = source.read_text(encoding="utf-8")
    times: dict[str, list[tuple[float, float]]] = {}
    next(states)
    for kind, change in CHANGES.items():
        times[kind] = []
        for run in range(REPEATS):
            changed = change(text, run)
            assert changed != text, f"lab 4 has no place for {kind} any more"
            for written in (changed, text):
                began, computed = time.perf_counter(), processor_time(process)
                source.write_text(written, encoding="utf-8")
                state = json.loads(next(states).removeprefix(b"data: "))
                if written is changed or "mistake" in kind:
                    waited = time.perf_counter() - began
                    times[kind].append((waited, processor_time(process) - computed))
                assert bool(state["problems"]) == (written is changed and "mistake" in kind)
    return times


def main() -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copy(ROOT / "nbgrader_config.py", root)
        shutil.copytree(ROOT / "source" / "lab04", root / "source" / "lab04")
        with preview(root) as (states, process):
            measured = measure(root / "source" / "lab04" / "lab04.md", states, process)
    rows = [
        f"Made by `python benchmarks/preview.py` (Python {platform.python_version()}, "
        f"{platform.system()}): a save of lab 4, 61 cells, under",
        "`deltarule build --watch`, from before the file is written until the browser has the new "
        f"state; wall-clock seconds, with {os.getloadavg()[0]:.1f} processes waiting for "
        f"{os.cpu_count()} cores. Processor time is the preview's own and pandoc's.",
        "",
        "| what was changed | median | fastest | slowest | processor time, median | saves |",
        "|---|---|---|---|---|---|",
    ]
    for kind, times in measured.items():
        waited, computed = zip(*times, strict=True)
        numbers = (*(f(waited) for f in (statistics.median, min, max)), statistics.median(computed))
        rows.append(f"| {kind} | {' | '.join(f'{n:.2f}' for n in numbers)} | {len(times)} |")
        print(rows[-1])
    write_between("benchmarks.md", "preview", "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
