"""Compare one tensor of a student's with the reference: the only place that does.

A comparison ends in nothing (equal within the allowance) or in a sentence that says what is wrong,
in the order in which a student would look for it: kind of object, shape, element type, not a
number, values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltarule.exchange.subject import Opaque, TensorValue
from deltarule.judging.tolerance import epsilon_of

__all__ = ["Comparison", "compare"]

PRECISE = {"float32", "float64"}


@dataclass(frozen=True)
class Comparison:
    """The outcome for one tensor.

    Attributes:
        complaint: what is wrong, as a clause that follows the tensor's name; "" where right.
        margin: allowance over error, at the worst element; None where values were not compared.
    """

    complaint: str
    margin: float | None = None

    @property
    def right(self) -> bool:
        """Whether the tensor is what it should be."""
        return not self.complaint


def compare(
    received: Any, expected: NDArray[np.float64] | float, allowance: Any, dtype: str
) -> Comparison:
    """Compare what came back with what should have.

    Args:
        received: a value of an outcome (:mod:`deltarule.exchange.subject`). Tensors, arrays,
            numbers and lists of numbers are accepted; what counts is what they say.
        expected: the reference, float64.
        allowance: allowed absolute error in units of the machine epsilon; broadcasts to
            ``expected``.
        dtype: the element type of the student's inputs.
    """
    expected = np.asarray(expected, dtype=np.float64)
    if received is None:
        return Comparison("is None; is a `return` missing?")
    made = _as_array(received)
    if isinstance(made, str):
        return Comparison(made)
    array, own = made
    if array.shape != expected.shape:
        return Comparison(_about_shape(array.shape, expected.shape))
    values = array.astype(np.float64)
    if not np.all(np.isfinite(values)):
        bad = _first(~np.isfinite(values))
        if not expected.ndim:
            return Comparison(f"is {values[bad]}, where a finite number should be")
        return Comparison(f"has {values[bad]} at index {_index(bad)}, where a number should be")
    allowed = np.asarray(allowance, dtype=np.float64) * epsilon_of(dtype, own)
    allowed = np.broadcast_to(allowed + np.finfo(np.float64).tiny, expected.shape)
    with np.errstate(over="ignore"):  # a wrong number may be as large as it likes
        ratio = np.abs(values - expected) / allowed
    worst = np.unravel_index(int(np.argmax(ratio)), ratio.shape) if ratio.size else ()
    biggest = float(ratio[worst]) if ratio.size else 0.0
    margin = min(1.0 / biggest, 1e12) if biggest > 0 else 1e12
    if biggest <= 1.0:
        return Comparison("", margin)
    at = f" at index {_index(worst)}" if expected.ndim else ""
    half = f" (element type {own})" if own not in PRECISE else ""
    many = f"; {int(np.sum(ratio > 1))} of {ratio.size} values differ" if expected.ndim else ""
    return Comparison(
        f"is {values[worst]:.6g}{at}, expected {expected[worst]:.6g}{many}{half}", margin
    )


def _as_array(received: Any) -> tuple[NDArray[Any], str] | str:
    """The numbers in what came back, with their element type, or a complaint."""
    if isinstance(received, TensorValue):
        array, own = received.array, received.dtype
    elif isinstance(received, Opaque):
        said = f"is an object of type {received.type_name}, where a tensor should be"
        return f"{said}; write `return` for `yield`" if received.type_name == "generator" else said
    elif isinstance(received, list | tuple):
        return _from_sequence(received)
    elif isinstance(received, int | float) and not isinstance(received, bool):
        try:
            array, own = np.array(float(received)), "float64"
        except OverflowError:
            return "is a whole number too large for any floating-point type"
    else:
        return f"is of type {type(received).__name__}, where a tensor should be"
    if array.dtype.kind not in "iuf":
        return f"has element type {own}, where floating-point numbers should be"
    return array, own if array.dtype.kind == "f" else "float64"


def _from_sequence(received: list[Any] | tuple[Any, ...]) -> tuple[NDArray[Any], str] | str:
    parts = [_as_array(item) for item in received]
    for part in parts:
        if isinstance(part, str):
            told = re.sub(r"is a (?:list|tuple) in which an item ", "", part)
            return f"is a {type(received).__name__} in which an item {told}"
    arrays = [part for part in parts if not isinstance(part, str)]
    if len({array.shape for array, _ in arrays}) > 1:
        return f"is a {type(received).__name__} of tensors of different shapes"
    coarsest = max((own for _, own in arrays), key=epsilon_of, default="float64")
    try:
        return np.array([array for array, _ in arrays], dtype=np.float64), coarsest
    except ValueError:
        return f"is a {type(received).__name__} that is nested too deeply"


def _about_shape(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    said = f"has shape {got}, expected {expected}"
    if got == (*expected, 1):
        return f"{said}; remove the last axis, e.g. with `.squeeze(-1)`"
    if expected == (*got, 1):
        return f"{said}; the last axis is missing"
    if len(got) == 2 and got == expected[::-1]:
        return f"{said}; rows and columns are exchanged"
    if len(got) == len(expected) + 1 and len(expected) == 1 and got == expected * 2:
        return f"{said}; a column of shape (N, 1) met a row of shape (N,) and was broadcast"
    return said


def _first(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _index(position: tuple[Any, ...]) -> str:
    inside = ", ".join(str(int(i)) for i in position)
    return f"[{inside}]"
