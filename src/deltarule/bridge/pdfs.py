"""Printed notebooks: which PDFs an assignment has, which are current, and how they are made.

::

    release/lab04/lab04.ipynb    ──►  build/pdf/lab04/lab04.pdf            room for answers
    solutions/lab04/lab04.ipynb  ──►  build/pdf/lab04/lab04-solution.pdf   with outputs

Beside them ``printed.json`` keeps, for each file, a hash of what it was made from (notebook,
pictures, our printing code, pandoc and Typst) and a hash of itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deltarule.bridge.compiled import parse_assignment
from deltarule.config import IGNORED_NAMES, Course, write_atomic
from deltarule.errors import AuthoringError, MachineryError, Problem

__all__ = ["current_student_pdfs", "print_assignment"]

RECORD = "printed.json"


@dataclass(frozen=True)
class _Print:
    """One PDF: the notebook that it is made from, and where it goes."""

    notebook: Path
    pdf: Path
    solution: bool

    def key(self) -> str:
        """A hash of all that decides what is printed.

        The title in the source's header is among it: the notebook records the source's hash.
        """
        digest = hashlib.sha256(_printing_code().encode())
        folder = self.notebook.parent
        beside = [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and path.suffix != ".ipynb"
            and not IGNORED_NAMES & set(path.relative_to(folder).parts)
        ]
        for path in (self.notebook, *beside):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def is_current(self, record: dict[str, Any]) -> bool:
        """Whether the PDF is the one that the notebook would give now."""
        known = record.get(self.pdf.name)
        return (
            isinstance(known, dict)
            and self.pdf.is_file()
            and self.notebook.is_file()
            and known.get("made_from") == self.key()
            and known.get("sha256") == hashlib.sha256(self.pdf.read_bytes()).hexdigest()
        )


@cache
def _printing_code() -> str:
    """A hash of our code and the versions of what it calls."""
    from deltarule import authoring

    folder = Path(authoring.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("print*")):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{digest.hexdigest()} {version('typst')} {version('pypandoc_binary')}"


def print_assignment(course: Course, assignment: str, say: Callable[[str], None]) -> list[Path]:
    """Print the student and the solution notebooks of an assignment, those that changed.

    Args:
        course: the course; release and solutions of the assignment are current.
        assignment: its name.
        say: called with a short sentence before each PDF is made.

    Returns:
        The PDFs that were made.

    Raises:
        AuthoringError: something cannot be printed. The last PDF of that notebook stays, all
            others are made.
        MachineryError: a notebook is missing, or pandoc or Typst failed.
    """
    record = _record(course, assignment)
    wanted = list(_prints(course, assignment))
    made: list[Path] = []
    problems: list[Problem] = []
    titles: dict[str, str] = {}
    for each in wanted:
        if each.is_current(record):
            continue
        say(f"{assignment}: printing {each.pdf.name}")
        titles = titles or {
            notebook.name: notebook.header.title
            for notebook in parse_assignment(course, assignment)
        }
        try:
            key, pdf = each.key(), _printed(course, assignment, each, titles)
        except AuthoringError as error:
            problems += [_at_source(course, assignment, each, one) for one in error.problems]
            continue
        except OSError as error:
            raise MachineryError(f"{each.notebook} cannot be printed: {error}") from None
        write_atomic(each.pdf, pdf)
        record[each.pdf.name] = {
            "made_from": key,
            "sha256": hashlib.sha256(pdf).hexdigest(),
        }
        made.append(each.pdf)
    names = {each.pdf.name for each in wanted}
    for gone in set(record) - names:  # of notebooks that the assignment no longer has
        record.pop(gone)
        (_folder(course, assignment) / gone).unlink(missing_ok=True)
    text = json.dumps(record, indent=2, sort_keys=True)
    write_atomic(_folder(course, assignment) / RECORD, text + "\n")
    if problems:
        raise AuthoringError(problems)
    return made


def current_student_pdfs(course: Course, assignment: str) -> list[Path]:
    """The PDFs of student notebooks that are made from the release as it is."""
    record = _record(course, assignment)
    return [
        each.pdf
        for each in _prints(course, assignment)
        if not each.solution and each.is_current(record)
    ]


def _folder(course: Course, assignment: str) -> Path:
    return course.build / "pdf" / assignment


def _prints(course: Course, assignment: str) -> Iterator[_Print]:
    folder = _folder(course, assignment)
    for source in course.sources(assignment):
        name = f"{source.stem}.ipynb"
        yield _Print(course.release / assignment / name, folder / f"{source.stem}.pdf", False)
        solution = folder / f"{source.stem}-solution.pdf"
        yield _Print(course.solutions / assignment / name, solution, True)


def _record(course: Course, assignment: str) -> dict[str, Any]:
    try:
        read = json.loads((_folder(course, assignment) / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _printed(course: Course, assignment: str, each: _Print, titles: dict[str, str]) -> bytes:
    import nbformat

    from deltarule.authoring.printing import Imprint, print_notebook

    notebook = nbformat.read(each.notebook, as_version=4)
    stem = each.notebook.stem
    name = assignment if stem == assignment else f"{assignment} · {stem}"
    imprint = Imprint(titles.get(stem) or stem, name, each.solution)
    shown = each.notebook.relative_to(course.root)
    return print_notebook(notebook, each.notebook.parent, shown, imprint)


def _at_source(course: Course, assignment: str, each: _Print, problem: Problem) -> Problem:
    """The same problem at the line of the source that the author has to change, if it is there."""
    source = course.source / assignment / f"{each.notebook.stem}.md"
    text = source.read_text(encoding="utf-8")
    begin = text.find(problem.text) if problem.text else -1
    if begin < 0:
        return problem
    line = text.count("\n", 0, begin) + 1
    shown = source.relative_to(course.root)
    return Problem(shown, line, f"{problem.message} ({problem.path})", problem.text)
