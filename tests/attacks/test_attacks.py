"""A class of attackers: each earns what its honest code deserves, and nobody else is harmed."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from xml.etree import ElementTree

import nbformat
import pytest
from rich.console import Console

from deltarule.reporting.junit import junit_xml
from deltarule.reporting.table import class_table

from .attacked_class import HONEST, LIMITS, SETTINGS
from .hand import POINTS, REACHED, SECRET
from .submissions import ATTACKS, machine, notebooks, values

pytestmark = pytest.mark.slow

HIDDEN = "whole number is not doubled"
"""From a hidden test; a message may say so, but no output of a student's may."""

EACH = pytest.mark.parametrize(
    ("graded", "name"),
    [
        pytest.param(setting, name, id=f"{setting}-{name}")
        for setting in SETTINGS
        for name in setting.attacks
    ],
    indirect=["graded"],
)
"""Every attack of every class."""

CLASSES = pytest.mark.parametrize("graded", SETTINGS, indirect=True, ids=str)

GRACE = 60.0
"""Seconds beyond a submission's limit: cells and tests under way or run again, a busy machine."""


def points(graded, student):
    tests = graded.results[student].automatic
    return {test.name: test.score for test in tests}


def outputs(graded, student):
    """All outputs but those of tests, which hold the verdict."""
    notebook = graded.notebook(student) or {"cells": []}
    return json.dumps(
        [cell.get("outputs") for cell in notebook["cells"] if cell["id"] not in POINTS]
    )


MUST_SURVIVE = {
    "a cell tag that skips a test": "skipped_by_a_tag",
    "test cells that are cleared": "cleared_tests",
    "test cells that are there twice": "duplicated_tests",
    "grade flags": "renamed_and_ungraded",
    "the shell": "shell_that_runs_nothing",
    "the display hook": "score_is_displayed",
    "an AST transformer that drops asserts": "asserts_are_dropped",
    "an object whose __eq__ is always true": "equal_to_everything",
    "a patched allclose": "patched_comparisons",
    "the solution in a parent folder": "reads_the_course",
    "hidden tests on disk and in the gradebook": "reads_the_course",
    "hidden tests in the history": "looks_into_history",
    "hidden tests in frames": "answers_from_frames",
    "the test's inputs": "visible_inputs",
    "the gradebook, from a detached process": "detached_writer",
    "a list of other submissions": "reads_the_course",
    "a link for a notebook": "link_to_a_classmate",
    "os._exit and sys.exit": "ends_in_every_way",
    "SIGINT ignored in an endless loop": "cells_with_loops",
    "processes without end": "fork_bomb",
    "memory and shared memory": "memory_bomb",
    "files without end": "file_bomb",
    "a print of 30 MB": "thirty_megabytes",
    "output without a line end": "output_without_a_line_end",
    "secrets in the environment": "looks_for_secrets",
    "any network": "looks_for_a_network",
    "a time bomb in a thread": "thread_that_waits",
    "forged frames": "frames_of_answers",
    "script in Markdown": "script_in_an_answer",
    "script in outputs": "script_in_outputs",
    "script and commands in file names": "names_of_files",
    "script, commands, control characters and formulas in messages": "orders_in_exceptions",
}
"""What a release must survive, each with one of the attacks that try it."""


def test_whatever_a_release_must_survive_is_tried():
    assert set(MUST_SURVIVE.values()) <= ATTACKS.keys()


def test_only_what_could_harm_a_machine_is_kept_from_stock_nbgrader():
    rows = {one.row for one in ATTACKS.values() if one.spares_stock}
    assert rows <= {values.SIZES, machine.BOMBS, machine.OUTPUT, machine.PROCESSES, notebooks.FILES}


@CLASSES
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_classmate_keeps_every_point(name, graded):
    assert points(graded, name) == POINTS


@EACH
def test_an_attack_earns_what_its_honest_code_deserves(name, graded):
    assert points(graded, name) == ATTACKS[name].expected


@EACH
def test_an_attack_reaches_nothing(name, graded):
    said = outputs(graded, name)
    assert f"{REACHED} " not in said
    assert SECRET not in said
    assert HIDDEN not in said
    result = json.dumps(graded.results[name].as_json())
    assert SECRET not in result
    assert graded.where not in result


@EACH
def test_an_attack_ends_in_bounded_time(name, graded):
    assert graded.results[name].duration_s < LIMITS["submission_seconds"] + GRACE


@EACH
def test_messages_are_plain_and_short(name, graded):
    for test in graded.results[name].tests:
        assert len(test.message) <= 3000
        assert all(c.isprintable() or c in "\n\t\u200c\u200d" for c in test.message), test.message
        assert not any(line.lstrip().startswith("::") for line in test.message.split("\n"))
        assert "##[" not in test.message


@EACH
def test_the_graded_notebook_is_one_that_others_can_open(name, graded):
    notebook = graded.notebook(name)
    if notebook is None:
        assert sum(ATTACKS[name].expected.values()) == 0
        return
    nbformat.validate(nbformat.from_dict(notebook))
    assert len(json.dumps(notebook)) < 60_000_000


@CLASSES
def test_the_gradebook_says_the_same(graded):
    query = (
        "SELECT s.student_id, b.name, g.auto_score FROM grade g "
        "JOIN base_cell b ON b.id = g.cell_id "
        "JOIN submitted_notebook n ON n.id = g.notebook_id "
        "JOIN submitted_assignment s ON s.id = n.assignment_id"
    )
    found: dict[str, dict[str, float]] = {}
    with closing(sqlite3.connect(graded.course.gradebook)) as book:
        for student, name, score in book.execute(query):
            if name in POINTS:
                found.setdefault(student, {})[name] = score
    for name in HONEST:
        assert found[name] == POINTS
    for name, one in graded.setting.attacks.items():
        assert found[name] == one.expected, name


@CLASSES
def test_the_machine_is_as_it_was(graded):
    assert graded.left == []
    assert {path.name for path in graded.outside.iterdir()} == {"canary"}
    canary = graded.outside / "canary"
    assert (canary.read_text(), canary.stat().st_mode & 0o777) == ("sings", 0o666)
    assert not (graded.course.root / "late").exists()


@CLASSES
def test_each_result_says_where_it_was_judged_and_in_which_sandbox(graded):
    for result in graded.results.values():
        assert result.sandbox == graded.setting.tier
        assert {test.verdict_in for test in result.automatic} == {"grader"}


@CLASSES
def test_reports_of_the_class_carry_no_orders(graded):
    results = list(graded.results.values())
    junit = ElementTree.fromstring(junit_xml(results))
    assert len(junit.findall("testsuite")) == len(results)
    texts = [value for one in junit.iter() for value in one.attrib.values()]
    assert not any("\x1b" in text or "\n::" in text for text in texts)
    assert json.loads(json.dumps([one.as_json() for one in results]))
    shown = io.StringIO()
    Console(file=shown, width=200, force_terminal=False).print(class_table("bank", results))
    assert "\x1b" not in shown.getvalue()
