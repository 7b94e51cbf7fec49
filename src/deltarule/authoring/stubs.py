"""Put stand-ins in the place of removed homework, such that a student's cell always parses.

A region may be the body of a function, a few items of a list, the arguments of a call, half an
``if``. What can stand in its place depends on what stands around it, so the stand-ins are tried in
the order of :func:`~deltarule.authoring.candidates.candidates`, and the first with which the whole
cell compiles is taken. Regions are settled from the top; where that leads nowhere because they
depend on one another, combinations are tried.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import islice, product

from deltarule.authoring.candidates import Place, StandIn, candidates
from deltarule.authoring.cells import Cell, Given, Homework, Role, trimmed
from deltarule.authoring.source import Line
from deltarule.authoring.syntax import Language, compiles, language, statements, transformed

__all__ = ["NoStubError", "student_text"]

COMBINATIONS = 5000
"""How many combinations of stand-ins are tried in a cell whose regions depend on one another."""

PLACEHOLDER = "*Your answer here.*"


class NoStubError(Exception):
    """No stand-in for ``region`` lets the cell parse."""

    def __init__(self, region: Homework) -> None:
        self.region = region
        super().__init__(str(region.begin))


def student_text(cell: Cell) -> str | None:
    """The text of a cell in the student version; None where nothing of the cell is left.

    Raises:
        NoStubError: no stand-in for a region lets the cell parse.
    """
    if not cell.homework:
        return cell.solution or (PLACEHOLDER if _is_written_answer(cell) else "")
    if cell.kind != "code":
        return _student_text_cell(cell)
    if all(
        _is_blank(part) or (isinstance(part, Homework) and part.continued and not part.messages)
        for part in cell.parts
    ):
        return None
    return _student_code(cell)


def _is_written_answer(cell: Cell) -> bool:
    return cell.kind == "markdown" and cell.role is Role.ANSWER


def _is_blank(part: object) -> bool:
    return isinstance(part, Given) and not any(line.text.strip() for line in part.lines)


def _student_text_cell(cell: Cell) -> str | None:
    texts: list[str] = []
    for part in cell.parts:
        if isinstance(part, Given):
            texts += [line.text for line in part.lines]
        elif isinstance(part, Homework):
            texts += part.messages or ([] if part.continued else [PLACEHOLDER])
    return trimmed(texts) or None


def _student_code(cell: Cell) -> str:
    regions = cell.homework
    solved = [StandIn(tuple(line.text for line in region.lines)) for region in regions]
    options = [
        list(candidates(region, place))
        for region, place in zip(regions, _places(cell), strict=True)
    ]
    judge = _Judge(_assemble(cell, solved))
    chosen: list[StandIn] = []
    stuck = 0
    for number, stand_ins in enumerate(options):
        rest = solved[number + 1 :]
        for stand_in in stand_ins:
            if judge.accepts(_assemble(cell, [*chosen, stand_in, *rest])):
                chosen.append(stand_in)
                break
        else:
            stuck = number
            break
    else:
        return _assemble(cell, chosen)
    if len(regions) > 1:
        for combination in islice(product(*options), COMBINATIONS):
            text = _assemble(cell, combination)
            if judge.accepts(text):
                return text
    if not judge.solution_compiles:  # the author was told; students get the cell as it is
        return _assemble(cell, [stand_ins[0] for stand_ins in options])
    raise NoStubError(regions[stuck])


class _Judge:
    """Decides whether a cell's text can be handed to students."""

    def __init__(self, solution: str) -> None:
        self.solution_compiles = compiles(solution)
        self.misread = _misread(solution) if self.solution_compiles else 0

    def accepts(self, text: str) -> bool:
        """Whether it compiles, and Python reads the stand-ins as they are meant."""
        return compiles(text) and (not self.solution_compiles or _misread(text) <= self.misread)


def _misread(text: str) -> int:
    """How many stand-ins could be something else: ``{...}`` is a set, ``x **{}`` a power."""
    if language(text) is not Language.PYTHON:
        return 0
    return sum(
        isinstance(node, ast.Set)
        or (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Pow)
            and isinstance(node.right, ast.Dict | ast.Attribute | ast.Subscript | ast.Call)
        )
        for node in ast.walk(ast.parse(transformed(text)))
    )


def _places(cell: Cell) -> list[Place]:
    """Where each region stands among the statements of the solved cell."""
    lines = list(cell.solution_lines)
    spans = statements("\n".join(line.text for line in lines))
    starts = {begin for begin, _ in spans}
    given = "\n".join(
        line.text for part in cell.parts if isinstance(part, Given) for line in part.lines
    )
    places: list[Place] = []
    row = 1  # of the region's first line
    for number, part in enumerate(cell.parts):
        if isinstance(part, Homework):
            around = [begin for begin, end in spans if begin < row <= end]
            statement = lines[around[0] - 1] if around else None
            if statement is not None and not _is_given(cell, statement):
                statement = None
            places.append(
                Place(
                    before=max(
                        ((begin, lines[begin - 1].text) for begin, end in spans if end < row),
                        default=(0, ""),
                    )[1],
                    starts=tuple(
                        line.text for at, line in enumerate(part.lines, row) if at in starts
                    ),
                    following=_following(cell, number),
                    inside=bool(around),
                    statement=statement,
                    language=language(given),
                )
            )
        if isinstance(part, Given | Homework):
            row += len(part.lines)
    return places


def _is_given(cell: Cell, line: Line) -> bool:
    return any(line in part.lines for part in cell.parts if isinstance(part, Given))


def _following(cell: Cell, number: int) -> str:
    """The first line of code after a part, whether given or solved."""
    for part in cell.parts[number + 1 :]:
        if isinstance(part, Given | Homework):
            for line in part.lines:
                if line.text.strip() and not line.text.lstrip().startswith("#"):
                    return line.text
    return ""


def _assemble(cell: Cell, stand_ins: Sequence[StandIn]) -> str:
    texts: list[str] = []
    waiting = iter(stand_ins)
    lifted: dict[Line, list[str]] = {}
    for stand_in in stand_ins:
        if stand_in.above is not None:
            lifted.setdefault(stand_in.above, []).extend(stand_in.lifted)
    for part in cell.parts:
        if isinstance(part, Homework):
            texts += next(waiting).lines
        elif isinstance(part, Given):
            for line in part.lines:
                texts += lifted.get(line, ())
                texts.append(line.text)
    return trimmed(texts)
