"""Small wrong turns in the order of things: a statement dropped, swapped, a loop cut short.

Each change is (operator, statement, last row, new rows): the rows from the statement's first to the
last give way to the new ones.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from deltarule.proving.operators import Surroundings

__all__ = ["Change", "statement_changes"]

Change = tuple[str, ast.stmt, int, list[str]]

AUGMENTED = {ast.Add: "-=", ast.Sub: "+=", ast.Mult: "/=", ast.Div: "*="}


def statement_changes(
    node: ast.stmt, body: Sequence[ast.stmt], around: Surroundings, last: int
) -> Iterator[Change]:
    """All changes to one statement of ``body`` in a region that ends in row ``last``."""
    indent = " " * node.col_offset
    end = node.end_lineno or node.lineno
    yield "drop-statement", node, end, [f"{indent}pass"] if len(body) == 1 else []
    following = next((n for n in body if n.lineno > end), None)
    if following is not None and (following.end_lineno or last + 1) <= last:
        first, second = _rows(node), _rows(following)
        yield "swap-statements", node, following.end_lineno or end, [*second, *first]
    if isinstance(node, ast.AugAssign):
        target, value = ast.unparse(node.target), ast.unparse(node.value)
        for sign in (AUGMENTED.get(type(node.op)), "="):
            if sign:
                yield "flip-assignment", node, end, [f"{indent}{target} {sign} {value}"]
    if isinstance(node, ast.For | ast.While):
        yield from _loop(node, indent)
    if isinstance(node, ast.If | ast.While):
        yield from _condition(node, indent)
    if isinstance(node, ast.Return) and node.value is not None:
        for name in around.names:
            if name != "self":
                yield "return-earlier", node, end, [f"{indent}return {name}"]


def _loop(node: ast.For | ast.While, indent: str) -> Iterator[Change]:
    """The first round only, all but the first, all but the last."""
    body = [row for statement in node.body for row in _rows(statement)]
    end = node.end_lineno or node.lineno
    inner = " " * node.body[0].col_offset
    head = _head(node, indent)
    yield "first-round-only", node, end, [head, *body, f"{inner}break"]
    if isinstance(node, ast.For):
        target, source = ast.unparse(node.target), ast.unparse(node.iter)
        for cut, name in (("[1:]", "skip-first-round"), ("[:-1]", "skip-last-round")):
            yield name, node, end, [f"{indent}for {target} in list({source}){cut}:", *body]
        if not source.startswith("reversed("):
            changed = f"{indent}for {target} in reversed(list({source})):"
            yield "change-order", node, end, [changed, *body]


def _condition(node: ast.If | ast.While, indent: str) -> Iterator[Change]:
    """The opposite condition; always."""
    word = "if" if isinstance(node, ast.If) else "while"
    begin = node.body[0].lineno
    test = ast.unparse(node.test)
    yield "negate-condition", node, begin - 1, [f"{indent}{word} not ({test}):"]
    if isinstance(node, ast.If):
        yield "ignore-condition", node, begin - 1, [f"{indent}if True:"]


def _head(node: ast.For | ast.While, indent: str) -> str:
    if isinstance(node, ast.While):
        return f"{indent}while {ast.unparse(node.test)}:"
    return f"{indent}for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"


def _rows(node: ast.stmt) -> list[str]:
    """A statement as code at its own indentation."""
    return [" " * node.col_offset + row for row in ast.unparse(node).split("\n")]
