"""Do two calls come to the same? Values, shapes, types, and what was changed on the way."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

__all__ = ["LOUD", "SAME", "VALUES", "difference"]

SAME, VALUES, LOUD = "same", "values", "loud"

ROUNDINGS = 256.0
"""Two orders of the same arithmetic differ by some roundings of the largest value."""


def difference(one: Any, other: Any) -> str:
    """``same``; ``values`` where only numbers differ; ``loud`` where types or shapes do."""
    return _difference(one, other, set())


def _difference(one: Any, other: Any, seen: set[tuple[int, int]]) -> str:
    if (id(one), id(other)) in seen:
        return SAME
    seen.add((id(one), id(other)))
    if type(one).__name__ != type(other).__name__:
        return LOUD
    if hasattr(one, "detach") or isinstance(one, np.ndarray):
        ours, theirs = (tensor.grad if _tracks(tensor) else None for tensor in (one, other))
        return _worst((_arrays(one, other), _difference(ours, theirs, seen)))
    if type(one).__module__.split(".")[0] == "pandas":
        return _tables(one, other)
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return LOUD
        return _worst(_difference(a, b, seen) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        if [_key(key) for key in one] != [_key(key) for key in other]:
            return LOUD
        pairs = zip(one.values(), other.values(), strict=True)
        return _worst(_difference(a, b, seen) for a, b in pairs)
    if isinstance(one, float):
        return _arrays(np.asarray(one), np.asarray(other))
    if isinstance(one, int | str | bytes | bool | None):
        return SAME if one == other else VALUES
    if hasattr(one, "__dict__") and not isinstance(one, type) and not inspect.isroutine(one):
        return _difference(vars(one), vars(other), seen)
    return SAME


def _key(key: Any) -> Any:
    """What a key is compared by: an optimiser's state is a dict whose keys are its tensors."""
    return key if isinstance(key, int | float | str | bytes | tuple | None) else type(key).__name__


def _tables(one: Any, other: Any) -> str:
    """Columns, types and values of pandas' tables and columns; of their rows' names, the order."""
    if not hasattr(one, "reset_index"):
        return SAME if one is other or one.equals(other) else VALUES
    a, b = (table.to_frame() if table.ndim == 1 else table for table in (one, other))
    ours, theirs = (table.reset_index(drop=True) for table in (a, b))
    kinds = [[dtype.kind for dtype in table.dtypes] for table in (ours, theirs)]
    if list(a.columns) != list(b.columns) or len(a) != len(b) or kinds[0] != kinds[1]:
        return LOUD
    same = True
    for place, kind in enumerate(kinds[0]):
        pair = ours.iloc[:, place], theirs.iloc[:, place]
        same &= (
            _arrays(*(c.to_numpy() for c in pair)) == SAME
            if kind == "f"
            else pair[0].equals(pair[1])
        )
    return SAME if same else VALUES


def _tracks(tensor: Any) -> bool:
    """Whether a tensor may hold a gradient: a parameter, not a result."""
    return bool(getattr(tensor, "requires_grad", False) and tensor.is_leaf)


def _arrays(one: Any, other: Any) -> str:
    if one.shape != other.shape or one.dtype != other.dtype:
        return LOUD
    a, b = (np.asarray(v.detach() if hasattr(v, "detach") else v) for v in (one, other))
    if a.dtype.kind != "f":
        return SAME if np.array_equal(a, b) else VALUES
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)):
        return VALUES
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return VALUES
    size = float(np.max(np.abs(a[finite]), initial=0.0))
    allowed = ROUNDINGS * float(np.finfo(a.dtype).eps) * size
    close = np.all(np.abs(a[finite] - b[finite]) <= allowed)
    return SAME if close else VALUES


def _worst(found: Any) -> str:
    order = (SAME, VALUES, LOUD)
    return max(found, key=order.index, default=SAME)
