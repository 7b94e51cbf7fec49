"""Results that are kept as long as the very same objects are asked about again.

A class is judged on the same secret inputs, submission after submission: what the engine says about
them is computed once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

__all__ = ["remembered"]

MOST = 256

_P = ParamSpec("_P")
_R = TypeVar("_R")


def remembered(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep the latest results of a pure function, by the identity of its positional arguments.

    The arguments are kept as well, so that no other object can have their identity. They and the
    results must not be changed.
    """
    kept: OrderedDict[tuple[int, ...], tuple[Any, _R]] = OrderedDict()

    @wraps(function)
    def ask(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if kwargs:
            return function(*args, **kwargs)
        key = tuple(map(id, args))
        if key in kept:
            kept.move_to_end(key)
            return kept[key][1]
        result = function(*args, **kwargs)
        kept[key] = args, result
        if len(kept) > MOST:
            kept.popitem(last=False)
        return result

    return ask
