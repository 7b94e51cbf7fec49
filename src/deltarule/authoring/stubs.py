"""Stand-ins for removed homework, such that a student's cell always parses.

A region may be the body of a function, a few items of a list, the arguments of a call, half an
``if``. What can stand in its place depends on what stands around it, so the stand-ins are tried in
the order of :func:`candidates` and the first with which the whole cell compiles is taken. Most
specific first: an unsolved task should say so when it is run.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice, product

from deltarule.authoring.cells import Cell, Given, Homework

__all__ = ["NoStubError", "compiles", "student_text", "syntax_error", "transformed"]

COMBINATIONS = 5000
"""How many combinations of stand-ins are tried in a cell whose regions depend on one another."""

PLACEHOLDER = "*Your answer here.*"


class NoStubError(Exception):
    """No stand-in lets the cell parse; ``line`` is that of the region's HWBEGIN."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


@cache
def _transform() -> Callable[[str], str]:
    from IPython.core.inputtransformer2 import TransformerManager

    transform: Callable[[str], str] = TransformerManager().transform_cell
    return transform


def transformed(text: str) -> str:
    """A cell's text as IPython hands it to Python: magics and shell lines become calls."""
    result: str = _transform()(text)
    return result


def syntax_error(text: str) -> tuple[int, str] | None:
    """Row (from 1) and message of what keeps a code cell from being compiled; None if nothing."""
    if text.lstrip().startswith("%%"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(transformed(text), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except ValueError as error:
        return 1, str(error)
    return None


def compiles(text: str) -> bool:
    """Whether a student who runs a code cell with this text meets no ``SyntaxError``."""
    return syntax_error(text) is None


def student_text(cell: Cell) -> str | None:
    """The text of a cell in the student version; None where nothing of the cell is left.

    Raises:
        NoStubError: no stand-in for a region lets the cell parse.
    """
    if not cell.homework:
        return cell.solution
    if cell.kind != "code":
        return _student_markdown(cell)
    if all(
        _is_blank(part) or (isinstance(part, Homework) and part.continued) for part in cell.parts
    ):
        return None
    return _student_code(cell)


def _is_blank(part: object) -> bool:
    return isinstance(part, Given) and not any(line.text.strip() for line in part.lines)


def _student_markdown(cell: Cell) -> str | None:
    texts: list[str] = []
    for part in cell.parts:
        if isinstance(part, Given):
            texts += [line.text for line in part.lines]
        elif isinstance(part, Homework) and not part.continued:
            texts += part.messages or [PLACEHOLDER]
    return "\n".join(texts).strip() or None


def _student_code(cell: Cell) -> str:
    regions = cell.homework
    options = [list(candidates(region)) for region in regions]
    solved = [[line.text for line in region.lines] for region in regions]
    ranked: list[list[list[str]]] = []
    for index, region in enumerate(regions):
        alone = [
            stub
            for stub in options[index]
            if compiles(_assemble(cell, [*solved[:index], stub, *solved[index + 1 :]]))
        ]
        ranked.append(alone or options[index])
        if not alone and len(regions) == 1:
            raise NoStubError(region.line)
    for chosen in islice(product(*ranked), COMBINATIONS):
        text = _assemble(cell, chosen)
        if compiles(text):
            return text
    raise NoStubError(regions[0].line)


def _assemble(cell: Cell, stubs: Sequence[Sequence[str]]) -> str:
    texts: list[str] = []
    waiting = iter(stubs)
    for part in cell.parts:
        if isinstance(part, Homework):
            texts += next(waiting)
        elif isinstance(part, Given):
            texts += [line.text for line in part.lines]
    return "\n".join(text.rstrip() for text in texts).strip("\n")


def candidates(region: Homework) -> Iterator[list[str]]:
    """The stand-ins for a region, in the order in which they are tried, messages included."""
    filled = [line.text for line in region.lines if line.text.strip()]
    indents = [text[: len(text) - len(text.lstrip())] for text in filled] or [region.indent]
    first = indents[0]
    outer = min(indents, key=len)
    comments = [f"{outer}# {message}".rstrip() for message in region.messages]
    inner_comments = [f"{first}# {message}".rstrip() for message in region.messages]
    task = region.task or region.name or "this task"
    unsolved = f'raise NotImplementedError("{task}: your code is missing here")'
    if region.continued:
        yield []
    yield [*comments, f"{outer}{unsolved}"]
    yield [*inner_comments, f"{first}pass", f"{outer}{unsolved}"]
    for stand_in in ("...", "...,", "**{}", "**{},", "None: ...", "None: ...,"):
        yield [*comments, f"{outer}{stand_in}"]
    yield comments
    yield []
