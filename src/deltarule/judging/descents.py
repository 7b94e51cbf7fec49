r"""Gradient descent on a plain function: the reference for an exercise, and its bank of mistakes.

::

    judging.function(
        optimize_f, judging.descent(f, (slope_x, slope_y)), mistakes=judging.DECAY_RUN,
        draw={"x": (-3.0, 3.0), "y": (-3.0, 3.0), "step_size": (0.02, 0.15), "steps": (3, 6),
              "decay": (0.5, 0.95)},
        x="", y="", step_size="", steps="", decay="",
    )

From the point :math:`p_0`, step t of ``steps`` goes to :math:`p_{t+1} = p_t - \eta_t \nabla f(p_t)`
with :math:`\eta_t = \eta_0 d^t`, t counted from 0. What is returned is the last point, coordinate
by coordinate, the value of f there, and the history of each coordinate, start included. A mistake
replaces one of three things: the schedule, the move, or what is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from deltarule.errors import JudgingError
from deltarule.exchange.subject import reference_of
from deltarule.judging.function_bank import DECAY as SCHEDULES
from deltarule.judging.function_bank import DESCENT as STEPS
from deltarule.judging.function_bank import FunctionMisconception

__all__ = ["DECAY_RUN", "OPTIMISE", "Descent", "descent"]

Point: TypeAlias = tuple[float, ...]
Slopes: TypeAlias = Sequence[Callable[..., Any]]
Schedule = Callable[[float, float, int], float]
"""The step size of step t, from (step size of the first step, decay, t)."""

Move = Callable[[Slopes, Sequence[Point], float], Point]
"""The next point, from the partial derivatives, the points so far, and the step size."""

Report = Callable[[Callable[..., Any], Sequence[Point]], tuple[Any, ...]]
"""What is returned, from f and all points, the first of which is the start."""


def _power(step_size: float, decay: float, t: int) -> float:
    return float(step_size * decay**t)


def _downhill(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    here = path[-1]
    return tuple(p - step_size * float(d(*here)) for p, d in zip(here, slopes, strict=True))


def _everything(f: Callable[..., Any], path: Sequence[Point]) -> tuple[Any, ...]:
    return (*path[-1], f(*path[-1]), *_histories(path))


def _histories(path: Sequence[Point]) -> tuple[Any, ...]:
    return tuple(np.array(coordinate) for coordinate in zip(*path, strict=True))


@dataclass(frozen=True)
class Descent:
    """Gradient descent, to be called like the student's function.

    Attributes:
        f: the function, of one number for each coordinate.
        slopes: its partial derivatives, of the same numbers.
        schedule: the step sizes.
        move: one step.
        report: what is returned.
        more: how many steps are taken beyond what is asked for.
    """

    f: Callable[..., Any]
    slopes: tuple[Callable[..., Any], ...]
    schedule: Schedule = _power
    move: Move = _downhill
    report: Report = _everything
    more: int = 0

    def __call__(
        self, *, step_size: float, steps: int, decay: float = 1.0, **start: float
    ) -> tuple[Any, ...]:
        """Run it; ``start`` gives the coordinates in the order of the partial derivatives.

        Raises:
            ValueError: there are more or fewer coordinates than partial derivatives.
        """
        path: list[Point] = [tuple(start.values())]
        for t in range(steps + self.more):
            path.append(self.move(self.slopes, path, self.schedule(step_size, decay, t)))
        return self.report(self.f, path)


def descent(f: Callable[..., Any], slopes: Sequence[Callable[..., Any]]) -> Descent:
    """The reference for a function that minimises ``f`` by gradient descent.

    Args:
        f: of one number for each coordinate, e.g. ``lambda x, y: x**2 + y**2``. Write it in the
            hidden test: a name of the notebook's may mean something else after a student's work.
        slopes: its partial derivatives, in the order of the coordinates.

    Returns:
        To be handed to :func:`deltarule.judging.function`, with arguments ``step_size``, ``steps``,
        ``decay`` if there is one, and the coordinates under any names.

    Raises:
        JudgingError: one of them cannot be called here, as with names of a student's notebook that
            runs elsewhere.
    """
    for one in (f, *slopes):
        if reference_of(one) is not None or not callable(one):
            raise JudgingError(
                "descent needs functions of the hidden test's own; write f and its partial "
                "derivatives there, e.g. as lambdas"
            )
    return Descent(f, tuple(slopes))


def _changed(**changes: Any) -> Callable[[Any], Descent]:
    def wrong(reference: Any) -> Descent:
        if not isinstance(reference, Descent):
            raise JudgingError("this bank is for references that are made by `judging.descent`")
        return replace(reference, **changes)

    return wrong


_TOLD = {one.name: one for one in (*SCHEDULES, *STEPS)}


def _as_in(name: str, **changes: Any) -> FunctionMisconception:
    """A mistake that the bank knows from a smaller exercise, in a whole run."""
    return replace(_TOLD[name], wrong=_changed(**changes))


def _uphill(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    return _downhill(slopes, path, -step_size)


def _whole_gradient(slopes: Slopes, path: Sequence[Point], _: float) -> Point:
    return _downhill(slopes, path, 1.0)


def _one_after_the_other(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    point = list(path[-1])
    for number, slope in enumerate(slopes):
        point[number] -= step_size * float(slope(*point))
    return tuple(point)


def _last_first(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    point = list(path[-1])
    for number in reversed(range(len(slopes))):
        point[number] -= step_size * float(slopes[number](*point))
    return tuple(point)


def _exchanged(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    return _downhill(slopes[::-1], path, step_size)


def _slopes_at_start(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    moved = _downhill(slopes, path[:1], step_size)
    return tuple(p + m - s for p, m, s in zip(path[-1], moved, path[0], strict=True))


def _steps_alone(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
    moved = _downhill(slopes, path, step_size)
    return tuple(m - p for m, p in zip(moved, path[-1], strict=True))


def _only(moving: int) -> Move:
    def move(slopes: Slopes, path: Sequence[Point], step_size: float) -> Point:
        moved = _downhill(slopes, path, step_size)
        pairs = enumerate(zip(path[-1], moved, strict=True))
        return tuple(new if number == moving else old for number, (old, new) in pairs)

    return move


def _value_at(chosen: Callable[[Sequence[Point]], Point]) -> Report:
    return lambda f, path: (*path[-1], f(*chosen(path)), *_histories(path))


def _recording(points: Callable[[Sequence[Point]], Sequence[Point]]) -> Report:
    return lambda f, path: (*path[-1], f(*path[-1]), *_histories(points(path)))


OPTIMISE = (
    _as_in("ascent-for-descent", move=_uphill),
    _as_in("step-size-forgotten", move=_whole_gradient),
    _as_in("step-returned-for-point", move=_steps_alone),
    FunctionMisconception(
        "updated-x-used-for-y",
        "The second derivative is taken where the first coordinate has moved already.",
        "At which point should both derivatives be taken? Look at the values that your variables "
        "have at that moment.",
        _changed(move=_one_after_the_other),
    ),
    FunctionMisconception(
        "updated-y-used-for-x",
        "The first derivative is taken where the second coordinate has moved already.",
        "At which point should both derivatives be taken? Look at the values that your variables "
        "have at that moment.",
        _changed(move=_last_first),
    ),
    FunctionMisconception(
        "derivatives-exchanged",
        "Each coordinate moves by the derivative that belongs to the other.",
        "Which derivative says how f changes when only x changes?",
        _changed(move=_exchanged),
    ),
    FunctionMisconception(
        "gradient-of-start-throughout",
        "Every step uses the gradient at the starting point.",
        "How often is the gradient computed in your code, and where do you stand then?",
        _changed(move=_slopes_at_start),
    ),
    FunctionMisconception(
        "only-x-moves",
        "Only the first coordinate moves.",
        "Look at the history of y.",
        _changed(move=_only(0)),
    ),
    FunctionMisconception(
        "only-y-moves",
        "Only the second coordinate moves.",
        "Look at the history of x.",
        _changed(move=_only(1)),
    ),
    FunctionMisconception(
        "history-without-start",
        "The histories begin after the first step, so the starting point is missing.",
        "How many points are there on the way if you take a single step?",
        _changed(report=_recording(lambda path: path[1:])),
    ),
    FunctionMisconception(
        "history-without-end",
        "The last point is missing in the histories.",
        "How many points are there on the way if you take a single step?",
        _changed(report=_recording(lambda path: path[:-1])),
    ),
    FunctionMisconception(
        "recorded-before-the-step",
        "Each step records the point that it starts from, so the start comes twice and the end is "
        "missing.",
        "Write down the history for a single step by hand, and follow your loop line by line.",
        _changed(report=_recording(lambda path: [path[0], *path[:-1]])),
    ),
    FunctionMisconception(
        "value-of-start-returned",
        "The returned value of f is the one at the starting point.",
        "When is f evaluated, and where do you stand then?",
        _changed(report=_value_at(lambda path: path[0])),
    ),
    FunctionMisconception(
        "value-before-last-step",
        "The returned value of f is the one before the last step.",
        "When is f evaluated, and where do you stand then?",
        _changed(report=_value_at(lambda path: path[-2])),
    ),
    FunctionMisconception(
        "one-step-too-few",
        "One step is missing.",
        "How often does your loop run if one step is asked for?",
        _changed(more=-1),
    ),
    FunctionMisconception(
        "one-step-too-many",
        "There is one step too many.",
        "How often does your loop run if one step is asked for?",
        _changed(more=1),
    ),
)
"""For gradient descent with a constant step size; the reference is made by :func:`descent`."""

DECAY_RUN = (
    _as_in("decay-multiplied-up", schedule=lambda eta, d, t: eta * d ** (t * (t + 1) / 2)),
    _as_in("decay-one-step-late", schedule=lambda eta, d, t: eta * d ** max(t - 1, 0)),
    _as_in("decay-one-step-early", schedule=lambda eta, d, t: eta * d ** (t + 1)),
    _as_in("decay-divided", schedule=lambda eta, d, t: eta / d**t),
    _as_in("decay-linear", schedule=lambda eta, d, t: eta * d * t),
    FunctionMisconception(
        "decay-ignored",
        "The decay plays no part; every step has the same size.",
        "Where in your code does the decay appear?",
        _changed(schedule=lambda eta, *_: eta),
    ),
    FunctionMisconception(
        "decay-only-once",
        "The step size is decayed once and stays the same from step to step.",
        "Write down the first three step sizes. What makes the third smaller than the second?",
        _changed(schedule=lambda eta, d, _: eta * d),
    ),
    FunctionMisconception(
        "decay-in-proportion-to-time",
        "The step size is divided by a number that grows in proportion to t; that is another "
        "schedule.",
        "Which operation does the superscript in the formula stand for?",
        _changed(schedule=lambda eta, d, t: eta / (1.0 + d * t)),
    ),
    FunctionMisconception(
        "loop-begins-at-one",
        "The first step is missing: the loop begins with t = 1.",
        "What is the step size of the very first step, for t = 0, and how often does your loop "
        "run?",
        _changed(schedule=lambda eta, d, t: eta * d ** (t + 1), more=-1),
    ),
    *OPTIMISE,
)
"""For gradient descent with step sizes ``step_size * decay**t``; the same, and ``OPTIMISE``."""
