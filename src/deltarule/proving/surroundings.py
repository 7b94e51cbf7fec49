"""Which names stand around a piece of code, and which attributes are siblings.

Siblings are read off the classes of the notebook: what ``__init__`` and the other methods set on
``self`` are data of the same class, and so may be mistaken for one another (``last_zin`` and
``last_zout``); methods may, where they take as many arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Attributes", "attributes_of", "names_of", "objects_of"]


@dataclass(frozen=True)
class Attributes:
    """For each attribute and each method of the notebook's classes, its siblings."""

    data: dict[str, tuple[str, ...]]
    methods: dict[str, tuple[str, ...]]


def attributes_of(texts: Iterable[str]) -> Attributes:
    """The siblings among the attributes of all classes in some cells."""
    data: dict[str, dict[str, None]] = {}
    methods: dict[str, dict[str, None]] = {}
    for text in texts:
        for node in ast.walk(ast.parse(text)) if "class " in text else ():
            if isinstance(node, ast.ClassDef):
                _file(data, [(name, 0) for name in _own_data(node)])
                _file(methods, _own_methods(node))
    return Attributes(_frozen(data), _frozen(methods))


def _file(found: dict[str, dict[str, None]], members: list[tuple[str, int]]) -> None:
    for name, kind in members:
        others = {other: None for other, its in members if other != name and its == kind}
        found.setdefault(name, {}).update(others)


def _frozen(found: dict[str, dict[str, None]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(others) for name, others in found.items() if others}


def _own_data(node: ast.ClassDef) -> list[str]:
    """Attributes that the class's methods set on ``self``, in order."""
    found: dict[str, None] = {}
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and isinstance(inner.value, ast.Name)
            and inner.value.id == "self"
        ):
            found[inner.attr] = None
    return list(found)


def _own_methods(node: ast.ClassDef) -> list[tuple[str, int]]:
    """Public methods with their numbers of parameters."""
    return [
        (inner.name, len(inner.args.args))
        for inner in node.body
        if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__")
    ]


def names_of(function: ast.AST, last: int) -> tuple[str, ...]:
    """Parameters of a function, and variables bound in rows up to ``last``; () outside of one."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return ()
    arguments = function.args
    found = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    found += [
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno <= last
    ]
    return tuple(dict.fromkeys(found))


def objects_of(function: ast.AST, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some names whose attributes or methods the function uses."""
    used = {
        node.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return tuple(name for name in names if name in used)
