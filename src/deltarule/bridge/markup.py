"""What a browser is shown of a student's text and outputs: all that can be read, nothing that runs.

nbgrader's pages put a student's HTML into the instructor's Jupyter origin as it is: where a script
runs there, it can set grades. A page can be turned against its reader without any script, too: a
heading called like a test takes over its score field, a picture's address can be one of
formgrader's own that loads a configuration (and so can a link's, for whoever clicks it), and a text
can keep the renderer busy for hours.

::

    Markdown ──nbconvert's own renderer──► HTML ──known tags and values only?──► yes: unchanged
                                                                └─ no: what is left of the HTML,
                                                                       or else the source as text

So an answer that is harmless is recorded byte for byte, with its formulas, tables and pictures. Of
the others the reader sees what was written: tags that are not known become visible text. What is
recorded instead is one line of HTML in which Markdown finds nothing more to do, and it is rendered
and checked again. Formulas are left to MathJax, which nbconvert loads with its ``Safe`` extension;
only links in them are not: MathJax puts their addresses together after we have looked.
"""

from __future__ import annotations

import base64
import contextlib
import html
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from deltarule.bridge.html_tags import COSMETIC, TAGS, VOID

__all__ = ["Cleaner", "is_harmless", "valid_count"]

LONGEST_RENDERED = 20_000
"""Characters of Markdown, pictures inside apart: some texts take the renderer quadratic time."""

LONGEST_HTML = 300_000
"""Characters of an output's HTML that are cleaned; what is longer and not clean is left out."""

LONGEST_CHECKED = 20_000_000

LONGEST_STYLE = 1_000
"""Characters of a tag's style."""

LONGEST_SIMPLE = 4_000
SECONDS_PER_SQUARE = 1e-8
"""Of a character of a text squared: what the slowest texts take that were found."""

RENDER_SECONDS = 4.0
"""How long the texts of one notebook may take; what comes then is shown as it was written."""

MOST_COLOURS = 20_000
"""Escape sequences of a stream: the time that a page takes for them is quadratic."""

_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[a-z]+(?:="[^"<>]*")?)*)\s*(/?)>')
_ATTRIBUTE = re.compile(r'\s+([a-z]+)(?:="([^"<>]*)")?')
_ANY_TAG = re.compile(
    r"<(/?)([A-Za-z][A-Za-z0-9]*+)"
    r"((?:\s++[^\s\"'<>/=]++(?:\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^\s\"'<>=`]++))?+)*+)\s*+/?>"
)
_ANY_ATTRIBUTE = re.compile(
    r"\s++([^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"([^\"<]*+)\"|'([^'<]*+)'|([^\s\"'<>=`]++)))?+"
)
_NO_ENTITY = re.compile(r"&(?!(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});)")
_LONG_NUMBER = re.compile(r"&#(?=[0-9]{8})0*+([0-9]{0,8}+)[0-9]*+")
"""Of a character; Python refuses to read one of some thousand digits."""

_DEEPEST = 200

_BOXES = {
    '<input class="task-list-item-checkbox" type="checkbox" disabled/>': "☐ ",
    '<input class="task-list-item-checkbox" type="checkbox" disabled checked/>': "☑ ",
}
"""What Markdown makes of ``[ ]`` and ``[x]`` at the start of an item."""

_NOT_SIMPLE = re.compile(
    r"[<#]|\]\(|\]:|mermaid|href|^(?:[ \t>*+-]*+=++|(?:[ \t>*+]*+-++)++)[ \t]*+$", re.M | re.I
)
"""What a text needs for HTML, links, pictures, diagrams or headings. Without, all that the renderer
writes is tags of its own and escaped text."""

_LINK = re.compile(r"(?:https?://|mailto:|#)[^\x00-\x20\x7f]*", re.I)
_FORMGRADER = "formgrader"
"""In an address of its own pages, however it is written: ``?path=`` loads any configuration."""

_LINKING_FORMULA = "\\href"
_INSIDE = re.compile(r"data:(image|video)/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+")
_BESIDE = re.compile(r"(?!.*\.\./)(?:[\w.~ -]+/)*[\w.~ -]+\.(?:png|jpe?g|gif|webp|svg)", re.I)
_ELSEWHERE = re.compile(r"https?://[^\x00-\x20\x7f\"'<>\\]*", re.I)
_CLASS = re.compile(
    r"[a-z][a-z0-9]{0,2}|highlight|anchor-link|dataframe|mermaid|jp-Mermaid|task-list-item(?:-checkbox)?"
    r"|language-[\w+#.-]*"
)
"""Classes that renderers write: the short ones are of Pygments. Others would be nbgrader's own."""

_STYLE = re.compile(
    r"(?:(?:color|background(?:-color)?|text-align|vertical-align|text-decoration|font-weight|"
    r"font-style|font-size|font-family|width|max-width|height|border(?:-[a-z]++)*+)"
    r"\s*+:[\w\s#%.,'+]*+(?:(?:(?<=rgb)|(?<=rgba))\([\d\s.,%]*+\)\s*+)?+(?:;\s*+|$))*+"
)
"""Nothing in it can be matched in two ways: a long value would take quadratic time otherwise."""

_SIZE = re.compile(r"\d{1,5}(?:\.\d+)?(?:px|em|%)?")
_PICTURE_DATA = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_UNSHOWN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.S | re.I)
_INLINE_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]{200,}")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~])?")

_TEXTS = frozenset({"text/plain", "text/html", "text/markdown", "text/latex"})
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif"})
_LARGEST_COUNT = 2**31


def is_harmless(markup: str, reserved: Collection[str] = ()) -> bool:
    """Whether HTML consists of text and known tags with known values, properly nested.

    Args:
        markup: as a renderer wrote it; anything that is written otherwise than renderers do is
            taken for harmful, so that no two programs can read it differently.
        reserved: ids that the page around needs for itself.
    """
    for box, instead in _BOXES.items():
        markup = markup.replace(box, instead)
    if len(markup) > LONGEST_CHECKED:
        return False
    open_tags: list[str] = []
    end = 0
    for tag in _TAG.finditer(markup):
        closing, name, attributes, _ = tag.groups()
        if "<" in markup[end : tag.start()] or name not in TAGS:
            return False
        end = tag.end()
        if closing:
            if attributes or not open_tags or open_tags.pop() != name:
                return False
            continue
        if name not in VOID:
            open_tags.append(name)
        for attribute, value in _ATTRIBUTE.findall(attributes):
            if not _is_known(name, attribute, _unescaped(value), reserved):
                return False
    return not open_tags and "<" not in markup[end:]


def _is_known(tag: str, name: str, value: str, reserved: Collection[str]) -> bool:
    """Whether a tag may have an attribute with this value."""
    if name not in TAGS.get(tag, ()):
        return False
    match name:
        case "href":
            return _LINK.fullmatch(value) is not None and _FORMGRADER not in value.lower()
        case "src":
            return _is_picture(value)
        case "class":
            return all(_CLASS.fullmatch(one) for one in value.split())
        case "id":
            return value not in reserved
        case "style":
            return len(value) <= LONGEST_STYLE and _STYLE.fullmatch(value.strip()) is not None
        case "width" | "height":
            return _SIZE.fullmatch(value) is not None
    return True


def _unescaped(markup: str) -> str:
    """The text that HTML stands for; of a number only as many digits as make a difference."""
    return html.unescape(_LONG_NUMBER.sub(r"&#\1", markup))


def _links_in_formulas(markup: str) -> bool:
    """Whether MathJax can find a link in the text of HTML."""
    return _LINKING_FORMULA in _unescaped(markup)


def _is_picture(address: str) -> bool:
    """Whether it is in the text itself, or a file beside the notebook."""
    return bool(_INSIDE.fullmatch(address) or _BESIDE.fullmatch(unquote(address)))


class Cleaner:
    """Makes the texts and outputs of one notebook harmless.

    Args:
        names: the notebook's grade_ids; nbgrader's pages find score fields by them.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        page = {"notebook", "notebook-container", "statusmessage", "toc", "top"}
        fields = {f"{name}{ending}" for name in names for ending in ("-comment", "_extra_credit")}
        self.reserved = frozenset(page | fields | set(names))
        self.seconds = RENDER_SECONDS

    # -- text -------------------------------------------------------------------------------------

    def markdown(self, source: str, pictures: Mapping[str, Mapping[str, str]] | None = None) -> str:
        """A text in Markdown as it may be recorded: unchanged where it is harmless.

        Args:
            source: the text.
            pictures: its attachments by name, each with its data by type.
        """
        length = len(_INLINE_PICTURE.sub("", source))
        self.seconds -= SECONDS_PER_SQUARE * length**2  # pages have to render it, too
        if self.seconds <= 0 or length > LONGEST_RENDERED:
            return _as_text(source)
        if length <= LONGEST_SIMPLE and not _NOT_SIMPLE.search(source):
            return source
        with self._timed():
            try:
                return self._checked(source, pictures or {})
            except Exception:  # noqa: BLE001 - what the renderer stumbles over, nobody shall render
                return _as_text(source)

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Take what is done meanwhile from the notebook's seconds."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds -= time.monotonic() - began

    def _has_room(self, markup: str) -> bool:
        """Whether there is time left to look at HTML, and it is not too long for that."""
        return self.seconds > 0 and len(markup) <= LONGEST_CHECKED

    def _checked(self, source: str, pictures: Mapping[str, Mapping[str, str]]) -> str:
        try:
            rendered = _rendered(source, pictures)
        except Exception:  # noqa: BLE001 - a missing attachment ends formgrader's page, too
            rendered = _rendered(source.replace("attachment:", "missing:"), {})
        else:
            if is_harmless(rendered, self.reserved) and not _links_in_formulas(rendered):
                return source
        inert = _inert(self._clean(rendered, strip=False))
        if is_harmless(_rendered(inert, {}), self.reserved) and not _links_in_formulas(inert):
            return inert
        return _as_text(source)

    def raw(self, source: str) -> str:
        """A raw cell: nbconvert takes it for HTML."""
        if not self._has_room(source):
            return _as_text(source)
        with self._timed():
            if _links_in_formulas(source):
                return _as_text(source)
            if is_harmless(source, self.reserved):
                return source
        return html.escape(source, quote=False)

    def _clean(self, markup: str, *, strip: bool) -> str:
        """What is left of HTML; see :class:`_Rewriter`."""
        for box, instead in _BOXES.items():
            markup = markup.replace(box, instead)
        return _Rewriter(self._is_known, strip).rewritten(markup)

    def _is_known(self, tag: str, name: str, value: str) -> bool:
        return _is_known(tag, name, value, self.reserved)

    # -- outputs ----------------------------------------------------------------------------------

    def outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Outputs of a cell that are valid in nbformat 4, with nothing in them that runs."""
        return [self._output(dict(one)) for one in outputs]

    def _output(self, output: dict[str, Any]) -> dict[str, Any]:
        kind = output["output_type"]
        if kind == "stream":
            output["text"] = _few_colours(output["text"])
        elif kind == "error":
            output["traceback"] = [_few_colours(line) for line in output["traceback"]]
        else:
            output["metadata"] = _sizes(output.get("metadata"))
            output["data"] = self._bundle(output["data"])
        if kind == "execute_result":
            output["execution_count"] = valid_count(output.get("execution_count"))
        return output

    def _bundle(self, data: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, value in data.items():
            if kind == "application/json":
                found[kind] = value
                continue
            if isinstance(value, list):
                value = "".join(map(str, value))
            shown = self._shown(kind, value) if isinstance(value, str) else None
            if shown is not None:
                found[kind if kind != "image/svg+xml" else "text/html"] = shown
        if not found:
            names = ", ".join(sorted(map(str, data)))[:200]
            found["text/plain"] = f"[an output that is not shown here: {names}]"
        return found

    def _shown(self, kind: str, value: str) -> str | None:
        """One kind of data as it may be recorded, or None for none of it."""
        if kind == "text/plain":
            return _few_colours(value)
        if kind == "text/html":
            return self._html(value)
        if kind == "text/markdown":
            return self.markdown(value)
        if kind == "text/latex":
            return None if _links_in_formulas(value) else value.replace("<", "\\lt ")
        if kind == "image/svg+xml":  # in a picture no script runs, and nothing is loaded
            data = base64.b64encode(value.encode("utf-8", "replace")).decode()
            return f'<img src="data:image/svg+xml;base64,{data}">'
        if kind in _PICTURES:
            data = "".join(value.split())
            return data if _PICTURE_DATA.fullmatch(data) else None
        return None

    def _html(self, value: str) -> str | None:
        if not self._has_room(value):
            return None
        with self._timed():
            value = _UNSHOWN.sub("", value)
            if not value.strip():
                return None
            if not is_harmless(value, self.reserved):
                if len(value) > LONGEST_HTML:
                    return None
                value = self._clean(value, strip=True)
                if not is_harmless(value, self.reserved):
                    return None
            return None if _links_in_formulas(value) else value


def valid_count(count: Any) -> int | None:
    """An execution count that a notebook may have; a student can set it to anything."""
    return count if type(count) is int and 0 <= count < _LARGEST_COUNT else None


def _few_colours(text: str) -> str:
    return _ESCAPE.sub("", text) if text.count("\x1b") > MOST_COLOURS else text


def _sizes(metadata: Any) -> dict[str, Any]:
    """Of an output's metadata the sizes of its pictures."""
    found = {}
    for kind, told in metadata.items() if isinstance(metadata, dict) else ():
        if kind in _PICTURES and isinstance(told, dict):
            found[kind] = {
                name: size
                for name in ("width", "height")
                if (size := valid_count(told.get(name))) is not None
            }
    return {kind: sizes for kind, sizes in found.items() if sizes}


def _rendered(source: str, pictures: Mapping[str, Mapping[str, str]]) -> str:
    """The HTML that nbconvert makes of Markdown."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(
        escape=False, attachments={name: dict(data) for name, data in pictures.items()}
    )
    return str(MarkdownWithMath(renderer=renderer).render(source))


def _inert(markup: str) -> str:
    """HTML as one line in which Markdown finds neither a formula nor an end of the block."""
    for mark in "$\\`*_[]|~\n\r":
        markup = markup.replace(mark, f"&#{ord(mark)};")
    return f"<div>{markup}</div>"


def _as_text(source: str) -> str:
    """A text as it was written."""
    return _inert(f"<pre>{html.escape(source)}</pre>")


class _Rewriter:
    """Writes HTML anew: known tags with known attributes, nested and closed, and else text.

    It need not understand HTML as a browser does, since a browser never sees anything but what is
    written here. Every step goes forward in the text, so that no text can stall it.

    Args:
        known: says of a tag, an attribute and its value whether they may be written.
        strip: leave unknown tags and attributes out, instead of making text of the whole tag.
    """

    def __init__(self, known: Callable[[str, str, str], bool], strip: bool) -> None:
        self.known = known
        self.strip = strip
        self.written: list[str] = []
        self.open: list[str] = []

    def rewritten(self, markup: str) -> str:
        """All of it, without comments."""
        at = 0
        last, last_end = markup.rfind(">"), markup.rfind("-->")  # not looked for again and again
        while (start := markup.find("<", at)) >= 0:
            self._text(markup[at:start])
            if markup.startswith("<!--", start) and start <= last_end:
                at = markup.find("-->", start) + 3
            elif (tag := _ANY_TAG.match(markup, start)) is not None:
                self._tag(tag)
                at = tag.end()
            else:
                self._text("<")
                at = start + 1
                if at > last:
                    break  # no more tags
        self._text(markup[at:])
        self.written += [f"</{name}>" for name in reversed(self.open)]
        return "".join(self.written)

    def _tag(self, tag: re.Match[str]) -> None:
        name = tag[2].lower()
        if tag[1]:
            self._end(name, tag[0])
            return
        given = {
            one[1].lower(): _unescaped(one[2] or one[3] or one[4] or "")
            for one in _ANY_ATTRIBUTE.finditer(tag[3])
        }
        kept = {key: value for key, value in given.items() if self.known(name, key, value)}
        address = given.get("src", "")
        if name == "img" and "src" not in kept and _ELSEWHERE.fullmatch(address):
            self._text(f"[picture: {address}]")
        elif len(self.open) > _DEEPEST:
            return
        elif name in TAGS and (self.strip or not given.keys() - kept.keys() - COSMETIC):
            told = "".join(f' {key}="{html.escape(value)}"' for key, value in kept.items())
            self.written.append(f"<{name}{told}>")
            if name not in VOID:
                self.open.append(name)
        elif not self.strip:
            self._text(tag[0])

    def _end(self, name: str, text: str) -> None:
        if name in self.open:
            while (last := self.open.pop()) != name:
                self.written.append(f"</{last}>")
            self.written.append(f"</{name}>")
        elif name not in TAGS and not self.strip:
            self._text(text)

    def _text(self, text: str) -> None:
        text = _NO_ENTITY.sub("&amp;", text)
        self.written.append(text.replace("<", "&lt;").replace(">", "&gt;"))
