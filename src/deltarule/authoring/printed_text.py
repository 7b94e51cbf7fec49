"""Turn Markdown into what pandoc prints: formulas, pictures, raw HTML and links are seen to here.

::

    Markdown ──take_out──► words for formulas ──pandoc──► tree ──Printer──► tree ──pandoc──► Typst

The tree is pandoc's own: nodes ``{"t": type, "c": content}``. All cells go through pandoc in one
run, each as a file of its own, so that equal footnotes of two cells do not meet.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from deltarule.authoring.printed_math import Formula, put_back, split_at_formulas, take_out
from deltarule.errors import MachineryError

__all__ = [
    "TextPrinter",
    "breakable",
    "leading",
    "read_markdown",
    "typst",
    "typst_string",
    "write_typst",
]

Node = dict[str, Any]

READER = "gfm+footnotes-emoji-tex_math_dollars-tex_math_gfm-yaml_metadata_block-alerts"
HTML_READER = "html-native_divs-native_spans-auto_identifiers"
MARK = "<!-- deltarule: part {number} -->"
MARKS = re.compile(r"<!-- deltarule: part (\d+) -->")
BREAK = "\u200b"
"""Where a line may be broken although it has no space there; it has no width."""

LONG_LINE = 85
"""Characters up to which a line of code fits on every page."""

INLINE = 40
"""The same for code within text, which may stand in a table."""

LONG_WORD = re.compile(rf"[^\s{BREAK}]{{41,}}")
AFTER_PUNCTUATION = re.compile(r"(?<=[(\[{,;/&?])(?=\S)")
PIECE = 8
"""After so many characters a long word without punctuation may be broken."""

WRAPPED = {"sub": "Subscript", "sup": "Superscript", "b": "Strong", "strong": "Strong"}
WRAPPED |= {"i": "Emph", "em": "Emph", "u": "Underline", "s": "Strikeout", "del": "Strikeout"}


def read_markdown(texts: Sequence[str]) -> list[tuple[list[Node], list[Formula]]]:
    """Read each text by itself; the formulas of a text are still words in its blocks.

    Raises:
        MachineryError: pandoc failed.
    """
    if not texts:
        return []
    parts = [take_out(text) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, (text, _) in enumerate(parts):
            for kind, content in (("a", MARK.format(number=number)), ("b", text)):
                name = f"{number:05d}{kind}.md"
                (Path(folder) / name).write_text(content + "\n", encoding="utf-8")
                names.append(name)
        read = _pandoc("--from", READER, "--to", "json", "--file-scope", *names, folder=folder)
    blocks: list[list[Node]] = []
    for block in json.loads(read)["blocks"]:
        raw = block["c"][1] if block["t"] == "RawBlock" else ""
        if MARKS.fullmatch(raw.strip()):
            blocks.append([])
        else:
            blocks[-1].append(block)
    return [(found, formulas) for found, (_, formulas) in zip(blocks, parts, strict=True)]


def write_typst(blocks: list[Node]) -> tuple[str, list[str]]:
    """The Typst text of a whole document, and the formulas that pandoc could not write.

    Raises:
        MachineryError: pandoc failed.
    """
    document = {"pandoc-api-version": [1, 23, 1], "meta": {}, "blocks": blocks}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tree.json").write_text(json.dumps(document), encoding="utf-8")
        options = ("--from", "json", "--to", "typst", "--wrap", "preserve", "--log", "log.json")
        text = _pandoc(*options, "--quiet", "tree.json", folder=folder)
        log = json.loads((Path(folder) / "log.json").read_text(encoding="utf-8"))
    return text, [entry["contents"] for entry in log if entry["type"] == "CouldNotConvertTeXMath"]


def _pandoc(*arguments: str, folder: str | None = None, text: str = "") -> str:
    import pypandoc

    # The binary of our own dependency: another one on this machine may print differently.
    bundled = sorted((Path(pypandoc.__file__).parent / "files").glob("pandoc*"))
    program = bundled[0] if bundled else pypandoc.get_pandoc_path()
    ran = subprocess.run(
        [program, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if ran.returncode:
        raise MachineryError(f"pandoc failed: {ran.stderr.strip()}")
    return ran.stdout


def typst_string(text: str) -> str:
    """A string as Typst's code has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def typst(text: str, *, inline: bool = False) -> Node:
    """A node that stands for Typst as it is."""
    return {"t": "RawInline" if inline else "RawBlock", "c": ["typst", text]}


def breakable(text: str, *, room: int = LONG_LINE) -> str:
    """The text with places to break in words that may not fit on a line of ``room`` characters."""

    def pieces(match: re.Match[str]) -> str:
        word = match[0]
        return BREAK.join(word[start : start + PIECE] for start in range(0, len(word), PIECE))

    def broken(match: re.Match[str]) -> str:
        return LONG_WORD.sub(pieces, AFTER_PUNCTUATION.sub(BREAK, match[0]))

    lines = text.split("\n")
    return "\n".join(LONG_WORD.sub(broken, line) if len(line) > room else line for line in lines)


class TextPrinter:
    """Rewrites the blocks of one cell.

    Args:
        formulas: those of the cell.
        picture: takes an image's address, its alternative text and its width in points (None: its
            own) and returns the arguments of Typst's function that shows it.
    """

    def __init__(
        self, formulas: list[Formula], picture: Callable[[str, str, float | None], str]
    ) -> None:
        self.formulas = formulas
        self.picture = picture
        self.in_note = False

    def blocks(self, blocks: list[Node]) -> list[Node]:
        """The blocks with everything in it that pandoc would not print as Jupyter shows it."""
        made: list[Node] = []
        for block in blocks:
            kind: str = block["t"]
            content: Any = block.get("c")
            if kind == "RawBlock":
                made += self._html_blocks(content[1]) if content[0] == "html" else []
            elif kind == "CodeBlock":
                (_, classes, _), text = content
                made.append(self._code(put_back(text, self.formulas), classes))
            elif kind == "Header":
                made.append({"t": kind, "c": [content[0], ["", [], []], self.inlines(content[2])]})
            elif kind == "Table":
                made.append(self._table(content))
            elif kind in ("Para", "Plain"):
                made += self._paragraph(kind, content)
            elif kind == "Div":
                made += self.blocks(content[1])
            elif kind == "BlockQuote":
                made.append({"t": kind, "c": self.blocks(content)})
            elif kind == "BulletList":
                made.append({"t": kind, "c": [self.blocks(item) for item in content]})
            elif kind == "OrderedList":
                numbered = [self.blocks(item) for item in content[1]]
                made.append({"t": kind, "c": [content[0], numbered]})
            elif kind == "DefinitionList":
                terms = [
                    [self.inlines(term), [self.blocks(part) for part in parts]]
                    for term, parts in content
                ]
                made.append({"t": kind, "c": terms})
            elif kind == "Figure":
                made += self.blocks(content[2])
            else:
                made.append(block)
        return _led(made)

    def _paragraph(self, kind: str, content: list[Node]) -> list[Node]:
        """A paragraph; a picture that has it for itself is a figure, with its title as caption."""
        seen = [node for node in content if node["t"] not in ("Space", "SoftBreak")]
        if len(seen) == 1 and seen[0]["t"] == "Image":
            title = put_back(seen[0]["c"][2][1], self.formulas)
            caption = self._typst_text(title)
            return [typst(f"#picture-block(picture{self._image(seen[0])}, caption: {caption})")]
        inlines = self.inlines(content)
        return [{"t": kind, "c": inlines}] if inlines else []

    @staticmethod
    def _typst_text(text: str) -> str:
        return typst_string(text) if text else "none"

    def _code(self, text: str, classes: list[str]) -> Node:
        language = typst_string(classes[0]) if classes else "none"
        return typst(f"#fenced({typst_string(breakable(text))}, lang: {language})")

    def _table(self, content: list[Any]) -> Node:
        """A table whose columns take what they need: dashes in the source say nothing of that."""
        attributes, _, columns, head, bodies, foot = content
        columns = [[alignment, {"t": "ColWidthDefault"}] for alignment, _ in columns]

        def row(cells: list[Any]) -> list[Any]:
            return [cells[0], [[*cell[:4], self.blocks(cell[4])] for cell in cells[1]]]

        head = [head[0], [row(each) for each in head[1]]]
        bodies = [[b[0], b[1], [row(r) for r in b[2]], [row(r) for r in b[3]]] for b in bodies]
        foot = [foot[0], [row(each) for each in foot[1]]]
        caption: list[Any] = [None, []]
        return {"t": "Table", "c": [attributes, caption, columns, head, bodies, foot]}

    def _html_blocks(self, html: str) -> list[Node]:
        """What HTML says in words, lists, tables and pictures; the rest is for screens."""
        read = json.loads(_pandoc("--from", HTML_READER, "--to", "json", text=html))["blocks"]
        paragraphs = [{**block, "t": "Para"} if block["t"] == "Plain" else block for block in read]
        return self.blocks(paragraphs)

    def inlines(self, inlines: list[Node]) -> list[Node]:
        """The same for the content of a paragraph."""
        made: list[Node] = []
        for node in _tags_paired(inlines):
            kind: str = node["t"]
            content: Any = node.get("c")
            if kind == "Str":
                made += self._string(content)
            elif kind == "Code":
                text = breakable(put_back(content[1], self.formulas), room=INLINE)
                made.append({"t": kind, "c": [content[0], text]})
            elif kind == "RawInline":
                made += self._html_inline(content[1]) if content[0] == "html" else []
            elif kind == "Image":
                made.append(typst(f"#picture-inline{self._image(node)}", inline=True))
            elif kind == "Link":
                made += self._link(content)
            elif kind == "Note":
                self.in_note = True
                made.append({"t": kind, "c": self.blocks(content)})
                self.in_note = False
            elif kind in ("Quoted", "Span", "Cite"):
                made += self.inlines(content[1])
            elif isinstance(content, list):
                made.append({"t": kind, "c": self.inlines(content)})
            else:
                made.append(node)
        return made

    def _string(self, text: str) -> list[Node]:
        return [
            node
            for piece in split_at_formulas(text, self.formulas)
            for node in (
                [{"t": "Str", "c": piece}] if isinstance(piece, str) else self._formula(piece)
            )
        ]

    @staticmethod
    def _formula(formula: Formula) -> list[Node]:
        kind = "DisplayMath" if formula.display else "InlineMath"
        made: Node = {"t": "Math", "c": [{"t": kind}, formula.tex]}
        if not formula.display:
            return [made]
        before = typst(f"#formula(tag: {typst_string(formula.tag)})[", inline=True)
        return [before, made, typst("]", inline=True)]

    def _html_inline(self, html: str) -> list[Node]:
        tag = _Tag.of(html)
        if tag.name == "br":
            return [{"t": "LineBreak"}]
        if tag.name == "img":
            blocks = json.loads(_pandoc("--from", HTML_READER, "--to", "json", text=html))["blocks"]
            return [node for block in blocks for node in self.inlines(block["c"])]
        return []

    def _link(self, content: list[Any]) -> list[Node]:
        """A link to the web, with its address in a footnote: paper cannot be clicked."""
        attributes, inlines, (url, _) = content
        url = put_back(url, self.formulas)
        shown = self.inlines(inlines)
        if not re.match(r"(https?://|mailto:)", url):
            return shown  # to another part of the course, which the paper does not have
        link = {"t": "Link", "c": [attributes, shown, [url, ""]]}
        text = "".join(node["c"] for node in inlines if node["t"] == "Str")
        if self.in_note or text in (url, url.removeprefix("mailto:"), url.partition("://")[2]):
            return [link]
        address = typst(f"#address({typst_string(url)})", inline=True)
        return [link, address]

    def _image(self, node: Node) -> str:
        (_, _, attributes), alt, (address, _) = node["c"]
        width = dict(attributes).get("width", "")
        pixels = re.fullmatch(r"(\d+(?:\.\d+)?)(?:px)?", width)
        text = put_back(_plain(alt), self.formulas)
        points = float(pixels[1]) * 0.75 if pixels else None
        return self.picture(put_back(address, self.formulas), text, points)


def _led(blocks: list[Node]) -> list[Node]:
    """The same, with paragraphs that lead up to something kept on the page of what follows."""
    made: list[Node] = []
    for index, block in enumerate(blocks):
        follower = blocks[index + 1] if index + 1 < len(blocks) else None
        leads = _plain(block["c"]).rstrip().endswith(":") if block["t"] == "Para" else False
        if block["t"] == "Para" and not _is_formula(block) and (leads or _is_formula(follower)):
            made += leading(block)
        else:
            made.append(block)
    return made


def leading(block: Node) -> list[Node]:
    """A paragraph that stays on the page of what follows it."""
    return [typst("#lead["), block, typst("]")]


def _is_formula(block: Node | None) -> bool:
    """Whether a block is a paragraph that begins with a formula of its own line."""
    if block is None or block["t"] != "Para":
        return False
    return any(n["t"] == "Math" and n["c"][0]["t"] == "DisplayMath" for n in block["c"][:2])


def _plain(inlines: list[Node]) -> str:
    """The words of some inlines."""
    words = []
    for node in inlines:
        content = node.get("c")
        if node["t"] in ("Space", "SoftBreak", "LineBreak"):
            words.append(" ")
        elif isinstance(content, str):
            words.append(content)
        elif node["t"] in ("Code", "Math"):
            words.append(node["c"][1])
        elif node["t"] in ("Emph", "Strong", "Superscript", "Subscript"):
            words.append(_plain(node["c"]))
        elif node["t"] in ("Link", "Quoted", "Span"):
            words.append(_plain(node["c"][1]))
    return "".join(words)


class _Tag(HTMLParser):
    """Name and kind of a single HTML tag."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.closes = "", False

    @classmethod
    def of(cls, html: str) -> _Tag:
        tag = cls()
        tag.feed(html)
        return tag

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.name = tag

    def handle_endtag(self, tag: str) -> None:
        self.name, self.closes = tag, True


def _tags_paired(inlines: list[Node]) -> list[Node]:
    """``<sub>``, ``<b>`` and the like with what they hold, as nodes of pandoc."""
    made: list[list[Node]] = [[]]
    opened: list[str] = []
    for node in inlines:
        raw = node["t"] == "RawInline" and node["c"][0] == "html"
        tag = _Tag.of(node["c"][1]) if raw else None
        if tag is None or tag.name not in WRAPPED:
            made[-1].append(node)
        elif not tag.closes:
            opened.append(tag.name)
            made.append([])
        elif opened and opened[-1] == tag.name:
            inside = made.pop()
            made[-1].append({"t": WRAPPED[opened.pop()], "c": inside})
    while opened:  # never closed: what it holds is text like any other
        opened.pop()
        inside = made.pop()
        made[-1] += inside
    return made[0]
