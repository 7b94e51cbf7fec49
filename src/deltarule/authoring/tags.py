"""The tag language: which lines of a source are tags, and what each one says.

This is the one place that knows how a tag is spelled. A tag stands alone on its line::

    #!TAG HWBEGIN [name]   #!TAG HWEND          homework, in the solution only
    #!MSG text                                  shown to students in place of the homework
    #!TAG SKIPQUESTEXEC                         not executed in the student version
    #!TAG TEST name points=N                    autograder test
    #!TAG ANSWER name points=N                  manually graded answer
    #!TAG DEMO                                  to be run and looked at; nothing depends on it
    ### BEGIN HIDDEN TESTS / ### END HIDDEN TESTS
    ### BEGIN MARK SCHEME / ### END MARK SCHEME

What the tags *do* is not decided here but in :mod:`deltarule.authoring.parse`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["NAME", "Tag", "TagKind", "classify", "graded_arguments"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,48}")
"""What nbgrader accepts as a ``grade_id``, short enough for a cell id with a prefix (64)."""


class TagKind(StrEnum):
    """Every tag; the value is how an error message shows it."""

    HOMEWORK_BEGIN = "#!TAG HWBEGIN"
    HOMEWORK_END = "#!TAG HWEND"
    MESSAGE = "#!MSG"
    SKIP = "#!TAG SKIPQUESTEXEC"
    TEST = "#!TAG TEST"
    ANSWER = "#!TAG ANSWER"
    DEMO = "#!TAG DEMO"
    HIDDEN_BEGIN = "### BEGIN HIDDEN TESTS"
    HIDDEN_END = "### END HIDDEN TESTS"
    SCHEME_BEGIN = "### BEGIN MARK SCHEME"
    SCHEME_END = "### END MARK SCHEME"


@dataclass(frozen=True)
class Tag:
    """A line that is a tag, or that was surely meant to be one.

    Attributes:
        kind: which tag; None where the line only looks like one.
        argument: what follows the tag on its line, stripped.
        mistake: what is wrong with the line, or "".
        fatal: whether the mistake makes the line meaningless (an unknown tag) rather than untidy.
    """

    kind: TagKind | None
    argument: str = ""
    mistake: str = ""
    fatal: bool = False


_WORDS = {kind.value.split()[1]: kind for kind in TagKind if kind.value.startswith("#!TAG")}
_TAG = re.compile(r"\s*#!TAG(?:\s+(?P<word>\S+)(?P<rest>.*))?\s*$")
_MESSAGE = re.compile(r"\s*#!MSG(?:\s(?P<text>.*))?$")
_MARKER = re.compile(r"(?P<marker>(?:BEGIN|END) (?:HIDDEN TESTS|MARK SCHEME))")
_FOREIGN = re.compile(r"(?:BEGIN|END) SOLUTION\b")
_NEAR_MISS = re.compile(
    r"^\s*#*\s*!?\s*(?:TAG\s*:?\s*)?(?:HWBEGIN|HWEND|SKIPQUESTEXEC)\b"
    r"|^\s*#*\s*!\s*(?:TAG|MSG)\b|#\s*!\s*TAG\b|#\s*!\s*MSG",
    re.I,
)
_NEAR_MARKER = re.compile(
    r"^\s*#+\s*(?:BEGIN|END)[\s_-]*(?:HIDDEN[\s_-]*TESTS?|MARK(?:ING)?[\s_-]*SCHEMES?)\b", re.I
)
_WITHOUT_ARGUMENT = {TagKind.HOMEWORK_END, TagKind.SKIP, TagKind.DEMO}


def classify(text: str) -> Tag | None:
    """The tag that ``text``, one line of a cell, is; None for ordinary text."""
    if message := _MESSAGE.match(text):
        return Tag(TagKind.MESSAGE, (message["text"] or "").rstrip())
    if tag := _TAG.match(text):
        return _classify_tag(tag["word"] or "", (tag["rest"] or "").strip())
    if marker := _MARKER.search(text):
        kind = TagKind(f"### {marker['marker']}")
        tidy = text.strip() == kind.value
        return Tag(kind, mistake="" if tidy else f"write '{kind.value}' alone on its line")
    if _FOREIGN.search(text) and text.lstrip().startswith("#"):
        return Tag(
            None,
            mistake="nbgrader's solution markers are not used here and would leave the solution "
            "in the release; write '#!TAG HWBEGIN' and '#!TAG HWEND'",
            fatal=True,
        )
    if _NEAR_MARKER.search(text):
        return Tag(
            None,
            mistake="this looks like a marker but is not one, and what it hides would reach "
            "students; write e.g. '### BEGIN HIDDEN TESTS' alone on its line",
            fatal=True,
        )
    if _NEAR_MISS.search(text):
        return Tag(
            None,
            mistake="this looks like a tag but is not one and would have no effect; a tag stands "
            "alone on its line and is written '#!TAG HWBEGIN', '#!TAG HWEND' or '#!MSG text'",
        )
    return None


def _classify_tag(word: str, rest: str) -> Tag:
    kind = _WORDS.get(word)
    if kind is None:
        known = ", ".join(_WORDS)
        return Tag(None, mistake=f"unknown tag '#!TAG {word}'; the tags are {known}", fatal=True)
    if kind in _WITHOUT_ARGUMENT and rest:
        return Tag(kind, mistake=f"'{kind.value}' takes nothing after it; remove '{rest}'")
    if kind is TagKind.HOMEWORK_BEGIN and rest and not NAME.fullmatch(rest):
        return Tag(
            kind,
            re.sub(r"[^A-Za-z0-9_-]+", "_", rest)[:48].strip("_"),
            mistake=f"'{rest}' is not a name: letters, digits, '_' and '-', at most 48 of them",
        )
    return Tag(kind, rest)


def graded_arguments(argument: str) -> tuple[str, float]:
    """Read ``name points=N`` of a TEST or ANSWER tag.

    Raises:
        ValueError: something is missing or malformed; the message says what to write.
    """
    words = argument.split()
    if not words or "=" in words[0]:
        raise ValueError("the name is missing; write e.g. '#!TAG TEST backward points=4'")
    name, *settings = words
    if not NAME.fullmatch(name):
        raise ValueError(f"'{name}' is not a name: letters, digits, '_' and '-', at most 48")
    if len(settings) != 1 or not settings[0].startswith("points="):
        raise ValueError(f"the points are missing or misspelt; write '{name} points=4'")
    try:
        points = float(settings[0].removeprefix("points="))
    except ValueError:
        points = math.nan
    if not (math.isfinite(points) and points >= 0):
        raise ValueError(f"'{settings[0]}' is not a number of points; write e.g. 'points=4'")
    return name, points
