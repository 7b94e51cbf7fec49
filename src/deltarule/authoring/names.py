"""Names: what a graded cell is called for ever, and what an unsolved task is called.

A submission is matched with its tests through cell names, so they must not move when a course is
edited: they come from what the author named (a tag, a class, a function), never from content or
position. A solution cell that is named by its class or function is called ``solution-<name>``, for
a test is usually named after the same function and nbgrader wants every ``grade_id`` once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deltarule.authoring.cells import Cell, Homework, Role
from deltarule.authoring.source import Line
from deltarule.authoring.syntax import transformed
from deltarule.authoring.tags import NAME

if TYPE_CHECKING:
    from deltarule.authoring.parse import Report

__all__ = ["definitions", "name_cells", "name_tasks", "question_name"]

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(text: str) -> dict[str, tuple[int, int]]:
    """Qualified names of the classes and functions of a cell, with first and last row from 1.

    Decorators count as part of what they decorate. A cell that does not parse defines nothing.
    """
    found: dict[str, tuple[int, int]] = {}

    def visit(nodes: Iterable[ast.AST], prefix: str) -> None:
        for node in nodes:
            if isinstance(node, Definition):
                rows = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
                found[prefix + node.name] = (min(rows), node.end_lineno or node.lineno)
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.stmt):
                visit(ast.iter_child_nodes(node), prefix)

    try:
        visit(ast.parse(transformed(text)).body, "")
    except SyntaxError:
        return {}
    return found


def _owner(cell: Cell, region: Homework) -> str:
    """The innermost definition around a region, else the first one inside it, else ""."""
    lines = cell.solution_lines
    found = definitions("\n".join(line.text for line in lines))
    numbers = [line.number for line in lines]
    code = [line for line in region.lines if not line.text.lstrip().startswith("#")]
    inside = [line.number for line in code if line.text.strip()] or [region.line]
    first, last = inside[0], inside[-1]

    def number(row: int) -> int:
        return numbers[min(row, len(numbers)) - 1]

    around = [
        name
        for name, (start, end) in found.items()
        if number(start) < first and last <= number(end)
    ]
    if around:
        return max(around, key=lambda name: name.count("."))
    within = [name for name, (start, _) in found.items() if first <= number(start) <= last]
    return within[0] if within else ""


def name_tasks(cell: Cell) -> Cell:
    """Let every homework region of a code cell know what its stub calls the task."""
    if cell.kind != "code" or not cell.homework:
        return cell
    parts = tuple(
        replace(part, task=_owner(cell, part) or part.name or cell.name)
        if isinstance(part, Homework)
        else part
        for part in cell.parts
    )
    return replace(cell, parts=parts)


def name_cells(cells: Sequence[Cell], report: Report) -> list[Cell]:
    """Name every solution cell and written homework, and see that each name is there once."""
    named: list[Cell] = []
    taken: dict[str, int] = {}
    for number, cell in enumerate(cells, 1):
        name, where = _own_name(cell)
        if _needs_name(cell) and not name:
            report.untidy(
                where,
                "this homework has no name that survives an edit; name it: "
                "'#!TAG HWBEGIN some_name'",
            )
            name = _free(f"homework-{number}", taken)
        elif name and name in taken:
            report.untidy(
                where,
                f"the name '{name}' is taken by the cell in line {taken[name]}; "
                "name this one differently, e.g. '#!TAG HWBEGIN other_name'",
            )
            name = _free(f"{name}-{number}", taken)
        if name:
            taken[name] = where.number
        if name and cell.role is Role.ANSWER:
            taken[question_name(replace(cell, name=name))] = where.number
        named.append(replace(cell, name=name))
    return named


def _free(name: str, taken: dict[str, int]) -> str:
    return name if name not in taken else _free(f"{name}-2", taken)


def question_name(cell: Cell) -> str:
    """The name of the locked cell that comes before an answer."""
    return f"question-{cell.name}"


def _needs_name(cell: Cell) -> bool:
    """Whether students write into this cell."""
    if cell.role in (Role.TEST, Role.ANSWER):
        return False  # a TEST or ANSWER tag without a name is an error of its own
    return any(not region.continued for region in cell.homework)


def _own_name(cell: Cell) -> tuple[str, Line]:
    where = Line(cell.line, "")
    if cell.role in (Role.TEST, Role.ANSWER):
        return cell.name, cell.tag or where
    begun = [region for region in cell.homework if not region.continued]
    for region in begun:
        if region.name:
            return region.name, region.begin
    for region in begun:
        where = region.begin
        if cell.kind == "code" and (owner := _owner(cell, region)):
            top = owner.split(".")[0]
            return (f"solution-{top}" if NAME.fullmatch(top) else ""), where
    return "", where
