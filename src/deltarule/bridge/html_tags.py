"""The HTML tags and attributes that a page may show of what a student has written."""

from __future__ import annotations

__all__ = ["COSMETIC", "TAGS", "VOID"]

_COMMON = frozenset({"class", "id", "title", "align", "style", "lang", "dir"})
_SIZED = frozenset({"width", "height"})
COSMETIC = frozenset({"class", "id", "style"})
"""Attributes that go without a word, where they are not known."""

_PLAIN = (
    *("b", "big", "blockquote", "br", "caption", "center", "cite", "code", "dd", "del", "dfn"),
    *("div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("i", "ins", "kbd", "mark", "p", "pre", "q", "s", "samp", "small", "span", "strike"),
    *("strong", "sub", "summary", "sup", "tbody", "tfoot", "thead", "tr", "tt", "u", "ul", "var"),
)
TAGS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_PLAIN, _COMMON),
    "a": _COMMON | {"href"},
    "col": _COMMON | _SIZED | {"span"},
    "colgroup": _COMMON | {"span"},
    "details": _COMMON | {"open"},
    "font": _COMMON | {"color", "size", "face"},
    "img": _COMMON | _SIZED | {"src", "alt"},
    "li": _COMMON | {"value"},
    "ol": _COMMON | {"start", "type"},
    "table": _COMMON | _SIZED | {"border", "cellpadding", "cellspacing"},
    "td": _COMMON | _SIZED | {"colspan", "rowspan", "valign"},
    "th": _COMMON | _SIZED | {"colspan", "rowspan", "valign", "scope"},
    "video": _COMMON | _SIZED | {"src", "controls", "autoplay", "loop"},
    "source": frozenset({"src", "type"}),
}
"""Tags that are shown, with their attributes. None of them has a content that is not parsed."""

VOID = frozenset({"br", "col", "hr", "img", "source"})
