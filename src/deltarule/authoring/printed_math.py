r"""Find the formulas of a Markdown cell as Jupyter does, in words that pandoc can print.

Jupyter takes formulas out before it looks at Markdown: ``$…$``, ``$$…$$``, ``\\(…\\)``,
``\\[…\\]`` and bare ``\begin{align}…\end{align}``, wherever no code stands. So do we, or
``$ x $``, which Markdown readers take for text, and ``$|x|$`` in a table would not come out as
students see them. Each formula leaves a word in its place (:func:`take_out`), and the word is
replaced when the text has been read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BARE_BAR", "Formula", "put_back", "split_at_formulas", "take_out"]

ENVIRONMENTS = r"(?:align|alignat|aligned|equation|eqnarray|gather|gathered|multline|split)\*?"
TOKENS = re.compile(
    r"^(?P<quote>[ ]{0,3}>[> ]*)?[ ]*(?P<fence>`{3,}|~{3,})(?:[^`\n]*)\n"
    r"(?:.*\n)*?[ >]*(?P=fence)[`~]*[ ]*$"  # fenced code
    r"|(?P<ticks>`+)(?!`)(?:.|\n)+?(?<!`)(?P=ticks)(?!`)"  # code in a line
    r"|<!--(?:.|\n)*?-->"
    r"|\\\\\((?P<round>(?:.|\n)+?)\\\\\)"
    r"|\\\\\[(?P<square>(?:.|\n)+?)\\\\\]"
    rf"|(?P<bare>\\begin\{{(?P<name>{ENVIRONMENTS})\}}(?:.|\n)+?\\end\{{(?P=name)\}})"
    r"|\\[\\$`]"
    r"|\$\$(?P<display>(?:[^$\\]|\\(?:.|\n)|\$(?!\$))+?)\$\$"
    r"|(?<!\$)\$(?!\$)(?P<inline>(?:[^$\\\n]|\\(?:.|\n)|\n(?![ >]*\n))+?)\$(?!\$)",
    re.MULTILINE,
)
WORD = "DeltaruleFormula{number}Q"
WORDS = re.compile(r"DeltaruleFormula(\d+)Q")

TAG = re.compile(r"\\tag(?P<star>\*?)\s*\{(?P<text>[^{}]*)\}")
UNPRINTED = re.compile(r"\\(?:nonumber|notag)\b|\\label\s*\{[^{}]*\}")
QUOTED = re.compile(r"^[ ]{0,3}>[> ]*", re.MULTILINE)
BARS = re.compile(
    r"(\\begin\{array\}\s*\{[^{}]*\}|\\(?:left|right|middle|[bB]igg?[lrm]?)\s*\||\\.)|\|", re.DOTALL
)
BARE_BAR = "❘"
"""Stands for a bar that is not stretched: pandoc spaces it as a relation, printing.typ does not."""

WIDE_NORM = re.compile(r"\\(left|right)\s*\\(?:\||[lr]?Vert(?![A-Za-z]))")
ALIGNED = {"align": "aligned", "alignat": "alignedat", "eqnarray": "aligned", "split": "aligned"}
ALIGNED |= {"gather": "gathered", "multline": "gathered", "equation": "gathered"}


@dataclass(frozen=True)
class Formula:
    r"""One formula of a cell.

    Attributes:
        written: as it stands in the cell, with its dollar signs.
        tex: what pandoc gets.
        display: whether it stands on lines of its own.
        tag: what ``\tag`` says, with its brackets; pandoc's own output has no tags.
    """

    written: str
    tex: str
    display: bool
    tag: str = ""


def take_out(markdown: str) -> tuple[str, list[Formula]]:
    """The text of a cell with a word in the place of each formula, and the formulas."""
    found: list[Formula] = []

    def replace(match: re.Match[str]) -> str:
        formula = _formula(match)
        if formula is None:
            return match[0]
        found.append(formula)
        return WORD.format(number=len(found) - 1)

    return TOKENS.sub(replace, markdown), found


def split_at_formulas(text: str, formulas: list[Formula]) -> Iterator[str | Formula]:
    """The pieces of some text between and at the words that :func:`take_out` left."""
    for index, piece in enumerate(WORDS.split(text)):
        if index % 2:
            yield formulas[int(piece)]
        elif piece:
            yield piece


def put_back(text: str, formulas: list[Formula]) -> str:
    """The text with every formula as it was written: for code and addresses."""
    return WORDS.sub(lambda match: formulas[int(match[1])].written, text)


def _formula(match: re.Match[str]) -> Formula | None:
    """The formula that was found, or None if it is code, a comment or an escaped character."""
    inline = match["inline"] or match["round"]
    display = match["display"] or match["square"] or match["bare"]
    tex = inline or display
    if tex is None:
        return None
    tex, tag = _without_tag(UNPRINTED.sub("", QUOTED.sub("", tex)))
    return Formula(match[0], _mended(tex).strip(), display is not None, tag)


def _without_tag(tex: str) -> tuple[str, str]:
    r"""A single ``\tag`` goes to the margin; of several, each stays in its own row."""

    def shown(match: re.Match[str]) -> str:
        text = match["text"].replace("$", "")
        return text if match["star"] else f"({text})"

    tags = list(TAG.finditer(tex))
    if len(tags) == 1:
        return TAG.sub("", tex), shown(tags[0])
    column = "&&" if re.search(r"\\begin\{(align|split|eqnarray)", tex) else ""
    return TAG.sub(lambda match: rf"{column}\qquad \text{{{shown(match)}}}", tex), ""


def _mended(tex: str) -> str:
    """The same formula in words that pandoc knows, and prints as Jupyter shows them."""
    tex = re.sub(r"\\middle\b", r"\\big", tex)
    tex = re.sub(
        rf"\\(begin|end)\{{({ENVIRONMENTS})\}}",
        lambda match: f"\\{match[1]}{{{_environment(match[2])}}}",
        tex,
    )
    tex = re.sub(r"(\\begin\{gathered\})\s*\{\d+\}", r"\1", tex)
    sides = [match[1] for match in WIDE_NORM.finditer(tex)]
    if sides.count("left") == sides.count("right"):
        tex = WIDE_NORM.sub(lambda match: f"\\{match[1][0]}Vert ", tex)
    tex = BARS.sub(lambda match: match[1] or BARE_BAR, tex)
    return _doubled_superscripts(tex)


def _environment(name: str) -> str:
    return ALIGNED.get(name.rstrip("*"), name)


def _doubled_superscripts(tex: str) -> str:
    """``{W^{(l)}}^T`` with the second superscript beside the first, and not on top of it."""
    opened: list[int] = []
    made: list[str] = []
    for index, char in enumerate(tex):
        made.append(char)
        if char == "{" and not tex.endswith("\\", 0, index):
            opened.append(index)
        elif char == "}" and opened and not tex.endswith("\\", 0, index):
            begin = opened.pop()
            argument = re.search(r"[A-Za-z}\]^_]\s*$", tex[:begin])
            if tex[index + 1 : index + 2] == "^" and not argument and "^" in tex[begin:index]:
                made.append("{}")
    return "".join(made)
