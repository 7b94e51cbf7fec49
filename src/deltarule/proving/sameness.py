"""Do two calls come to the same? Values, shapes, types, and what was changed on the way."""

from __future__ import annotations

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
        return _arrays(one, other)
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return LOUD
        return _worst(_difference(a, b, seen) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        if list(one) != list(other):
            return LOUD
        return _worst(_difference(one[key], other[key], seen) for key in one)
    if isinstance(one, float):
        return _arrays(np.asarray(one), np.asarray(other))
    if isinstance(one, int | str | bytes | bool | None):
        return SAME if one == other else VALUES
    if hasattr(one, "__dict__") and not isinstance(one, type) and not callable(one):
        return _difference(vars(one), vars(other), seen)
    return SAME


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
