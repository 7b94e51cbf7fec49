"""Written answers: a locked cell that asks, a cell that students write into, and the rest.

A Markdown cell is parted where its homework begins and ends. nbgrader loses what is hidden in an
answer cell, so a mark scheme goes into the locked cell before it, which is made if it is not there.
"""

from __future__ import annotations

from dataclasses import replace

from deltarule.authoring.cells import Cell, Given, Homework, Part, Role, Secret
from deltarule.authoring.names import question_name
from deltarule.authoring.source import Line

__all__ = ["place_questions", "split_at_homework"]


def split_at_homework(cell: Cell) -> list[Cell]:
    """Part a Markdown cell at its homework, so that question and answer are cells of their own."""
    if cell.kind != "markdown" or not cell.homework:
        return [cell]
    if cell.role is Role.ANSWER:
        return _split_answer(cell)
    pieces = [replace(cell, parts=(part,), line=_line_of(part, cell)) for part in cell.parts]
    return [piece for piece in pieces if piece.homework or piece.solution]


def _split_answer(cell: Cell) -> list[Cell]:
    """A question, the answer with its mark scheme, and the rest of a written answer's cell."""
    last = max(i for i, part in enumerate(cell.parts) if isinstance(part, Homework))
    asked = tuple(part for part in cell.parts[:last] if _says_something(part))
    answered = tuple(part for part in cell.parts if not isinstance(part, Given))
    rest = tuple(part for part in cell.parts[last:] if _says_something(part))
    pieces = [replace(cell, parts=answered)]
    if asked:
        line = _line_of(asked[0], cell)
        pieces.insert(0, Cell("markdown", Role.PLAIN, asked, line, tags=cell.tags))
    if rest:
        line = _line_of(rest[0], cell)
        pieces.append(Cell("markdown", Role.PLAIN, rest, line, tags=cell.tags))
    return pieces


def _says_something(part: Part) -> bool:
    return isinstance(part, Given) and any(line.text.strip() for line in part.lines)


def _line_of(part: Part, cell: Cell) -> int:
    return part.lines[0].number if part.lines else cell.line


def place_questions(cells: list[Cell]) -> list[Cell]:
    """Put a locked question before every written answer, with the answer's mark scheme in it."""
    placed: list[Cell] = []
    for cell in cells:
        if cell.role is not Role.ANSWER:
            placed.append(cell)
            continue
        scheme = tuple(part for part in cell.parts if isinstance(part, Secret))
        before = placed[-1] if placed else None
        if (
            before
            and before.kind == "markdown"
            and before.role is Role.PLAIN
            and not before.homework
        ):
            placed.pop()
            parts, line, tags = before.parts, before.line, before.tags
        else:
            points = cell.points or 0.0
            unit = "point" if points == 1 else "points"
            prompt = f"**Your answer to `{cell.name}`** ({points:g} {unit})"
            parts, line, tags = (Given((Line(cell.line, prompt),)),), cell.line, ()
        if scheme:
            parts = (*parts, Given((Line(cell.line, ""),)), *scheme)
        name = question_name(cell)
        placed.append(Cell("markdown", Role.QUESTION, parts, line, name, tags=tags))
        rest = tuple(part for part in cell.parts if not isinstance(part, Secret))
        placed.append(replace(cell, parts=rest))
    return placed
