"""An author opens a Markdown source as a notebook, edits it, runs a cell, and saves."""

from __future__ import annotations

import difflib
import re

import jupytext
import pytest

from deltarule.authoring.source import read_source

pytestmark = pytest.mark.slow

OLD = "One small step should bring the loss down. Does it?"
NEW = "One small step should bring the loss down. Does it really?"
HEADER = {
    "-    display_name: Python 3",
    "+    display_name: Python 3 (ipykernel)",
}
"""JupyterLab writes the kernel's name as its own server calls it."""


def changed(before, after):
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return {line for line in lines if not re.match(r"---|\+\+\+|@@", line)}


def texts(path):
    return [(cell.kind, [line.text for line in cell.lines]) for cell in read_source(path).cells]


def test_a_source_is_edited_as_a_notebook_and_only_the_edit_is_saved(lab, course):
    folder = course.root / "drafts"
    folder.mkdir()
    path = folder / "lab04.md"
    original = (course.source / "lab04" / "lab04.md").read_text("utf-8")
    path.write_text(original, "utf-8")
    before, header = texts(path), read_source(path).header

    lab.open_with("drafts", "lab04.md", "Notebook")
    cells = {cell["id"]: cell for cell in lab.cells()}
    edited = lab.find(OLD)
    lab.type(edited, NEW)
    imports = lab.find("import torch\nfrom torch import Tensor")
    assert cells[imports]["kind"] == "code"
    lab.run(imports)
    lab.save()

    as_jupytext_writes_it = jupytext.writes(jupytext.reads(original, "md"), "md")
    assert changed(as_jupytext_writes_it, path.read_text("utf-8")) == HEADER | {
        f"-{OLD}",
        f"+{NEW}",
    }
    assert read_source(path).header == header
    expected = [(kind, [NEW if line == OLD else line for line in lines]) for kind, lines in before]
    assert texts(path) == expected
    assert expected != before
