"""Submissions as small text files: what a student changed, and nothing else.

A file of answers is valid Python with a docstring that says what the student did, settings in
comments, and sections::

    \"\"\"Forgot that the loss is a mean over the batch.\"\"\"
    # base: solution
    # loses: backward

    # %% NeuralNetwork.backward
    def backward(self, x, y):
        ...

    # %% [markdown] eq1
    # By the chain rule, ...

A section named like a class, function or method takes its place in the notebook; one named like a
cell id replaces the cell. Everything else is as in the ``base``: the reference ``solution``, or the
untouched ``release``.
"""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltarule.authoring.names import definitions
from deltarule.errors import UsageError

__all__ = ["Answers", "fill", "read_answers"]

_SETTING = re.compile(r"#\s*(base|loses|misconception):\s*(.+)")
_SECTION = re.compile(r"# %%\s*(?P<markdown>\[markdown\]\s*)?(?P<name>\S+)\s*$")


@dataclass(frozen=True)
class Answers:
    """One file of answers.

    Attributes:
        path: the file; its stem is the student's name.
        description: what this student did.
        base: ``solution`` or ``release``.
        loses: the tests that this submission should lose points in; ``("all",)`` for every one.
        misconception: the expected diagnosis, or "".
        sections: (is Markdown, name, text) in file order.
    """

    path: Path
    description: str
    base: str
    loses: tuple[str, ...]
    misconception: str
    sections: tuple[tuple[bool, str, str], ...]


def read_answers(path: Path) -> Answers:
    """Read a file of answers.

    Raises:
        UsageError: it is not valid Python, or a setting is missing or unknown.
    """
    text = path.read_text(encoding="utf-8")
    try:
        description = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None
    settings = {m[1]: m[2].strip() for line in text.split("\n") if (m := _SETTING.fullmatch(line))}
    if settings.get("base") not in ("solution", "release") or "loses" not in settings:
        raise UsageError(f"{path}: write '# base: solution' (or release) and '# loses: …'")
    loses = tuple(name.strip() for name in settings["loses"].split(","))
    sections: list[tuple[bool, str, list[str]]] = []
    for line in text.split("\n"):
        if match := _SECTION.fullmatch(line):
            sections.append((bool(match["markdown"]), match["name"], []))
        elif sections:
            sections[-1][2].append(line)
    return Answers(
        path,
        description,
        settings["base"],
        () if loses == ("none",) else loses,
        settings.get("misconception", ""),
        tuple((md, name, _section_text(md, lines)) for md, name, lines in sections),
    )


def _section_text(markdown: bool, lines: list[str]) -> str:
    if markdown:
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    return "\n".join(lines).strip("\n")


def fill(release: Any, solution: Any, answers: Answers) -> Any:
    """The notebook that this student hands in.

    Args:
        release: the released notebook.
        solution: the solution notebook of the same source.
        answers: what the student wrote.

    Raises:
        UsageError: a section names nothing in the notebook.
    """
    notebook = copy.deepcopy(release)
    solved = {cell.id: cell.source for cell in solution.cells}
    if answers.base == "solution":
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = solved[cell.id]
    for _, name, text in answers.sections:
        if not _put(notebook, name, text):
            raise UsageError(f"{answers.path}: there is no cell, class or function '{name}'")
    return notebook


def _put(notebook: Any, name: str, text: str) -> bool:
    written = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    for cell in written:  # tests often share the name of a function, and are not the student's
        if cell.id == name:
            cell.source = text
            return True
    for cell in written:
        if cell.cell_type != "code":
            continue
        rows = definitions(cell.source).get(name)
        if rows:
            lines = cell.source.split("\n")
            first = lines[rows[0] - 1]
            indent = first[: len(first) - len(first.lstrip())]
            new = textwrap.indent(textwrap.dedent(text), indent)
            cell.source = "\n".join([*lines[: rows[0] - 1], new, *lines[rows[1] :]])
            return True
    return False
