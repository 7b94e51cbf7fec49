"""Cells run as IPython runs them, in a process that has no kernel.

What a notebook takes for granted is here: names of its own in ``__main__``, the value of the last
expression, ``await``, plotting magics, ``display``, figures that are gone when a cell has ended.
Nothing is drawn and nothing is shown.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import random
import sys
import types
from functools import lru_cache
from typing import Any

from deltarule.authoring.syntax import transformed

__all__ = ["Tail", "close_figures", "new_namespace", "run_cell", "seed_generators"]

TAIL = 2000
"""How many characters of a cell's output are kept."""

MOST_CELLS = 1000
"""Cells that are kept compiled."""


class Tail(io.TextIOBase):
    """Standard output of a cell: only its end is kept."""

    text = ""

    def write(self, text: str) -> int:
        """Add to the end, and forget the beginning."""
        self.text = (self.text + text[-TAIL:])[-TAIL:]
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True


class _Shell:
    """As much of ``get_ipython()`` as cells without magics of their own need."""

    def run_line_magic(self, name: str, *_: Any) -> None:
        """Pass over plotting magics; there is no other.

        Raises:
            NotImplementedError: for any other magic.
        """
        if name not in ("matplotlib", "config", "load_ext", "autoreload"):
            raise NotImplementedError(f"the magic %{name} does not exist where tests run")


def _display(*_: Any, display_id: Any = None, **__: Any) -> Any:
    """``display`` without anybody who looks; a handle can be updated."""
    from IPython.display import DisplayHandle

    return DisplayHandle() if display_id else None


def new_namespace() -> dict[str, Any]:
    """The names that a notebook finds when it starts, in a ``__main__`` of their own.

    ``IPython.display`` shows nothing from now on: only for processes that run notebooks.
    """
    import IPython.core.display
    import IPython.core.display_functions
    import IPython.display

    for module in (IPython.display, IPython.core.display, IPython.core.display_functions):
        module.display = _display
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    shell = _Shell()
    main.__dict__.update(get_ipython=lambda: shell, display=_display)
    return main.__dict__


def run_cell(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as IPython does and return the value of its last expression, or None."""
    value = None
    for code in _compiled(source, name):
        value = eval(code, namespace)
        if inspect.CO_COROUTINE & code.co_flags:
            value = asyncio.run(value)
    if value is not None:
        namespace["_"] = value
    return value


@lru_cache(maxsize=MOST_CELLS)
def _compiled(source: str, name: str) -> tuple[types.CodeType, ...]:
    """A cell's statements, whose value is None, and its last expression.

    A class is judged by the same cells, submission after submission.
    """
    tree = ast.parse(transformed(source))
    parts: list[tuple[ast.Module | ast.Expression, str]] = [(tree, "exec")]
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        parts.append((ast.Expression(tree.body.pop().value), "eval"))  # type: ignore[attr-defined]
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return tuple(compile(part, f"<ipython-input-{name}>", mode, flags) for part, mode in parts)


def close_figures() -> None:
    """Forget the figures of a cell that has ended, as the inline backend does."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


def seed_generators(seed: int) -> None:
    """Seed the generators that cells draw from."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
