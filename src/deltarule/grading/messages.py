"""Text that a student may have had a hand in, made fit for those who read it.

A message ends on a terminal, in the log of a CI run, in JSON, XML and HTML. None of them may take a
part of it for an order: no control characters, no colours, none of the commands that CI systems
look for in what is printed. HTML is another matter: whoever writes HTML escapes the text.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["LONGEST", "one_line", "own_words", "plain_message"]

LONGEST = 2000
"""Characters of a message."""

MOST_LINES = 60

LONGEST_OF_STUDENT = 300
"""Characters of what a student's exception says."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.S)
_JOINERS = "\u200c\u200d"
"""Format characters that scripts and emoji need; the others turn text around or hide it."""

_COMMANDS = (
    (re.compile(r"^(\s*):(?=:)", re.M), r"\1: "),  # ::error:: of GitHub
    (re.compile(r"##(?=[\[A-Za-z])"), "# #"),  # ##[command], ##vso[…] and ##teamcity[…]
)
_TELLING = re.compile(r"\d+\.\d|tensor\(|array\(|nan|inf\b", re.I)
"""What a message contains when it may quote a secret input; shapes (integers) may be told."""


def plain_message(text: str, longest: int = LONGEST) -> str:
    """A message without anything that a terminal or a CI system would act on.

    Args:
        text: of any length.
        longest: characters that are kept.
    """
    cut = text[: 4 * longest].encode("utf-8", "replace").decode("utf-8")
    cut = _ESCAPES.sub("", cut).replace("\r\n", "\n").replace("\r", "\n")
    cut = "".join(_harmless(character) for character in cut)
    for pattern, instead in _COMMANDS:
        cut = pattern.sub(instead, cut)
    lines = cut.split("\n")
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], "…"]
    return "\n".join(lines)[:longest]


def one_line(name: str) -> str:
    """A name as it may stand in a line of a log: a folder may be called by a command of CI's."""
    return " ".join(plain_message(" ".join(name.split())).split())


def own_words(text: str) -> str:
    """What a student's exception says, or "" where it may quote what a hidden test has asked.

    It is written by the student's code, which has seen the inputs. Honest code quotes numbers by
    accident; for what dishonest code can do, see the residual risks in ``docs/attacks.md``.
    """
    said = " ".join(plain_message(text).split())
    return "" if _TELLING.search(said) else plain_message(said, LONGEST_OF_STUDENT)


def _harmless(character: str) -> str:
    if character in "\n\t" or character.isprintable() or character in _JOINERS:
        return character
    return " " if unicodedata.category(character) in ("Zs", "Zl", "Zp") else ""
