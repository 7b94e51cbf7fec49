"""A class of attackers: each earns what its honest code deserves, and nobody else is harmed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import nbformat
import pytest

from .attacked_class import HONEST, LIMITS, SETTINGS
from .hand import POINTS, REACHED, SECRET
from .submissions import ATTACKS, values

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

GRACE = 10.0
"""Seconds beyond a submission's limit: a cell and a test that were under way, cells run again."""


def points(graded, student):
    tests = graded.results[student].automatic
    return {test.name: test.score for test in tests}


def outputs(graded, student):
    """All outputs but those of tests, which hold the verdict."""
    notebook = graded.notebook(student) or {"cells": []}
    return json.dumps(
        [cell.get("outputs") for cell in notebook["cells"] if cell["id"] not in POINTS]
    )


def test_every_row_of_the_table_has_its_attacks():
    assert len(ATTACKS) > 70
    assert {one.row for one in ATTACKS.values()} > {values.EQUAL, values.PATCHED}


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
