"""What a page is shown of a student's code: all of it, but for what would stall the page.

Pygments, which colours it in formgrader, in feedback and where code is compared, takes quadratic
time for long runs of blanks and some other texts that nobody writes in earnest.
"""

from __future__ import annotations

import re

__all__ = ["shown_code"]

LONGEST_CODE = 100_000
"""Characters of a code cell that are shown, and of a submission's code that are compared."""

LONGEST_CODE_LINE = 10_000
LONGEST_RUN = 200
"""Blanks in a row, over lines too, that stay as they are: Pygments takes quadratic time for them,
and for the flags of a ``%`` in a string."""

_BLANKS = re.compile(rf"\s{{{LONGEST_RUN},}}+")
_FLAGS = re.compile(rf"(%[-#0 +]{{{LONGEST_RUN}}})[-#0 +]++")


def shown_code(source: str) -> str:
    """Code as it is shown: as it was written, but for what Pygments would take minutes for."""
    kept = _FLAGS.sub(r"\1", _BLANKS.sub(_few_blanks, source[:LONGEST_CODE]))
    if len(source) > LONGEST_CODE:
        kept += f"\n# [left out: what comes after {LONGEST_CODE} characters]"
    if len(kept) <= LONGEST_CODE_LINE:
        return kept
    return "\n".join(map(_short_line, kept.split("\n")))


def _few_blanks(blanks: re.Match[str]) -> str:
    """As many lines, with nothing in them, and the next one's indentation."""
    ends = blanks[0].count("\n")
    return "\n" * ends + blanks[0].rpartition("\n")[2][:LONGEST_RUN]


def _short_line(line: str) -> str:
    if len(line) <= LONGEST_CODE_LINE:
        return line
    return f"{line[:LONGEST_CODE_LINE]} # [left out: the rest of this line]"
