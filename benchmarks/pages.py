"""Puts what a benchmark has measured into its page, between two marks that stand there already.

::

    <!-- grading:begin -->
    ... written by a benchmark, never by hand ...
    <!-- grading:end -->
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_between"]

DOCS = Path(__file__).resolve().parents[1] / "docs"


def write_between(page: str, mark: str, text: str) -> None:
    """Replace what stands between the marks.

    Args:
        page: the file's name in ``docs/``.
        mark: the name of the marks.
        text: Markdown, which ends with a line break.

    Raises:
        SystemExit: the page has no such marks; what was measured is printed anyway.
    """
    path = DOCS / page
    begin, end = f"<!-- {mark}:begin -->\n", f"<!-- {mark}:end -->\n"
    before, begun, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise SystemExit(f"docs/{page} has no '{begin.strip()}' with an end; write both there")
    path.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
