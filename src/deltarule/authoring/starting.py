"""Start an assignment: a small one that works, to be changed into one's own.

::

    source/<assignment>/<assignment>.md            the text, a homework, its tests, a written answer
    tests/submissions/<assignment>/*.py            what students do, and which points it should cost
    tests/variants/<assignment>/in_a_loop.py       a right answer in another style

The files of ``templates/`` are the package's own and are copied as they are, but for the title.
"""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from deltarule.config import Course, write_atomic
from deltarule.errors import MachineryError, UsageError

__all__ = ["start_assignment"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Names that are one folder on every system, and that nbgrader, addresses and shells take."""

LONGEST_NAME = 60
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""What Windows takes for devices."""


def start_assignment(course: Course, assignment: str) -> list[Path]:
    """Write the files of a new assignment; return them in the order in which they are read.

    Raises:
        UsageError: the name does not do, or something of that name exists. Nothing was written.
        MachineryError: the disk failed; what was written is taken away again.
    """
    _refuse_bad_name(assignment)
    templates = files("deltarule.authoring") / "templates"
    texts = {course.source / assignment / f"{assignment}.md": templates / "assignment.md"}
    for kind in ("submissions", "variants"):
        folder = course.root / "tests" / kind / assignment
        for template in sorted((templates / kind).iterdir(), key=lambda one: one.name):
            texts[folder / template.name] = template
    _refuse_existing(course, assignment, {path.parent for path in texts})
    _write(texts, title=assignment.replace("_", " ").replace("-", " ").capitalize())
    return list(texts)


def _refuse_bad_name(assignment: str) -> None:
    if (
        not NAME.fullmatch(assignment)
        or len(assignment) > LONGEST_NAME
        or RESERVED.fullmatch(assignment)
    ):
        raise UsageError(
            f"'{assignment}' cannot be an assignment's name: it names folders and stands in "
            f"addresses.\nUse up to {LONGEST_NAME} letters (a to z), digits, '_' and '-', a letter "
            "or digit first, e.g. 'lab05' or 'gradient_flow'"
        )


def _refuse_existing(course: Course, assignment: str, folders: set[Path]) -> None:
    generated = {course.release / assignment, course.solutions / assignment}
    there = sorted(path for path in folders | generated if path.exists())
    if there:
        shown = ", ".join(path.relative_to(course.root).as_posix() for path in there)
        raise UsageError(
            f"{shown} exists already, and stays as it is; choose another name, or move it away"
        )


def _write(texts: dict[Path, Traversable], title: str) -> None:
    written: list[Path] = []
    try:
        for path, template in texts.items():
            text = template.read_text(encoding="utf-8").replace("TITLE", title)
            write_atomic(path, text)
            written.append(path)
    except OSError as error:
        for path in written:
            path.unlink()
        raise MachineryError(f"the assignment cannot be written: {error}") from error
