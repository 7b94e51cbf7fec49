"""The stand-ins for one removed homework region, most telling first.

What can take a region's place depends on what it was. Between statements an exception is raised
that names the task; inside a statement nothing can be raised, and a neutral item takes the place::

    raise NotImplementedError("f: ...")        the body of a function
    pass / raise                               a loop's body and what follows the loop
    elif ...: raise                            a branch, a handler or a case
    raise / if ...:                            a heading whose block the student keeps
    ...    **{}    None: ...    nothing        items, arguments, entries, parameters

Whether a stand-in is right is not decided here but by compiling the cell (see ``stubs``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deltarule.authoring.cells import Homework
from deltarule.authoring.source import Line
from deltarule.authoring.syntax import Language

__all__ = ["Place", "StandIn", "candidates"]

STEP = "    "
ITEMS = ("...", "...,", "**{}", "**{},", "None: ...", "None: ...,")
BRANCHES = {
    "elif": ("elif ...:",),
    "else": ("else:",),
    "except": ("except Exception:",),
    "except*": ("except* Exception:",),
    "finally": ("finally:",),
    "case": ("case _:", "case _ if ...:"),
}
"""Headings that cannot begin a statement, and how a stand-in for one begins."""

HEADINGS = {
    "for": "for _ in ...:",
    "while": "while ...:",
    "with": "with ...:",
    "try": "try:",
    "def": "def _(*args, **kwargs):",
    "class": "class _:",
    "match": "match ...:",
    "case": "case _:",
    "else": "else:",
}
"""What opens a block of its kind and says nothing about the solution; ``if ...:`` for the rest."""

_BRANCH = re.compile(r"\s*(elif|else|except\*|except|finally|case)\b(?!\s*=)")
_HEADING = re.compile(
    r"\s*(?P<async>async\s+)?(?P<word>def|class|for|while|with|if|elif|else|try|except|finally"
    r"|match|case)\b(?!\s*=)"
)


@dataclass(frozen=True)
class StandIn:
    """Lines that take a region's place.

    Attributes:
        lines: the lines, messages for students included.
        lifted: messages that can only stand before the statement around the region.
        above: the given line with which that statement begins.
    """

    lines: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    above: Line | None = None


@dataclass(frozen=True)
class Place:
    """Where in its cell a region stands.

    Attributes:
        starts: the first lines of the statements that begin in the region.
        before: the first line of the statement before the region, or "".
        following: the first line after the region that is neither blank nor a comment, or "".
        inside: the region begins in the middle of a statement.
        statement: the given line with which that statement begins.
        language: what the cell is written in.
    """

    starts: tuple[str, ...] = ()
    before: str = ""
    following: str = ""
    inside: bool = False
    statement: Line | None = None
    language: Language = Language.PYTHON


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _width(indent: str) -> int:
    return len(indent.expandtabs(8))


def _levels(region: Homework, place: Place) -> list[str]:
    """The indentations at which the region goes on, from its first statement outwards."""
    filled = [line.text for line in region.lines if line.text.strip()]
    begins = [] if place.inside else list(place.starts)
    levels: list[str] = []
    for text in begins or filled:
        if not levels or _width(_indent(text)) < _width(levels[-1]):
            levels.append(_indent(text))
    if not levels:  # nothing but messages: students write where the code goes on
        goes_on = _indent(place.following)
        levels = [max(region.indent, goes_on, key=_width) if goes_on else region.indent]
    return levels


def _says(region: Homework, indent: str) -> tuple[str, ...]:
    return tuple(f"{indent}# {message}".rstrip() for message in region.messages)


def candidates(region: Homework, place: Place) -> Iterator[StandIn]:
    """The stand-ins for a region, in the order in which they are tried, messages included."""
    levels = _levels(region, place)
    outer = levels[-1]
    comments = _says(region, outer)
    task = f"{region.task or region.name or 'this task'}: your code is missing here"
    if place.language is not Language.PYTHON:
        if place.language is Language.SHELL and not region.continued:
            yield StandIn((*comments, f'{outer}echo "{task}" >&2; exit 1'))
        yield StandIn(comments)
        return
    if region.continued:
        yield StandIn(comments)
    if not place.inside:
        unsolved = f'raise NotImplementedError("{task}")'
        for lines in _raising(region, place, levels, unsolved):
            yield StandIn(tuple(lines))
    yield from _items(region, place, outer)


def _raising(
    region: Homework, place: Place, levels: Sequence[str], unsolved: str
) -> Iterator[list[str]]:
    """Stand-ins that raise when an unsolved task is run."""
    first, outer = levels[0], levels[-1]
    stairs = [f"{outer}{unsolved}"]
    yield [*_says(region, first), *stairs]
    if len(levels) > 1:
        stairs = [f"{first}pass", *(f"{level}{unsolved}" for level in levels[1:])]
        yield [*_says(region, first), *stairs]
        yield [*_says(region, first), f"{first}{unsolved}"]
    goes_on = _indent(place.following)
    begin = place.starts[0] if place.starts else ""
    if branch := _BRANCH.match(begin):
        inner = goes_on if _width(goes_on) > _width(first) else first + STEP
        for heading in BRANCHES[branch[1]]:
            yield [*_says(region, first), f"{first}{heading}", f"{inner}{unsolved}"]
    if place.before.lstrip().startswith("@"):  # its decorators are there
        for heading in (HEADINGS["def"], HEADINGS["class"]):
            yield [*_says(region, first), f"{first}{heading}", f"{first}{STEP}{unsolved}"]
    if _BRANCH.match(place.following):  # its `if` or `try` was homework
        for heading in ("if ...:", "try:"):
            yield [*_says(region, goes_on), f"{goes_on}{heading}", f"{goes_on}{STEP}{unsolved}"]
    if left_open := _left_open(place):
        says = _says(region, _indent(stairs[0]))
        yield [*says, *stairs, *(f"{indent}if ...:" for indent, _ in left_open)]
        yield [*says, *stairs, *(f"{indent}{heading}" for indent, heading in left_open)]


def _left_open(place: Place) -> list[tuple[str, str]]:
    """Indentation and neutral form of the region's headings whose block goes on after it."""
    opened: list[tuple[str, str]] = []
    for text in place.starts:
        indent = _indent(text)
        opened = [entry for entry in opened if _width(entry[0]) < _width(indent)]
        if heading := _HEADING.match(text):
            neutral = HEADINGS.get(heading["word"], "if ...:")
            opened.append((indent, f"{'async ' if heading['async'] else ''}{neutral}"))
    goes_on = _width(_indent(place.following))
    return [entry for entry in opened if _width(entry[0]) < goes_on]


def _items(region: Homework, place: Place, outer: str) -> Iterator[StandIn]:
    """Stand-ins inside a statement: items, arguments, entries; at last nothing."""
    comments = _says(region, outer)
    items = [f"{outer}{item}" for item in ITEMS]
    for item in items:
        yield StandIn((*comments, item))
    yield StandIn(comments)
    if comments:  # after a backslash none can come first
        yield StandIn((items[0], *comments))
    above = place.statement
    lifted = _says(region, _indent(above.text)) if above else ()
    for item in items:  # in an expression of an f-string none can stand at all
        yield StandIn((item,), lifted, above)
    yield StandIn((), lifted, above)
    yield StandIn((f"{outer}+ ...",), lifted, above)  # an operand after a backslash
