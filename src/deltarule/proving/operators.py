"""Small wrong turns in an expression: each operator yields the expressions that may take its place.

::

    deltas @ weight.T * slope ──flip-operator──►  deltas @ weight.T / slope
                              ──drop-transpose─►  deltas @ weight * slope      …

An operator sees one node and the :class:`Surroundings` of the code it stands in. It returns new
nodes and changes nothing; where the text is put, and whether the outcome is new, is the business of
:mod:`deltarule.proving.mutants`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["OPERATORS", "Operator", "Surroundings"]


@dataclass(frozen=True)
class Surroundings:
    """What the names around a piece of code are.

    Attributes:
        names: of the function's parameters and variables, as far as they are bound by then.
        objects: those of them whose attributes or methods the function uses.
        data: for each attribute, the other attributes of the classes that have it.
        methods: for each method, the methods of the same class with as many parameters.
        value: whether the node is all that a statement assigns or returns.
    """

    names: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    data: dict[str, tuple[str, ...]] = field(default_factory=dict)
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)
    value: bool = False


Operator = Callable[[ast.AST, Surroundings], Iterator[ast.AST]]

FLIPPED: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
}
ORDERED = (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv, ast.Mod)
"""Operators whose operands do not commute."""

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
TRANSPOSES = {"T", "mT", "H", "mH"}
TRANSPOSING = {"t", "transpose", "swapaxes", "permute", "adjoint"}
RELATED = {
    "mean": ("sum",),
    "sum": ("mean",),
    "max": ("min",),
    "min": ("max",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "tanh": ("sigmoid",),
    "sigmoid": ("tanh",),
    "exp": ("log",),
    "log": ("exp",),
    "sin": ("cos",),
    "cos": ("sin",),
    "std": ("var",),
    "var": ("std",),
    "stack": ("cat",),
    "cat": ("stack",),
}
"""Functions that are mistaken for one another."""


def flip_operator(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """Another arithmetic operator between the same operands."""
    if isinstance(node, ast.BinOp):
        for other in FLIPPED.get(type(node.op), ()):
            yield ast.BinOp(node.left, other(), node.right)


def flip_comparison(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """Another comparison; ``and`` for ``or``."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            for other in COMPARED[type(operator)]:
                ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def drop_operand(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """One side of an operation alone."""
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    if isinstance(node, ast.BoolOp):
        yield from node.values


def swap_operands(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """The operands of an operation that does not commute, the other way round."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ORDERED):
        yield ast.BinOp(node.right, node.op, node.left)


def drop_transpose(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """The matrix as it is."""
    if isinstance(node, ast.Attribute) and node.attr in TRANSPOSES:
        yield node.value
    if _method_name(node) in TRANSPOSING:
        yield node.func.value  # type: ignore[attr-defined]


def drop_sign(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """Without a unary minus."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


def wrong_factor(node: ast.AST, around: Surroundings) -> Iterator[ast.AST]:
    """What is assigned or returned with the other sign, or twice as large."""
    if around.value and isinstance(node, ast.BinOp | ast.Call):
        yield ast.UnaryOp(ast.USub(), node)
        yield ast.BinOp(ast.Constant(2), ast.Mult(), node)


def negate_condition(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """The opposite, or one branch always; a ``not`` is dropped."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def change_constant(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """A neighbouring number, or the number with the other sign."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        for other in dict.fromkeys((value + 1, value - 1)):
            yield _number(other)
    elif isinstance(value, float):
        for number in dict.fromkeys((-value, 2 * value, value / 2, 0.0, 1.0)):
            if number != value:
                yield _number(number)


def change_function(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """``mean`` for ``sum`` and the like."""
    if isinstance(node, ast.Attribute):
        for other in RELATED.get(node.attr, ()):
            yield ast.Attribute(node.value, other, node.ctx)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for other in RELATED.get(node.id, ()):
            if other in ("sum", "max", "min"):
                yield ast.Name(other, node.ctx)


def swap_arguments(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """Two neighbouring arguments, or two returned values, exchanged."""
    if isinstance(node, ast.Call | ast.Tuple):
        field_name = "args" if isinstance(node, ast.Call) else "elts"
        items = getattr(node, field_name)
        if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store):
            return
        for at in range(len(items) - 1):
            swapped = [*items[:at], items[at + 1], items[at], *items[at + 2 :]]
            yield _with(node, field_name, swapped)


def drop_argument(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """A call with one argument fewer."""
    if isinstance(node, ast.Call):
        for field_name in ("args", "keywords"):
            items = getattr(node, field_name)
            for at in range(len(items)):
                yield _with(node, field_name, [*items[:at], *items[at + 1 :]])


def drop_call(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """What a function or method is called on, without the call."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
            yield node.func.value
        elif _method_name(node):
            yield node.func.value  # type: ignore[attr-defined]
        for argument in node.args[:2]:
            if not isinstance(argument, ast.Starred):
                yield argument


def off_by_one(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """An index, a bound of a slice or of ``range``, one further or one less."""
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice | ast.Tuple):
        for moved in _moved(node.slice):
            yield ast.Subscript(node.value, moved, node.ctx)
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            bound = getattr(node, name)
            if bound is not None:
                yield _with(node, name, None)
                for moved in _moved(bound):
                    yield _with(node, name, moved)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        for at, argument in enumerate(node.args):
            for moved in _moved(argument):
                yield _with(node, "args", [*node.args[:at], moved, *node.args[at + 1 :]])


def other_name(node: ast.AST, around: Surroundings) -> Iterator[ast.AST]:
    """Another variable of the function: a stale value, or the wrong one."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in around.names:
        for other in around.names:
            if other not in (node.id, "self"):
                yield ast.Name(other, node.ctx)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        for other in around.objects:
            if other not in (node.value.id, "self") and node.value.id in around.names:
                yield ast.Attribute(ast.Name(other, ast.Load()), node.attr, node.ctx)


def other_attribute(node: ast.AST, around: Surroundings) -> Iterator[ast.AST]:
    """A sibling of an attribute or method: ``last_zout`` for ``last_zin``, bias for weight."""
    if isinstance(node, ast.Attribute):
        known = around.data.get(node.attr, ()) + around.methods.get(node.attr, ())
        for other in known:
            yield ast.Attribute(node.value, other, node.ctx)


def change_order(node: ast.AST, _: Surroundings) -> Iterator[ast.AST]:
    """``reversed`` and ``sorted`` dropped."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("reversed", "sorted")
        and node.args
    ):
        yield node.args[0]


OPERATORS: dict[str, Operator] = {
    "flip-operator": flip_operator,
    "flip-comparison": flip_comparison,
    "drop-operand": drop_operand,
    "swap-operands": swap_operands,
    "drop-transpose": drop_transpose,
    "drop-sign": drop_sign,
    "wrong-factor": wrong_factor,
    "negate-condition": negate_condition,
    "change-constant": change_constant,
    "change-function": change_function,
    "swap-arguments": swap_arguments,
    "drop-argument": drop_argument,
    "off-by-one": off_by_one,
    "change-order": change_order,
    "drop-call": drop_call,
    "other-name": other_name,
    "other-attribute": other_attribute,
}
"""By name; of several that make the same mutant, the first gives it its name."""


def _method_name(node: ast.AST) -> str:
    """The method that a call calls on a value, else ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _number(value: float) -> ast.expr:
    if value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _with(node: ast.AST, field_name: str, value: object) -> ast.AST:
    changed = copy.copy(node)
    setattr(changed, field_name, value)
    return changed


def _moved(index: ast.expr) -> Iterator[ast.expr]:
    """An index that is no number, one further and one less; numbers have their own operator."""
    number = index.operand if isinstance(index, ast.UnaryOp) else index
    if not isinstance(number, ast.Constant | ast.Slice):
        yield ast.BinOp(index, ast.Add(), ast.Constant(1))
        yield ast.BinOp(index, ast.Sub(), ast.Constant(1))
