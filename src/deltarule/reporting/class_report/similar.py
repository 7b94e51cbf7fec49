"""Groups of submissions whose code is suspiciously alike.

::

    code that students wrote ── minus released lines ──► lines of tokens, names made equal
        ──► overlap of each pair (rapidfuzz)  ─┐
        ──► lines that few others have        ─┴─► pairs with much of both ──► groups

Two things must come together, because honest answers to a short task are often the same. A pair
must agree in nearly everything, renamed variables and other comments aside; and it must share
enough that is *uncommon*: lines that more than a few submissions have are no evidence, whoever
copied them from whom. The first is the overlap of L. Prechelt, G. Malpohl and M. Philippsen,
*Finding plagiarisms among a set of programs with JPlag*, 2002, with the longest common subsequence
in the place of tiles; the second is the rule of Moss (S. Schleimer, D. Wilkerson, A. Aiken, 2003)
that ignores passages which too many have.

What this cannot prove: that anybody copied. Two who learned from one page, or worked together where
that is allowed, look the same; and who rewrites what was copied is not found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltarule.bridge.shown_code import shown_code

__all__ = ["ALIKE", "Group", "SharedLine", "common_from", "similar_groups"]

ALIKE = 0.92
"""Overlap from which two submissions are alike, from 0 (nothing) to 1 (token by token)."""

UNCOMMON_TOKENS = 40
"""Tokens of uncommon lines that a pair must share: about four lines of a formula's length."""

MOST_WHO_SHARE = 10
"""A line that more submissions have is common, in a large class; Moss's default is the same."""

SHORTEST_LINE = 5
"""Lines of fewer tokens (``else:``, ``return x``) are no evidence."""

MOST_TOKENS = 20_000
"""Tokens of a submission that are compared: two of a million would take minutes."""

MOST_CHARACTERS = 100_000
"""Characters of a submission that are looked at."""

FIRST_CHARACTER, CHARACTERS = 0x10000, 0x100000
"""Those that stand for tokens: beyond the surrogates, which are no characters."""

SHOWN_LINES = 12


@dataclass(frozen=True)
class SharedLine:
    """A line that a group shares and few others have: as one of the group wrote it."""

    text: str
    others: int


@dataclass(frozen=True)
class Group:
    """Submissions that are alike, each with one other of the group at least.

    Attributes:
        students: sorted.
        overlap: the smallest and the largest of the pairs that were found.
        lines: what they share and few others have, the longest first, cut to a dozen.
    """

    students: tuple[str, ...]
    overlap: tuple[float, float]
    lines: tuple[SharedLine, ...]


@dataclass(frozen=True)
class _Line:
    tokens: str
    text: str


def common_from(students: int) -> int:
    """How many submissions may have a line that still counts as uncommon.

    A fifth of the class, at least 3 and at most :data:`MOST_WHO_SHARE`.
    """
    return min(MOST_WHO_SHARE, max(3, students // 5))


def similar_groups(
    written: Mapping[str, Sequence[str]], released: Iterable[str]
) -> tuple[Group, ...]:
    """Find groups of similar submissions.

    Args:
        written: the code cells of each student.
        released: the code cells that all students were given.

    Returns:
        The largest groups first.
    """
    reader = _Reader(released)
    lines = {name: reader.lines(cells) for name, cells in sorted(written.items())}
    lines = {name: own for name, own in lines.items() if own}
    owners = Counter(key for own in lines.values() for key in {line.tokens for line in own})
    most = common_from(len(lines))
    uncommon = {
        name: {
            line.tokens
            for line in own
            if owners[line.tokens] <= most and len(line.tokens) >= SHORTEST_LINE
        }
        for name, own in lines.items()
    }
    pairs = _pairs(lines, uncommon)
    groups = [_group(members, pairs, lines, uncommon, owners) for members in _connected(pairs)]
    return tuple(sorted(groups, key=lambda group: (-len(group.students), group.students)))


def _pairs(
    lines: Mapping[str, Sequence[_Line]], uncommon: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], float]:
    """The pairs that are alike, each with its overlap."""
    import numpy as np
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    # Only who has something uncommon can be in a pair.
    names = [name for name in lines if sum(map(len, uncommon[name])) >= UNCOMMON_TOKENS]
    texts = ["".join(line.tokens for line in lines[name])[:MOST_TOKENS] for name in names]
    if len(names) < 2:
        return {}
    overlap = cdist(texts, texts, scorer=Indel.normalized_similarity, score_cutoff=ALIKE)
    found = {}
    for first, second in np.argwhere(np.triu(overlap >= ALIKE, k=1)):
        pair = names[first], names[second]
        shared = set(uncommon[pair[0]]) & set(uncommon[pair[1]])
        if sum(map(len, shared)) >= UNCOMMON_TOKENS:
            found[pair] = float(overlap[first, second])
    return found


def _connected(pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Everybody who is linked, directly or over others."""
    groups: list[set[str]] = []
    for first, second in pairs:
        touched = [group for group in groups if first in group or second in group]
        groups = [group for group in groups if group not in touched]
        groups.append({first, second}.union(*touched))
    return groups


def _group(
    members: Collection[str],
    pairs: Mapping[tuple[str, str], float],
    lines: Mapping[str, Sequence[_Line]],
    uncommon: Mapping[str, Collection[str]],
    owners: Mapping[str, int],
) -> Group:
    inside = [overlap for (first, _), overlap in pairs.items() if first in members]
    first, *others = sorted(members)
    kept, seen = [], set()
    for line in lines[first]:
        shared = line.tokens in uncommon[first] and all(line.tokens in uncommon[o] for o in others)
        if shared and line.tokens not in seen:
            seen.add(line.tokens)
            kept.append(line)
    longest = sorted(kept, key=lambda line: -len(line.tokens))[:SHOWN_LINES]
    shown = tuple(
        SharedLine(line.text, owners[line.tokens] - len(members))
        for line in kept
        if line in longest
    )
    return Group((first, *others), (min(inside), max(inside)), shown)


class _Reader:
    """Turns code into lines of tokens, one character each, without what was handed out.

    Args:
        released: the code cells that all students were given.
    """

    def __init__(self, released: Iterable[str]) -> None:
        self._alphabet: dict[str, str] = {}
        self._read: dict[str, tuple[_Line, ...]] = {}
        self._given: set[str] = set()
        for text in released:
            self._given |= {line.tokens for line in self._cell(text)}
        self._read.clear()

    def lines(self, cells: Iterable[str]) -> tuple[_Line, ...]:
        """What a student wrote; renaming a variable in a given line makes it no line of theirs."""
        found: list[_Line] = []
        room = MOST_CHARACTERS
        for whole in cells:
            text = whole[:room].replace("\r\n", "\n").replace("\r", "\n")  # as Pygments does
            room -= len(text)
            text = shown_code(text)  # or Pygments would take minutes for some
            found += self._cell(text)
        return tuple(found)

    def _cell(self, text: str) -> tuple[_Line, ...]:
        if text not in self._read:  # most cells of a class are as they were handed out
            rows = zip(self._tokens(text), text.split("\n"), strict=True)
            self._read[text] = tuple(
                _Line(tokens, line.strip())
                for tokens, line in rows
                if tokens and tokens not in self._given
            )
        return self._read[text]

    def _tokens(self, text: str) -> list[str]:
        """The tokens of each line; comments, docstrings and blanks are none, all names are one.

        Pygments takes what is no Python as well, since students hand in what does not parse.
        """
        from pygments.lexers import PythonLexer
        from pygments.token import Comment, Name, String, Text

        lines: list[list[str]] = [[] for _ in text.split("\n")]
        row, after_dot = 0, False
        for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
            if kind not in Text and kind not in Comment and kind not in String.Doc:
                if kind in String:
                    token = "string"
                elif kind in Name and kind not in Name.Builtin and not after_dot:
                    token = "name"
                else:
                    token = value
                lines[row].append(self._character(token))
                after_dot = value == "."
            row += value.count("\n")
        return ["".join(line) for line in lines]

    def _character(self, token: str) -> str:
        number = FIRST_CHARACTER + len(self._alphabet) % CHARACTERS
        return self._alphabet.setdefault(token, chr(number))
