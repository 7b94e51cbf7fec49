"""Secret arguments for the functions that students write: how numbers and sizes are drawn.

An argument is a tensor with axes (``"batch m"``), a tensor without (``""``), or a plain Python
number: ``""`` with a range to draw from. What a set of cases covers does not depend on chance, or
two gradings of one submission could differ: sizes differ from one another so that axes cannot be
confused, both precisions occur, labels come as whole and as floating-point numbers, and a plain
whole number takes every value of its range if the set has cases enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deltarule.errors import JudgingError

__all__ = ["CASES", "DRAWS", "Argument", "Drawing", "FunctionCase", "HowDrawn"]

CASES = 8
"""Cases in a set."""

SMALLEST, LARGEST = 2, 7
"""Sizes of axes without a range of their own; all different within a case."""

EXTREME = (100.0, 200.0)
"""Beyond where exp overflows in float32; ``large`` has such numbers of both signs."""

Draw = Callable[[np.random.Generator, Sequence[int]], NDArray[Any]]
HowDrawn: TypeAlias = str | tuple[float, float] | tuple[int, int]
"""A name in :data:`DRAWS`, or the two ends of a range."""


def _large(rng: np.random.Generator, shape: Sequence[int]) -> NDArray[Any]:
    numbers = rng.normal(0.0, 30.0, math.prod(shape))
    chosen = rng.permutation(numbers.size)[:2]
    numbers[chosen] = rng.permutation([1.0, -1.0])[: chosen.size] * rng.uniform(*EXTREME)
    return numbers.reshape(shape)


DRAWS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(0.0, 1.0, shape),
    "positive": lambda rng, shape: rng.uniform(0.1, 3.0, shape),
    "probability": lambda rng, shape: rng.uniform(0.02, 0.98, shape),
    "binary": lambda rng, shape: rng.integers(0, 2, shape),
    "count": lambda rng, shape: rng.integers(0, 7, shape),
    "large": _large,
}
"""How an argument's numbers are drawn, by name. ``binary`` comes as int64 in half of the cases."""

DISCRETE = frozenset({"binary", "count"})


@dataclass(frozen=True)
class Argument:
    """One argument of one case.

    Attributes:
        value: what the reference gets: a float64 array, an int64 array for a range of whole
            numbers, or a plain number.
        dtype: the element type of the student's tensor; ``""`` for a plain number.
        continuous: whether it may be changed by a little.
    """

    value: Any
    dtype: str
    continuous: bool


@dataclass(frozen=True)
class FunctionCase:
    """The arguments of one call, by name.

    Attributes:
        arguments: in the order in which the test names them.
        dtype: the precision of the floating-point tensors.
    """

    arguments: dict[str, Argument]
    dtype: str

    @property
    def values(self) -> dict[str, Any]:
        """What the reference is called with."""
        return {name: one.value for name, one in self.arguments.items()}

    @property
    def continuous(self) -> list[str]:
        """The arguments that may be changed by a little."""
        return [name for name, one in self.arguments.items() if one.continuous]

    def all_in(self, dtype: str) -> FunctionCase:
        """The same in one precision, labels included: for code that works in this type only."""
        changed = {
            name: replace(one, value=_cut(one.value, dtype), dtype=dtype)
            if one.dtype and one.value.dtype == np.float64
            else one
            for name, one in self.arguments.items()
        }
        return FunctionCase(changed, dtype)

    def __str__(self) -> str:
        """Sizes and types, which may be told to students, and no numbers, which may not."""
        said = [
            f"{name} {one.value}" if isinstance(one.value, int) else f"{name} {one.value.shape}"
            for name, one in self.arguments.items()
            if not isinstance(one.value, float)
        ]
        precision = [self.dtype] if any(one.dtype for one in self.arguments.values()) else []
        return ", ".join(said + precision)


class Drawing:
    """Draws the cases of one verdict.

    Args:
        rng: the source of all numbers.
        shapes: for each argument its axes.
        draw: for arguments that are not normally distributed: a name or a range.
        sizes: for axes whose size is not to be drawn from 2 to 7: smallest and largest.

    Raises:
        JudgingError: an argument, an axis or a way of drawing is not known, or a range is none.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shapes: Mapping[str, str],
        draw: Mapping[str, HowDrawn],
        sizes: Mapping[str, tuple[int, int]],
    ) -> None:
        self.rng, self.shapes, self.sizes = rng, shapes, sizes
        self.draw: Mapping[str, Any] = draw
        axes = {axis for shape in shapes.values() for axis in shape.split()}
        self.free = sorted(axes - set(sizes))
        _require_known(shapes, draw, axes, sizes)
        if len(self.free) > LARGEST - SMALLEST + 1:
            raise JudgingError(
                f"{len(self.free)} axes cannot all differ; give some of them `sizes`"
            )
        self.turns = {
            name: _every_value(rng, *how)
            for name, how in self.draw.items()
            if isinstance(how, tuple) and not shapes[name].split() and _is_whole(how)
        }

    @property
    def tracks(self) -> bool:
        """Whether there is a tensor that a function can be differentiated by."""
        return any(one.continuous and one.dtype for one in self.case(1).arguments.values())

    def case(self, number: int) -> FunctionCase:
        """Draw case ``number``; the numbers differ every time, what it covers does not."""
        dtype = "float64" if number % 2 else "float32"
        sizes = self._sizes(batch_of_one=number == 0)
        made = {}
        for name, shape in self.shapes.items():
            axes = [sizes[axis] for axis in shape.split()]
            made[name] = self._argument(name, axes, dtype, number)
        return FunctionCase(made, dtype)

    def _argument(self, name: str, shape: list[int], dtype: str, number: int) -> Argument:
        how: Any = self.draw.get(name, "normal")
        if isinstance(how, tuple):
            if name in self.turns:
                return Argument(self.turns[name][number], "", continuous=False)
            if _is_whole(how):
                whole = self.rng.integers(how[0], how[1] + 1, shape)
                return Argument(np.asarray(whole, np.int64), "int64", continuous=False)
            numbers = self.rng.uniform(how[0], how[1], shape)
            if not shape:  # exact in float32, for whoever makes a tensor of it
                return Argument(float(_cut(numbers, "float32")), "", continuous=True)
            return Argument(_cut(numbers, dtype), dtype, continuous=True)
        numbers = np.asarray(DRAWS[how](self.rng, shape))
        as_labels = how == "binary" and (number // 2) % 2 == 1
        made = _cut(numbers, dtype)
        return Argument(made, "int64" if as_labels else dtype, continuous=how not in DISCRETE)

    def _sizes(self, *, batch_of_one: bool) -> dict[str, int]:
        drawn = self.rng.permutation(np.arange(SMALLEST, LARGEST + 1))[: len(self.free)]
        sizes = {axis: int(size) for axis, size in zip(self.free, drawn, strict=True)}
        if batch_of_one and self.free:
            sizes[self.free[0]] = 1
        for axis, (low, high) in self.sizes.items():
            every = range(low, high + 1)
            distinct = [size for size in every if size not in sizes.values()]
            sizes[axis] = int(self.rng.choice(distinct or every))
        return sizes


def _cut(numbers: Any, dtype: str) -> NDArray[np.float64]:
    """Round to a precision, so that reference and student start from equal numbers."""
    return np.asarray(numbers).astype(dtype).astype(np.float64)


def _every_value(rng: np.random.Generator, low: int, high: int) -> list[int]:
    """One whole number for each case, among them both ends, and all others if they are few."""
    inside = rng.permutation(np.arange(low + 1, high))
    every = [low, high, *(int(value) for value in inside)]
    rounds = [every[number % len(every)] for number in range(CASES)]
    return [int(value) for value in rng.permutation(rounds)]


def _is_whole(how: tuple[Any, Any]) -> bool:
    return isinstance(how[0], int) and isinstance(how[1], int)


def _is_range(how: Any) -> bool:
    return (
        isinstance(how, tuple)
        and len(how) == 2
        and (_is_whole(how) or all(isinstance(end, float) for end in how))
        and bool(np.all(np.isfinite(how)))
        and how[0] <= how[1]
    )


def _require_known(
    shapes: Mapping[str, str],
    draw: Mapping[str, Any],
    axes: set[str],
    sizes: Mapping[str, Any],
) -> None:
    if missing := [name for name in draw if name not in shapes]:
        raise JudgingError(f"draw names {missing}, but there is no shape for it; {_WRITE_SHAPE}")
    for name, how in draw.items():
        if not (_is_range(how) or (isinstance(how, str) and how in DRAWS)):
            raise JudgingError(
                f"draw={{'{name}': {how!r}}}: write one of {', '.join(DRAWS)}, or a range of two "
                "floats or two ints such as (0.1, 0.5) or (1, 6)"
            )
    if unknown := sorted(set(sizes) - axes):
        raise JudgingError(f"sizes names {unknown}, which are axes of no argument")
    for axis, how in sizes.items():
        if not (_is_range(how) and _is_whole(how) and how[0] >= 1):
            raise JudgingError(f"sizes={{'{axis}': {how!r}}}: write two ints such as (4, 8)")


_WRITE_SHAPE = 'write its axes, e.g. x="batch m", or x="" for a number'
