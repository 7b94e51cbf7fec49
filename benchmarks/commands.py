"""How long the commands take that people wait for; writes the table in ``docs/benchmarks.md``.

Run ``python benchmarks/commands.py`` in a set-up checkout. Works on a copy of the course in a
temporary folder. Timings are noisy: each is repeated, and the median and the range are shown.
"""

from __future__ import annotations

import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pages import write_between

ROOT = Path(__file__).parent.parent
DELTARULE = Path(sys.executable).with_name("deltarule")
REPEATS = {"deltarule --help": 15, "deltarule build, nothing to do": 9}
FEW = 3


def timed(folder: Path, *words: str) -> float:
    """Wall-clock seconds of one command."""
    started = time.perf_counter()
    subprocess.run([DELTARULE, *words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def copy_course(folder: Path) -> None:
    """A course with nothing but its sources."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "source", folder / "source")


def clear(folder: Path) -> None:
    """Remove everything generated."""
    for name in ("build", "release", "solutions"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "gradebook.db").unlink(missing_ok=True)


def main() -> None:
    """Measure, print, write."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_course(folder)

        def from_nothing() -> float:
            clear(folder)
            return timed(folder, "build")

        measured: dict[str, Callable[[], float]] = {
            "deltarule --help": lambda: timed(folder, "--help"),
            "deltarule build, from nothing": from_nothing,
            "deltarule build, nothing to do": lambda: timed(folder, "build"),
            "deltarule build --check": lambda: timed(folder, "build", "--check"),
        }
        for label, run in measured.items():
            times = sorted(run() for _ in range(REPEATS.get(label, FEW)))
            rows.append((label, statistics.median(times), times[0], times[-1], len(times)))
            print(f"{label:<34} {rows[-1][1]:.3f} s  ({times[0]:.3f}-{times[-1]:.3f})")
    lines = [
        f"Made by `python benchmarks/commands.py` (Python {platform.python_version()}, "
        f"{platform.system()}); wall-clock seconds, kernel starts included.",
        "",
        "| command | median | fastest | slowest | runs |",
        "|---|---|---|---|---|",
        *(
            f"| `{row[0]}` | {row[1]:.3f} | {row[2]:.3f} | {row[3]:.3f} | {row[4]} |"
            for row in rows
        ),
    ]
    write_between("benchmarks.md", "commands", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
