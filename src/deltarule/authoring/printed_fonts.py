"""Which characters the printing fonts lack: Typst prints an empty box for them, without a word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["FONT", "missing_characters"]

FONT = "Libertinus Serif"
NOWHERE = "\U0010ffff"
"""A code point that is no character, so that every font shows it as its empty box."""

GLYPH = re.compile(r'<symbol[^>]*>\s*<path d="([^"]*)"')


def missing_characters(characters: Iterable[str]) -> set[str]:
    """Those of some characters for which no font that Typst carries has a picture."""
    import typst

    asked = sorted({char for char in characters if not char.isascii()})
    if not asked:
        return set()
    pages = "\n#pagebreak()\n".join(f'#"{char}"' for char in (NOWHERE, *asked))
    source = f'#set page(width: auto, height: auto)\n#set text(font: "{FONT}")\n{pages}'
    made: Any = typst.compile(source.encode(), format="svg", ignore_system_fonts=True)
    shapes = [GLYPH.findall(page.decode()) for page in made]
    return {char for char, shape in zip(asked, shapes[1:], strict=True) if shape == shapes[0]}
