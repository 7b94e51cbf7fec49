"""Pictures for the documentation, taken in passing by the tests: ``make screenshots``.

Without ``DELTARULE_SCREENSHOTS`` nothing is taken: pictures differ from machine to machine by
their fonts, and a test run shall leave no change behind.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
COLOURS = 64
LARGEST_BYTES = 150_000
FORMULAS_ARE_THERE = """() => !window.MathJax?.Hub || !MathJax.Hub.queue.pending
    && !document.querySelector('.MJXc-processing, .MathJax_Preview:not(:empty)')"""


def take(page: Page, name: str, clip: dict[str, Any] | None = None) -> None:
    """Take a picture of a page, or of a part of it, as ``docs/figures/<name>.png``."""
    if not os.environ.get("DELTARULE_SCREENSHOTS"):
        return
    from PIL import Image

    for frame in page.frames:
        frame.wait_for_function(FORMULAS_ARE_THERE)
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
    path = FIGURES / f"{name}.png"
    picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    assert path.stat().st_size < LARGEST_BYTES, f"{path} is too large"
