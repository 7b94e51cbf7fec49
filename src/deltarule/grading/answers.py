"""Submissions as small text files: what a student changed, and nothing else.

A file of answers is one submission of an assignment. It is valid Python with a docstring that says
what the student did, settings in comments, and sections::

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

Sections and lost tests are looked up in all notebooks of the assignment. A name that stands in
several is written with its notebook, ``# %% fitting/error``; ``# notebook: fitting`` says it once
for the whole file, and ``# missing: fitting`` that this notebook is not handed in.
"""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deltarule.authoring.names import definitions
from deltarule.errors import Problem, UsageError

__all__ = ["Answers", "fill_all", "lost_tests", "read_answers"]

_SETTING = re.compile(r"#\s*(base|loses|misconception|notebook|missing):\s*(.+)")
_SECTION = re.compile(r"# %%\s*(?P<markdown>\[markdown\]\s*)?(?P<name>\S.*?)\s*$")


@dataclass(frozen=True)
class Answers:
    """One file of answers.

    Attributes:
        path: the file; its stem is the student's name.
        description: what this student did.
        base: ``solution`` or ``release``.
        loses: the tests that this submission should lose points in; ``("all",)`` for every one.
        misconception: the expected diagnosis, or "".
        sections: (is Markdown, name, text) in file order; a name may begin with ``<notebook>/``.
        notebook: the one that sections and ``loses`` are about, or "" for all.
        missing: notebooks that are not handed in.
        rows: where a setting, or the section of a name, stands in the file.
    """

    path: Path
    description: str
    base: str
    loses: tuple[str, ...]
    misconception: str
    sections: tuple[tuple[bool, str, str], ...]
    notebook: str = ""
    missing: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)

    def refuse(self, about: str, message: str) -> UsageError:
        """The error that ``message`` says about a setting, or about the section of a name."""
        return UsageError(str(Problem(self.path, self.rows.get(about, 0), message)))


def read_answers(path: Path) -> Answers:
    """Read a file of answers.

    Raises:
        UsageError: it is not valid Python, or a setting is missing.
    """
    text = path.read_text(encoding="utf-8")
    try:
        description = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None
    settings: dict[str, str] = {}
    rows: dict[str, int] = {}
    sections: list[tuple[bool, str, list[str]]] = []
    for row, line in enumerate(text.split("\n"), 1):
        if match := _SECTION.fullmatch(line):
            sections.append((bool(match["markdown"]), match["name"], []))
            rows.setdefault(_heading(match["name"]), row)
        elif sections:
            sections[-1][2].append(line)
        elif match := _SETTING.fullmatch(line):
            settings[match[1]] = match[2].strip()
            rows[match[1]] = row
    if settings.get("base") not in ("solution", "release") or "loses" not in settings:
        raise UsageError(f"{path}: write '# base: solution' (or release) and '# loses: …'")
    loses = _listed(settings["loses"])
    return Answers(
        path,
        description,
        settings["base"],
        () if loses == ("none",) else loses,
        settings.get("misconception", ""),
        tuple((md, name, _section_text(md, lines)) for md, name, lines in sections),
        settings.get("notebook", ""),
        _listed(settings.get("missing", "")),
        rows,
    )


def _heading(name: str) -> str:
    return f"%% {name}"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _section_text(markdown: bool, lines: list[str]) -> str:
    if markdown:
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    return "\n".join(lines).strip("\n")


def fill_all(
    release: Mapping[str, Any], solution: Mapping[str, Any], answers: Answers
) -> dict[str, Any]:
    """The notebooks that this student hands in.

    Args:
        release: the released notebooks of the assignment, by name.
        solution: the solution notebooks of the same sources.
        answers: what the student wrote.

    Returns:
        Notebooks by name, in the order of ``release``, without those that are missing.

    Raises:
        UsageError: a section, a test or a notebook that the file names does not exist, or stands in
            several notebooks.
    """
    lost_tests(answers, {name: _tests(notebook) for name, notebook in release.items()})
    filled = {}
    for name, notebook in release.items():
        if name in answers.missing:
            continue
        filled[name] = copy.deepcopy(notebook)
        if answers.base == "solution":
            solved = {cell.id: cell.source for cell in solution[name].cells}
            for cell in _written(filled[name]):
                cell.source = solved[cell.id]
    if not filled:
        raise answers.refuse("missing", "no notebook is left to be handed in")
    for _, name, text in answers.sections:
        about = _heading(name)
        there = {key: _places(notebook) for key, notebook in filled.items()}
        owner, place = _find(answers, about, name, there, "cell, class or function")
        _put(filled[owner], place, text)
    return filled


def lost_tests(answers: Answers, tests: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """The tests of each notebook in which this submission should lose points.

    Those of a missing notebook are among them, and those of an untouched one.

    Args:
        answers: the file.
        tests: the names of the tests, by notebook.

    Raises:
        UsageError: the file names a notebook or test that does not exist, or a test that stands in
            several notebooks.
    """
    for setting, names in (("notebook", (answers.notebook,)), ("missing", answers.missing)):
        for name in names:
            if name and name not in tests:
                known = ", ".join(tests)
                message = f"there is no notebook '{name}'; the assignment has {known}"
                raise answers.refuse(setting, message)
    lost: dict[str, set[str]] = {name: set() for name in tests}
    for name in answers.loses:
        if name == "all":
            for owner in [answers.notebook] if answers.notebook else tests:
                lost[owner] |= set(tests[owner])
        else:
            owner, test = _find(answers, "loses", name, tests, "test")
            lost[owner].add(test)
    for name in tests:
        untouched = answers.base == "release" and answers.notebook not in ("", name)
        if name in answers.missing or untouched:
            lost[name] = set(tests[name])
    return {name: frozenset(found) for name, found in lost.items()}


def _find(
    answers: Answers, about: str, name: str, there: Mapping[str, Collection[str]], what: str
) -> tuple[str, str]:
    """The notebook that a name belongs to, and the name without it.

    Args:
        answers: the file that the name stands in.
        about: the setting or section, for errors.
        name: with or without ``<notebook>/``.
        there: the names that there are, by notebook.
        what: they are.
    """
    prefix, slash, bare = name.rpartition("/")
    if slash and answers.notebook not in ("", prefix):
        message = f"'{name}' contradicts '# notebook: {answers.notebook}'"
        raise answers.refuse(about, message)
    asked = prefix if slash else answers.notebook
    if asked and asked not in there:
        gone = "is not handed in" if asked in answers.missing else "does not exist"
        message = f"'{name}': the notebook '{asked}' {gone}; there is {', '.join(there)}"
        raise answers.refuse(about, message)
    owners = [key for key in ([asked] if asked else there) if bare in there[key]]
    if not owners:
        where = f" in '{asked}'" if asked and len(there) > 1 else ""
        raise answers.refuse(about, f"there is no {what} '{bare}'{where}")
    if len(owners) > 1:
        message = f"'{bare}' stands in {' and '.join(owners)}; write '{owners[0]}/{bare}'"
        raise answers.refuse(about, message)
    return owners[0], bare


def _tests(notebook: Any) -> list[str]:
    """The names of the tests of a released notebook."""
    settings = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return [one["grade_id"] for one in settings if one.get("grade") and not one.get("solution")]


def _written(notebook: Any) -> list[Any]:
    """The cells that students write; tests often share a function's name, and are not theirs."""
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]


def _places(notebook: Any) -> set[str]:
    """What a section can be named after."""
    written = _written(notebook)
    found = {cell.id for cell in written}
    return found.union(*(definitions(c.source) for c in written if c.cell_type == "code"))


def _put(notebook: Any, name: str, text: str) -> None:
    """Put a section into its place: the cell of that id, else the first definition."""
    written = _written(notebook)
    for cell in written:
        if cell.id == name:
            cell.source = text
            return
    for cell in written:
        rows = definitions(cell.source).get(name) if cell.cell_type == "code" else None
        if rows:
            lines = cell.source.split("\n")
            first = lines[rows[0] - 1]
            indent = first[: len(first) - len(first.lstrip())]
            new = textwrap.indent(textwrap.dedent(text), indent)
            cell.source = "\n".join([*lines[: rows[0] - 1], new, *lines[rows[1] :]])
            return
