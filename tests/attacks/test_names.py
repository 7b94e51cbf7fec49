"""A folder's name is a student's name, and may be anything: no log and no table obeys it."""

import io

import pytest
from rich.console import Console

from deltarule.cli.progress import with_progress
from deltarule.grading.results import Result, TestResult
from deltarule.reporting.table import class_table, result_lines

NAMES = [
    "[/]",
    "[red]ann",
    "[link=https://x]y",
    "a\n::error::b",
    "::error::c",
    "\x1b[31md",
    "##[e]",
]


def result(student):
    test = TestResult("bank", "double", 2.0, 2.0, "passed", "grader")
    return Result("bank", student, "none", 1, 0.1, {}, (test,))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_no_orders(name, capsys):
    shown = io.StringIO()
    console = Console(file=shown, width=120, force_terminal=False)
    console.print(class_table("bank", [result(name)]))
    with_progress(iter([result(name)]), 1)
    lines = [*result_lines(result(name)), *capsys.readouterr().err.splitlines()]
    assert not any(line.startswith("::") or "\x1b" in line or "##[" in line for line in lines)
    assert sum(line.startswith("[1/1] ") for line in lines) == 1
    assert ("ann" in shown.getvalue()) == ("ann" in name)
    assert ("[red]ann" in shown.getvalue()) == ("[red]ann" in name)
