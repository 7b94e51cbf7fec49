"""What dishonest notebooks get from Deltarule, by sandbox, and from stock nbgrader.

The class of ``tests/attacks`` is graded in both sandboxes; then stock ``nbgrader autograde`` runs
the same notebooks, each in a copy of the course of its own. It runs them with the rights of whoever
grades, so this happens as a plain user in process, network and mount namespaces, with limits and
deadlines; and attacks that could harm a machine even so are left out. Needs root, for that. Run::

    python benchmarks/attacks.py

It writes the table in ``docs/attacks.md``.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pages import write_between

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.attacks.attacked_class import (  # noqa: E402 - the tests are no package
    AS_USER,
    SETTINGS,
    USER,
    Graded,
    NotPossibleError,
    aimed_at,
    build,
    graded_class,
)
from tests.attacks.hand import POINTS, REACHED, Attack, hand_in  # noqa: E402
from tests.attacks.submissions import ATTACKS  # noqa: E402

TIERS = ("namespaces", "landlock")
HONEST = "aaa_honest"

CONFIG = """c = get_config()
c.CourseDirectory.source_directory = "build/source"
c.ExecutePreprocessor.timeout = 60
c.ExecutePreprocessor.startup_timeout = 300
"""
"""Stock nbgrader: nothing of Deltarule's, and a minute for each cell."""

STUDENT_SECONDS = 600.0
AT_A_TIME = 3
GB = 2**30
STOCK_LIMITS = {
    resource.RLIMIT_AS: 8 * GB,
    resource.RLIMIT_FSIZE: GB // 4,
    resource.RLIMIT_CPU: 120,
    resource.RLIMIT_NPROC: 400,
    resource.RLIMIT_CORE: 0,
}

Points = dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """What one attack got.

    Attributes:
        points: by test; none where nothing was recorded.
        reached: whether it got at something.
    """

    points: Points
    reached: bool

    def given(self) -> float:
        """Points of all tests together."""
        return sum(self.points.values())

    def undeserved(self, one: Attack) -> float:
        """Points beyond those that its honest code deserves."""
        return sum(max(0.0, self.points.get(t, 0.0) - most) for t, most in one.expected.items())

    def is_right(self, one: Attack) -> bool:
        """Whether each test has what it deserves."""
        return all(self.points.get(test, 0.0) == due for test, due in one.expected.items())


# -- Deltarule ------------------------------------------------------------------------------------


def ours(graded: Graded) -> dict[str, Outcome]:
    """What came of each attack in a class that Deltarule graded."""
    found = {}
    for name in ATTACKS:
        tests = graded.results[name].automatic
        found[name] = Outcome(
            {test.name: test.score or 0.0 for test in tests},
            _says_reached(graded.notebook(name)),
        )
    return found


def _says_reached(notebook: dict[str, object] | None) -> bool:
    cells = (notebook or {}).get("cells", [])
    assert isinstance(cells, list)
    return f"{REACHED} " in json.dumps([cell.get("outputs") for cell in cells])


# -- stock nbgrader -------------------------------------------------------------------------------


def stock(built: Path) -> dict[str, Outcome]:
    """What stock nbgrader gives, found out where it can do no harm."""
    place = Path(tempfile.mkdtemp(prefix="deltarule-stock-"))
    try:
        shutil.copytree(built, place / "course")
        for path in (place, *place.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
        shut_in = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc"]
        program = [sys.executable, str(Path(__file__).resolve())]
        subprocess.run([*shut_in, *program, "--in-namespaces", str(place)], cwd=ROOT, check=True)
        told = json.loads((place / "stock.json").read_text(encoding="utf-8"))
        return {name: Outcome(one["points"], one["reached"]) for name, one in told.items()}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def in_namespaces(place: str) -> None:
    """Switch the new network's loopback on, and go on as a plain user."""
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    program = [sys.executable, str(AS_USER), "plain", sys.executable, __file__, "--stock", place]
    os.execv(program[0], program)


def grade_with_stock(place: Path) -> None:
    """As the plain user: grade every attack that nbgrader is not spared, and an honest notebook."""
    chosen = {name: one for name, one in ATTACKS.items() if not one.spares_stock}
    with ThreadPoolExecutor(AT_A_TIME) as team:
        told = team.map(lambda name: _stock_grades(place, name), (HONEST, *chosen))
        found = dict(zip((HONEST, *chosen), told, strict=True))
    (place / "stock.json").write_text(json.dumps(found), encoding="utf-8")


def _stock_grades(place: Path, name: str) -> dict[str, object]:
    from deltarule.config import Course

    root = place / name / "course"
    shutil.copytree(place / "course", root)
    (root / "nbgrader_config.py").write_text(CONFIG)
    text = (root / "solutions" / "bank" / "bank.ipynb").read_text(encoding="utf-8")
    outside = place / name / "open"
    with aimed_at(Course(root), outside) as target:
        for student in dict.fromkeys((HONEST, name)):
            folder = root / "submitted" / student / "bank"
            hand_in(ATTACKS.get(student), json.loads(text), folder, target)
        began = time.monotonic()
        _autograde(root, name)
        seconds = time.monotonic() - began
    points = _points(root / "gradebook.db", name)
    path = root / "autograded" / name / "bank" / "bank.ipynb"
    shown = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    untouched = {path.name for path in outside.iterdir()} == {"canary"}
    reached = _says_reached(shown) or not untouched or (root / "late").exists()
    print(
        f"  {name:34} {sum(points.values()):4g} {'reached' * reached} {seconds:.0f} s", flush=True
    )
    return {"points": points, "reached": reached}


def _autograde(root: Path, student: str) -> None:
    programs = str(Path(sys.executable).parent)
    environment = {
        "PATH": os.pathsep.join([programs, os.defpath]),
        "HOME": str(root.parent),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "DELTARULE_TEST_SECRET": os.environ["DELTARULE_TEST_SECRET"],
    }

    def limit() -> None:
        for kind, most in STOCK_LIMITS.items():
            resource.setrlimit(kind, (most, most))

    with (root.parent / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            ["nbgrader", "autograde", "bank", f"--student={student}", "--force"],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=limit,
        )
        try:
            process.wait(STUDENT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _points(gradebook: Path, student: str) -> Points:
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{gradebook}") as book:
        try:
            found = book.find_submission("bank", student)
        except MissingEntry:
            return {}
        grades = [grade for notebook in found.notebooks for grade in notebook.grades]
        return {one.name: one.auto_score or 0.0 for one in grades if one.name in POINTS}


# -- the table ------------------------------------------------------------------------------------


def table(tiers: dict[str, dict[str, Outcome]], stock_gives: dict[str, Outcome]) -> str:
    """A line for each row."""
    columns = ("what is tried", "attacks", "points deserved", "`namespaces`", "`landlock`")
    columns += ("gets at something", "stock nbgrader: attacks run", "deserved", "given")
    columns += ("of these undeserved", "gets at something")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    rows = dict.fromkeys(one.row for one in ATTACKS.values())
    for row in rows:
        lines.append(
            _line(row, [one for one in ATTACKS.values() if one.row == row], tiers, stock_gives)
        )
    lines.append(_line("**all**", list(ATTACKS.values()), tiers, stock_gives))
    return "\n".join(lines) + "\n"


def _line(
    row: str,
    attacks: list[Attack],
    tiers: dict[str, dict[str, Outcome]],
    stock_gives: dict[str, Outcome],
) -> str:
    due = _sum(sum(one.expected.values()) for one in attacks)
    cells = [row, str(len(attacks)), due]
    for tier in TIERS:
        found = tiers.get(tier)
        if found is None:
            cells.append("not here")
            continue
        wrong = sum(not found[one.name].is_right(one) for one in attacks)
        given = _sum(found[one.name].given() for one in attacks)
        cells.append(f"{given} ({wrong} wrong)" if wrong else given)
    reached = [f for f in tiers.values() if any(f[one.name].reached for one in attacks)]
    cells.append("yes" if reached else "no")
    run = [one for one in attacks if one.name in stock_gives]
    cells.append(f"{len(run)}")
    if not run:
        cells += ["–"] * 4
    else:
        theirs = [(one, stock_gives[one.name]) for one in run]
        cells.append(_sum(sum(one.expected.values()) for one in run))
        cells.append(_sum(outcome.given() for _, outcome in theirs))
        cells.append(_sum(outcome.undeserved(one) for one, outcome in theirs))
        count = sum(outcome.reached for _, outcome in theirs)
        cells.append(f"{count} of {len(run)}" if count else "no")
    return f"| {' | '.join(cells)} |"


def _sum(points: Iterable[float] | float) -> str:
    return f"{points if isinstance(points, int | float) else sum(points):g}"


def main() -> None:
    """Grade in both ways, and write the table."""
    with tempfile.TemporaryDirectory() as scratch:
        built = Path(scratch, "built")
        build(built)
        tiers = {}
        for setting in SETTINGS:
            if not setting.is_whole:
                continue
            try:
                graded = graded_class(setting, built, Path(scratch, str(setting)))
            except NotPossibleError as error:
                print(f"{setting}: {error}")
                continue
            tiers[setting.tier] = ours(graded)
            print(
                f"{setting}: {len(graded.results)} submissions, {graded.seconds:.0f} s", flush=True
            )
        stock_gives = stock(built)
    honest = stock_gives.pop(HONEST)
    if honest.points != POINTS:
        raise SystemExit(f"an honest notebook gets {honest.points} from stock nbgrader")
    made = table(tiers, stock_gives)
    print(made)
    day = time.strftime("%Y-%m-%d")
    write_between("attacks.md", "table", f"{made}\nMeasured on {day}.\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-namespaces"]:
        in_namespaces(sys.argv[2])
    elif sys.argv[1:2] == ["--stock"]:
        grade_with_stock(Path(sys.argv[2]))
    else:
        os.environ.setdefault("DELTARULE_TEST_SECRET", "nightingale-4711")
        main()
