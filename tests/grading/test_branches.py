"""Branches give what whole runs give, and run what they share once."""

import os

import psutil
import pytest

from deltarule.grading.branches import run_branches
from deltarule.grading.runner import CodeCell, Limits, Submission, run_all

COUNT = "import os\nos.write(fd, b'.')"
CELLS = (
    CodeCell("a", "import random\nx = random.random()"),
    CodeCell("b", "def f():\n    return 1"),
    CodeCell("c", "y = f() + x"),
)
TEST = CodeCell("t", "assert 1 < y < 2", 1.0)


def mutant(at, source, key="", finish=None, **settings):
    """The cells with another text in the place of one, and a test after them."""
    cells = [CodeCell(cell.id, source) if cell.id == at else cell for cell in CELLS]
    return Submission(key or f"{at}: {source}", (*cells, TEST), 7, finish=finish, **settings)


def outcome(runs):
    return {run.key: ([(t.name, t.status) for t in run.tests], run.extra) for run in runs}


MUTANTS = [
    mutant("b", "def f():\n    return 2"),
    mutant("b", "def f():\n    return 1.0"),
    mutant("c", "y = f()"),
    mutant("a", "import random\nx = 0.5"),
    mutant("a", "import os\nos._exit(0)"),
    mutant("c", "y = x + f()", "same", finish=lambda names: names["y"]),
]


@pytest.mark.parametrize("jobs", [1, 2])
def test_branches_come_to_what_whole_runs_come_to(jobs):
    trunk = Submission("trunk", CELLS, 7)
    assert outcome(run_branches(trunk, MUTANTS, jobs)) == outcome(run_all(MUTANTS, jobs))


def test_cells_before_the_change_run_once():
    ours, theirs = os.pipe()
    source = f"fd = {theirs}\n{COUNT}"
    cells = (CodeCell("slow", source), *CELLS)
    made = [
        Submission(str(at), (cells[0], *mutant("b", f"f = lambda: {at}").cells), 7)
        for at in range(5)
    ]
    runs = list(run_branches(Submission("trunk", cells, 7), made, 2))
    assert len(runs) == 5
    os.close(theirs)
    assert os.read(ours, 100) == b"."
    os.close(ours)


def test_a_test_before_the_change_is_run_by_every_branch():
    early = CodeCell("early", "assert x > 1", 1.0)
    changed = mutant("b", "f = None")
    cells = (changed.cells[0], early, *changed.cells[1:])
    (run,) = run_branches(Submission("trunk", CELLS, 7), [Submission("m", cells, 7)])
    assert [(test.name, test.status) for test in run.tests] == [
        ("early", "failed"),
        ("t", "failed"),
    ]


@pytest.mark.parametrize(
    ("cell", "limit"),
    [("import os\nos._exit(0)", 60.0), ("while True: pass", 1.5), ("raise SystemExit", 60.0)],
)
def test_a_trunk_that_comes_to_grief_costs_time_only(cell, limit, monkeypatch):
    for module in ("runner", "branches"):
        monkeypatch.setattr(f"deltarule.grading.{module}.GRACE_SECONDS", 0.2)
    bad = CodeCell("bad", cell)
    limits = Limits(cell_seconds=limit)
    made = [
        Submission(one.key, (bad, *one.cells), 7, limits=limits, finish=one.finish)
        for one in MUTANTS[:3]
    ]
    trunk = Submission("trunk", (bad, *CELLS), 7, limits=limits)
    assert outcome(run_branches(trunk, made)) == outcome(run_all(made))


def test_what_is_prepared_once_is_there_in_every_branch():
    prepared = []
    made = [
        mutant("b", f"f = lambda: {at}", str(at), finish=lambda names: len(prepared))
        for at in range(3)
    ]
    runs = run_branches(Submission("t", CELLS, 7), made, prepare=lambda: prepared.append(1))
    assert [run.extra for run in runs] == [1, 1, 1]
    assert prepared == []  # it happened in the other process


def test_files_of_the_trunk_are_there_and_branches_keep_theirs_to_themselves(tmp_path):
    (tmp_path / "given.txt").write_text("given")
    cells = (CodeCell("w", "open('made.txt', 'w').write('trunk')"), CodeCell("n", "n = 0"))
    source = (
        "seen = [open(name).read() for name in ('given.txt', 'made.txt')]\n"
        "open('made.txt', 'w').write('branch')"
    )
    made = [
        Submission(
            str(at),
            (cells[0], CodeCell("n", f"{source}\nn = {at}")),
            folder=tmp_path,
            finish=lambda names: names["seen"],
        )
        for at in range(3)
    ]
    runs = run_branches(Submission("t", cells, folder=tmp_path), made, 1)
    assert [run.extra for run in runs] == [["given", "trunk"]] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["given.txt"]


def test_no_branches_are_no_process():
    assert list(run_branches(Submission("t", CELLS), [])) == []


def test_giving_up_ends_every_process():
    ours, theirs = os.pipe()  # open for as long as some process lives that inherited it
    before = set(psutil.Process().children())
    made = [mutant("c", "y = 2"), mutant("c", "while True: pass")]
    runs = run_branches(Submission("trunk", CELLS, 7), made, 2)
    assert next(runs).key == "c: y = 2"
    os.close(theirs)
    runs.close()
    assert os.read(ours, 1) == b""
    os.close(ours)
    assert set(psutil.Process().children()) <= before
