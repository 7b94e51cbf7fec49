"""Where a test finds its names: its own, the instructor's imports, builtins, then the student's.

A dict as ``__builtins__`` whose missing items are looked up late works for functions, lambdas,
comprehensions and classes of a test alike. ``np`` or ``assert_allclose`` never come from the
student: what the instructor's notebook imports is imported here.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from typing import Any

from deltarule.grading.remote.link import Link
from deltarule.grading.remote.references import is_callable, is_instance

__all__ = ["Imports", "Names", "new_globals"]


class Imports:
    """What the instructor's notebook imports, imported here when a test first asks for it.

    Args:
        statements: import statements as source text.
    """

    def __init__(self, statements: Iterable[str]) -> None:
        self._by_name: dict[str, str] = {}
        self._stars: list[str] = []
        self._found: dict[str, Any] = {}
        for statement in statements:
            for node in ast.parse(statement).body:
                self._add(node)

    def _add(self, node: ast.stmt) -> None:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return
        for alias in node.names:
            if alias.name == "*":
                self._stars.append(ast.unparse(node))
                continue
            name = alias.asname or alias.name.partition(".")[0]
            one = type(node)(**{**vars(node), "names": [alias]})
            earlier = self._by_name.get(name)
            self._by_name[name] = "\n".join(filter(None, [earlier, ast.unparse(one)]))

    def get(self, name: str) -> Any:
        """What a name was imported as.

        Raises:
            KeyError: it was not, or cannot be here.
        """
        while self._stars:
            space = _executed(self._stars.pop())
            self._found.update({key: one for key, one in space.items() if key[:2] != "__"})
        if name not in self._found:
            self._found[name] = _executed(self._by_name[name])[name]
        return self._found[name]


def _executed(statements: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    try:
        exec(statements, space)
    except ImportError as error:
        raise KeyError(f"{statements}: {error}") from None
    return space


class Names(dict[str, Any]):
    """The builtins, and behind them what the module says.

    Args:
        imports: of the instructor's notebook.

    Attributes:
        link: to the fork of the test that is running.
    """

    def __init__(self, imports: Imports) -> None:
        super().__init__(vars(builtins))
        self.imports = imports
        self.link: Link | None = None
        for name in ("open", "input", "breakpoint", "exit", "quit"):
            self.pop(name, None)
        self.update(open=open, callable=is_callable, isinstance=is_instance)

    def __missing__(self, name: str) -> Any:
        try:
            return self.imports.get(name)
        except KeyError:
            pass
        if self.link is not None and not name.startswith("__"):
            found = self.link.ask("name", name)
            if found:
                return found[0]
        raise KeyError(name)


def new_globals(names: Names) -> dict[str, Any]:
    """Globals for the test cells of one notebook; later tests see what earlier ones have bound."""
    return {"__builtins__": names, "__name__": "__main__"}
