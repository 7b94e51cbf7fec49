"""What a code cell's text is to Python: IPython's view of it, its mistakes, its statements.

IPython turns magics and shell lines into calls before Python sees a cell. Everything here counts
rows from 1 in the text as the author wrote it, and the transformed text keeps its rows.
"""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
import warnings
from collections.abc import Callable
from enum import Enum
from functools import cache, lru_cache

__all__ = [
    "Language",
    "compiles",
    "imports",
    "language",
    "statements",
    "syntax_error",
    "transformed",
]

_MAGIC = re.compile(r"%%(?P<name>\w+)(?P<rest>.*)")
_RUN_PYTHON = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "pypy"})
_RUN_SHELL = frozenset({"bash", "sh", "zsh", "system", "sx", "script"})


class Language(Enum):
    """What the lines of a code cell are written in; a cell magic on the first line decides."""

    PYTHON = "python"
    SHELL = "shell"
    OTHER = "other"


@cache
def _transform() -> Callable[[str], str]:
    from IPython.core.inputtransformer2 import TransformerManager

    transform: Callable[[str], str] = TransformerManager().transform_cell
    return transform


def language(text: str) -> Language:
    """The language of a code cell with this text."""
    magic = _MAGIC.match(text.lstrip())
    if magic is None or magic["name"] in _RUN_PYTHON:
        return Language.PYTHON
    if magic["name"] in _RUN_SHELL:
        return Language.SHELL
    writes_python = magic["name"] in ("writefile", "file") and magic["rest"].rstrip().endswith(
        ".py"
    )
    return Language.PYTHON if writes_python else Language.OTHER


@lru_cache(maxsize=4096)  # asked several times for each text, and for most again at each save
def transformed(text: str) -> str:
    """A cell's text as IPython hands it to Python, row by row: magics and shell lines are calls.

    Cell magics that run Python (``%%time``) are passed over, so that their body can be looked at.
    """
    rows = text.split("\n")
    passed = 0
    while passed < len(rows) and (
        not rows[passed].strip()
        or (rows[passed].startswith("%%") and language(rows[passed]) is Language.PYTHON)
    ):
        passed += 1  # IPython drops leading blank lines, and with them the count of the rows
    return "\n" * passed + _transform()("\n".join(rows[passed:]))


def syntax_error(text: str) -> tuple[int, str] | None:
    """Row (from 1) and message of what keeps a code cell from being compiled; None if nothing."""
    if language(text) is not Language.PYTHON:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(transformed(text), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        return 1, str(error) or type(error).__name__
    return None


def compiles(text: str) -> bool:
    """Whether a student who runs a code cell with this text meets no ``SyntaxError``."""
    return syntax_error(text) is None


def statements(text: str) -> list[tuple[int, int]]:
    """First and last row of every logical line; empty where the text cannot be tokenised.

    A compound statement's heading (``if a:``, ``else:``) is a logical line of its own.
    """
    found: list[tuple[int, int]] = []
    begin = 0
    between = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    try:
        for token in tokenize.generate_tokens(io.StringIO(transformed(text)).readline):
            if token.type == tokenize.NEWLINE:
                found.append((begin, token.start[0]))
                begin = 0
            elif not begin and token.type not in between:
                begin = token.start[0]
    except (tokenize.TokenError, SyntaxError):
        return []
    return found


def imports(text: str, module: str) -> bool:
    """Whether some lines of a code cell import ``module``, or something from inside it."""
    if module.split(".")[0] not in text:
        return False
    code = [row for row in text.split("\n") if not row.lstrip().startswith("#")]
    try:
        tree = ast.parse(transformed(textwrap.dedent("\n".join(code))))
    except SyntaxError:
        return False
    names = [
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    return any(f"{name}.".startswith(f"{module}.") for name in names)
