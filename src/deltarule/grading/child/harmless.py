"""Whether a cell can be run without a spare: it only imports what is loaded, defines, or assigns.

Such a cell cannot loop, grow or end its process, unless by a trick; then the cells since the last
spare are run again.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence

__all__ = ["is_harmless"]

LONGEST = 200_000


def is_harmless(source: str) -> bool:
    """Whether a cell, already plain Python, only imports loaded modules, defines or assigns."""
    if len(source) > LONGEST:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # it will not run, but that is for the shell to say
    return _all(tree.body)


def _all(statements: Sequence[ast.stmt]) -> bool:
    return all(map(_one, statements))


def _one(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(names=names):
            return all(alias.name in sys.modules for alias in names)
        case ast.ImportFrom(module=module, names=names, level=0):
            return module in sys.modules and all(
                hasattr(sys.modules[module or ""], alias.name)
                for alias in names
                if alias.name != "*"
            )
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            arguments = statement.args
            defaults = [*arguments.defaults, *(one for one in arguments.kw_defaults if one)]
            notes = [one.annotation for one in ast.walk(arguments) if isinstance(one, ast.arg)]
            plain = all(map(_plain, defaults))
            named = all(one is None or _named(one) for one in [*notes, statement.returns])
            return plain and named and not statement.decorator_list
        case ast.ClassDef():
            bare = not statement.decorator_list and not statement.keywords
            return bare and all(map(_named, statement.bases)) and _all(statement.body)
        case ast.Assign(targets=targets, value=value):
            return all(isinstance(one, ast.Name) for one in targets) and _plain(value)
        case ast.AnnAssign(target=ast.Name(), annotation=note, value=given):
            return _named(note) and (given is None or _plain(given))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
    return False


def _plain(node: ast.expr) -> bool:
    """A constant, or a short display of constants."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return all(map(_plain, items))
    return False


def _named(node: ast.expr) -> bool:
    """A name, a dotted name, or names in square brackets, as annotations are."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=value):
            return _named(value)
        case ast.Subscript(value=value, slice=inner):
            return _named(value) and _named(inner)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return all(map(_named, items))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _named(left) and _named(right)
    return False
