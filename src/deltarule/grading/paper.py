"""A paper: one notebook of a submission, read without trusting it, as it is to be run and recorded.

::

    submitted/ann/lab04/lab04.ipynb ──read──► cells: type, ids, text ──recognised by──► Paper
                                              (all else is dropped)    the plan's cells

Whatever the file holds, the outcome is a paper. Tests and locked cells have the author's text and
are all there, once; or the paper has a problem, which says what the student should do.

**Where tests stand.** A student's own cells often stand between an answer and its test, so tests
stay where the student has them, as long as nothing can be gained by it. Among cells that students
may edit nothing can: what a moved cell does could be written before the test as well. But a test
that ran before a test or locked code that it follows could find a student's function in the place
of a helper from there, and one that ran after locked code that follows it, the right answer. So
tests and locked code keep their order. What stands elsewhere is moved, down where possible: there,
all that the student wrote for it has run.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from deltarule.errors import MachineryError
from deltarule.grading.handed_in import UnusableError, Written, read_notebook
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell, normal_text

__all__ = ["ENOUGH_KNOWN", "Paper", "PaperCell", "read_papers", "share_known"]

ENOUGH_KNOWN = 0.5
"""The share of a notebook's named cells by which a file of any name is known to be it."""

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_Key = tuple[int, int, int]
"""Where a cell stands: at, or after, which submitted cell; and among those that come after it."""


@dataclass(frozen=True)
class PaperCell:
    """A cell as it is recorded, and as it is run.

    Attributes:
        cell_type: ``code``, ``markdown`` or ``raw``.
        id: valid for nbformat and unique in the paper; the plan's where ``planned``.
        source: what is recorded; of tests and locked cells the planned source, secrets included.
        run: the code that the child runs, never with a secret of the author's; None where nothing
            is run: text, and demos that are left out.
        planned: the assignment's cell that this is; None for one of the student's own.
        pictures: attachments of the student's text, PNG and JPEG only: a photographed derivation.
    """

    cell_type: str
    id: str
    source: str
    run: str | None
    planned: PlannedCell | None
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Paper:
    """One notebook of a submission.

    Attributes:
        notebook: its name in the plan.
        cells: none if there is a problem.
        problem: why it cannot be graded, and what the student should do; "" if it can.
        notes: what was put right, and what else somebody who reads the result should know.
    """

    notebook: str
    cells: tuple[PaperCell, ...]
    problem: str = ""
    notes: tuple[str, ...] = ()


def read_papers(plan: AssignmentPlan, folder: Path, *, run_demos: bool) -> tuple[Paper, ...]:
    """Read one student's submission of an assignment.

    Args:
        plan: of the assignment.
        folder: where the submission lies; links in it are not followed.
        run_demos: whether demo cells are run where the student has changed none of them.

    Returns:
        A paper for every planned notebook, in the plan's order.

    Raises:
        MachineryError: the disk, or its permissions, keep a file from being read that is there.
    """
    found = _notebook_files(folder)
    files = {f"{notebook.name}.ipynb" for notebook in plan.notebooks}
    strangers = [name for name, regular in found.items() if regular and name not in files]
    missing = [notebook for notebook in plan.notebooks if f"{notebook.name}.ipynb" not in found]
    papers = []
    for notebook in plan.notebooks:
        try:
            if notebook not in missing:
                cells = read_notebook(folder / f"{notebook.name}.ipynb")
                also = [f"{_listed(strangers)} was handed in too, and not graded"]
                notes = also if strangers and not missing else []
            else:
                cells = _renamed(folder, notebook, missing, strangers)
                notes = [f"taken from {_listed(strangers)}; name it {notebook.name}.ipynb"]
            papers.append(_Marker(notebook, cells, run_demos).paper(notes))
        except UnusableError as error:
            papers.append(Paper(notebook.name, (), f"{notebook.name}.ipynb {error}"))
    return tuple(papers)


def _notebook_files(folder: Path) -> dict[str, bool]:
    """Names of what looks like notebooks, and whether each is a regular file."""
    try:
        with os.scandir(folder) as entries:
            found = {
                entry.name: entry.is_file(follow_symlinks=False)
                for entry in entries
                if entry.name.lower().endswith(".ipynb") and not entry.name.startswith(".")
            }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise MachineryError(f"{folder} cannot be read: {error.strerror}") from error
    return dict(sorted(found.items()))


def _listed(names: Sequence[str]) -> str:
    """Names that a student chose, fit to be shown."""
    shown = ["".join(c if c.isprintable() else "?" for c in name)[:60] for name in names[:3]]
    return ", ".join(f"'{name}'" for name in shown) + (", …" if len(names) > 3 else "")


def _renamed(
    folder: Path, notebook: NotebookPlan, missing: Sequence[Any], strangers: Sequence[str]
) -> list[Written]:
    """The cells of the one stranger that is surely the one missing notebook."""
    if not strangers:
        raise UnusableError("was not handed in")
    there = f"was not handed in; {_listed(strangers)} was"
    if len(strangers) > 1 or len(missing) > 1:
        raise UnusableError(f"{there}; rename the right one to {notebook.name}.ipynb")
    try:
        cells = read_notebook(folder / strangers[0])
    except UnusableError as error:
        raise UnusableError(f"{there}, but it {error}") from None
    if share_known(cells, notebook) < ENOUGH_KNOWN:
        raise UnusableError(f"{there}, which is another notebook; hand in the right one")
    return cells


def share_known(cells: Sequence[Written], notebook: NotebookPlan) -> float:
    """How much of a notebook is among some cells: the share of its named cells, from 0 to 1.

    Where no cell has a name, all count.
    """
    planned = [cell for cell in notebook.cells if cell.released]
    named = [at for at, cell in enumerate(planned) if cell.grade_id] or list(range(len(planned)))
    known = set(_recognised(cells, planned).values())
    return len(known & set(named)) / len(named) if named else 0.0


def _recognised(cells: Sequence[Written], planned: Sequence[PlannedCell]) -> dict[int, int]:
    """Which planned cell a submitted one is, by their numbers: by name, else id, else text."""
    found: dict[int, int] = {}
    named = {cell.grade_id for cell in planned} - {""}
    copies = defaultdict(list)
    by_id: dict[tuple[str, str], int] = {}
    by_text = defaultdict(list)
    for at, cell in enumerate(cells):
        if cell.grade_id in named:
            copies[cell.grade_id].append(at)
        else:
            by_id.setdefault((cell.id, cell.cell_type), at)
            by_text[cell.cell_type, normal_text(cell.source)].append(at)
    for place, plan in enumerate(planned):
        if plan.grade_id in copies:
            found[_original(cells, copies[plan.grade_id], plan)] = place
        elif (plan.id, plan.cell_type) in by_id:
            found[by_id[plan.id, plan.cell_type]] = place
    shown = [(plan.cell_type, normal_text(plan.visible)) for plan in planned]
    often = {text for text, times in Counter(shown).items() if times > 1}
    known = set(found.values())
    for place, plan in enumerate(planned):
        text = shown[place]
        # Of the stubs that are all alike, one that was left says nothing about which it is.
        unsure = text in often and plan.kind in ("manual", "solution")
        same = () if place in known or unsure or not text[1] else by_text[text]
        left = [at for at in same if at not in found]
        if left:
            found[left[0]] = place
    return found


def _original(cells: Sequence[Written], copies: Sequence[int], plan: PlannedCell) -> int:
    """The cell that was copied: of answers one that says something, else the one with the id."""

    def merit(at: int) -> tuple[bool, bool]:
        untouched = plan.kind == "manual" and plan.unchanged(cells[at].source)
        return untouched, cells[at].id != plan.id

    return min(copies, key=merit)


class _Marker:
    """Makes a paper of a notebook's plan and the cells that were handed in."""

    def __init__(self, notebook: NotebookPlan, cells: Sequence[Written], run_demos: bool) -> None:
        self.notebook = notebook
        self.cells = cells
        self.run_demos = run_demos
        self.planned = [cell for cell in notebook.cells if cell.released]
        self.place_of = _recognised(cells, self.planned)
        self.at_of = {place: at for at, place in self.place_of.items()}
        self.ids = {cell.id for cell in notebook.cells}
        self.free = (name for at in count(1) if (name := f"own-{at}") not in self.ids)
        self.notes: list[str] = []

    def paper(self, notes: Iterable[str]) -> Paper:
        """The paper; ``notes`` come before its own."""
        demos = [place for place in self.at_of if self.planned[place].demo]
        # A demo that was changed may need what another one binds.
        self.run_demos |= any(
            not self.planned[place].unchanged(self.cells[self.at_of[place]].source)
            for place in demos
        )
        made: dict[_Key, PaperCell] = {}
        for place, key in self._keys().items():
            made[key] = self._cell(self.planned[place], self.at_of.get(place))
        tests = {cell.grade_id: cell for cell in self.planned if cell.kind == "test"}
        for at, cell in enumerate(self.cells):
            test = tests.get(cell.grade_id)
            again = test is not None and test.unchanged(cell.source)
            if at not in self.place_of and not again:
                made[at, 0, 0] = self._own(cell)
        self._note_copies()
        cells = tuple(made[key] for key in sorted(made))
        return Paper(self.notebook.name, cells, "", (*notes, *self.notes))

    def _keys(self) -> dict[int, _Key]:
        """Where each planned cell stands that is in the paper, by its number in the plan."""
        keys: dict[int, _Key] = {}
        for place, cell in enumerate(self.planned):
            if place in self.at_of:
                keys[place] = (self.at_of[place], 0, 0)
            elif cell.fixed or cell.kind == "manual":
                keys[place] = (self._gap(place), 1, place)
                what = "was missing and came back" if cell.fixed else "was not found"
                self.notes.append(f"{cell.title} {what}")
            elif cell.kind == "solution":
                self.notes.append(f"{cell.title} was not found, and is not put back")
        code = [place for place in keys if self.planned[place].cell_type == "code"]
        fixed = [place for place in code if self.planned[place].fixed]
        _arrange(keys, fixed, {place for place in fixed if self.planned[place].kind == "test"})
        for place in fixed:
            if place in self.at_of and keys[place] != (self.at_of[place], 0, 0):
                self.notes.append(f"{self.planned[place].title} stood out of order and was moved")
        return keys

    def _gap(self, place: int) -> int:
        """The submitted cell after which a missing one comes, -1 for none.

        That is the nearest planned one before it, with what the student added to that.
        """
        at = self.at_of[max(before)] if (before := [n for n in self.at_of if n < place]) else -1
        while at + 1 < len(self.cells) and at + 1 not in self.place_of:
            at += 1
        return at

    def _cell(self, plan: PlannedCell, at: int | None) -> PaperCell:
        written = None if at is None else self.cells[at]
        if plan.fixed:
            source, run = plan.source, plan.visible
            if written is not None and not plan.unchanged(written.source):
                self.notes.append(f"{plan.title} was changed, and has its own text again")
        elif written is None:
            source, run = _not_found(plan), None
        else:
            source = run = written.source
            if plan.demo and not self.run_demos and plan.unchanged(source):
                run = None
            if written.cell_type != plan.cell_type:
                self.notes.append(f"{plan.title} is a {plan.cell_type} cell again")
        run = run if plan.cell_type == "code" else None
        pictures = {} if plan.fixed or written is None else written.pictures
        return PaperCell(plan.cell_type, plan.id, source, run, plan, pictures)

    def _own(self, cell: Written) -> PaperCell:
        """A cell of the student's own, or a copy that the student made of a planned one."""
        usable = _CELL_ID.fullmatch(cell.id) and cell.id not in self.ids
        name = cell.id if usable else next(self.free)
        self.ids.add(name)
        run = cell.source if cell.cell_type == "code" else None
        return PaperCell(cell.cell_type, name, cell.source, run, None, cell.pictures)

    def _note_copies(self) -> None:
        copies = Counter(cell.grade_id for cell in self.cells)
        for cell in self.planned:
            if cell.grade_id and (times := copies[cell.grade_id]) > 1:
                what = "counts once" if cell.kind == "test" else "is there with its copies"
                self.notes.append(f"{cell.title} was there {times} times, and {what}")


def _arrange(keys: dict[int, _Key], fixed: Sequence[int], tests: Collection[int]) -> None:
    """Put tests and locked code into an order by which nobody gains (see the module's text).

    Args:
        keys: where the cells stand; changed.
        fixed: numbers of tests and locked code in the plan, in order.
        tests: those of them that are tests.
    """
    ceiling: _Key | None = None
    for place in reversed(fixed):
        if place not in tests:
            ceiling = keys[place]
        elif ceiling is not None:
            at, after, _ = ceiling
            keys[place] = min(keys[place], (at - 1 + after, 1, place))
    floor: _Key = (-1, 0, 0)
    for place in fixed:
        floor = keys[place] = max(keys[place], (floor[0], 1, place))


def _not_found(plan: PlannedCell) -> str:
    """What a person reads in an answer's place; nbgrader gives the released text no points."""
    mark = "# " if plan.cell_type == "code" else ""
    said = f"The answer '{plan.grade_id}' was not found. If it stands in another cell, grade that."
    return mark + said
