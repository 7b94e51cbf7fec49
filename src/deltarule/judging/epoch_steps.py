r"""What an epoch of gradient descent does, by the engine or over a student's own network and loss.

Both are asked for the same thing: loss, accuracy and gradients of some batches at some parameters
(:class:`Gradients`). So an epoch that is right over a student's wrong functions is found by the
same few lines that find one that is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from deltarule import engine
from deltarule.engine import Array, Parameters
from deltarule.exchange.subject import Program, Subject, TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.layered import pack_layers
from deltarule.judging.layered_cases import (
    accuracy_of,
    flat,
    gradient_allowance,
    stabiliser_error,
)
from deltarule.judging.tolerance import SAFETY, epsilon_of

__all__ = [
    "CLEAR",
    "Batch",
    "EngineGradients",
    "EpochCase",
    "Gradients",
    "OwnGradients",
    "OwnGradientsFailed",
    "Point",
    "Room",
    "Step",
    "Trace",
    "allowances",
    "descend",
    "is_clear",
    "singles",
    "traced",
]

Batch = tuple[Array, Array]
"""Samples and labels, (samples, inputs) and (samples, 1)."""

CLEAR = 0.05
"""How exactly the share of a sample in a traced epoch must be known, relative to 1/b."""


@dataclass(frozen=True)
class EpochCase:
    """What ``train_epoch`` is asked to do.

    Attributes:
        kind: ``whole``, ``equal``, ``traced`` or ``in order``.
        start: parameters and samples.
        rate: the learning rate.
        batches: the batch sizes of successive calls.
        seed: for torch's random numbers on the student's side.
    """

    kind: str
    start: NetworkCase
    rate: float
    batches: tuple[int | None, ...]
    seed: int

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.start.x)

    def first(self, count: int) -> Batch:
        """A batch of the first samples."""
        return self.start.x[:count], self.start.y[:count]

    @property
    def batch(self) -> int:
        """The batch size of the first call."""
        return self.batches[0] or self.samples

    def __str__(self) -> str:
        size = "the whole batch" if self.kind == "whole" else f"batches of {self.batch}"
        return f"{self.start}, {size}"


@dataclass(frozen=True)
class Point:
    """One place on the way: (mean) loss and accuracy of a batch, gradients of that loss."""

    loss: float
    accuracy: float
    gradients: Parameters


class Gradients(Protocol):
    """Whatever knows the gradients: the engine, or the student's own network and loss."""

    def __call__(
        self, parameters: Parameters, batches: Sequence[tuple[Array, Array]]
    ) -> list[Point]:
        """Loss, accuracy and gradients of each batch at these parameters."""
        ...


@dataclass(frozen=True)
class EngineGradients:
    """The engine's."""

    case: NetworkCase

    def __call__(
        self, parameters: Parameters, batches: Sequence[tuple[Array, Array]]
    ) -> list[Point]:
        """See :class:`Gradients`."""
        network = engine.with_parameters(self.case.network, parameters)
        points = []
        for x, y in batches:
            trace = engine.forward(network, x)
            gradients = engine.backward(network, trace, y).by_parameter()
            points.append(
                Point(network.loss.value(y, trace.y_hat), accuracy_of(y, trace.y_hat), gradients)
            )
        return points


class OwnGradientsFailed(Exception):
    """The student's own network or loss cannot be differentiated; the text says why."""


@dataclass(frozen=True)
class OwnGradients:
    """Those of the student's own network and loss, by torch's automatic differentiation.

    Attributes:
        case: parameters and samples.
        subject: where the functions live.
        network: ``network(x, params)``; None for a right one.
        loss: ``loss(y, y_hat)``; None for torch's.
    """

    case: NetworkCase
    subject: Subject
    network: Any
    loss: Any

    def __call__(
        self, parameters: Parameters, batches: Sequence[tuple[Array, Array]]
    ) -> list[Point]:
        """See :class:`Gradients`.

        Raises:
            OwnGradientsFailed: they cannot be had.
        """
        network = engine.with_parameters(self.case.network, parameters)
        at = NetworkCase(network, self.case.x, self.case.y, self.case.dtype)
        program = Program()
        for x, y in batches:
            self._ask(program, at, x, y)
        outcome = self.subject.run(program)
        if outcome.failure:
            raise OwnGradientsFailed(str(outcome.failure))
        size = 2 + len(parameters)
        chunks = [outcome.values[i : i + size] for i in range(0, len(outcome.values), size)]
        return [
            self._point(chunk, parameters, y) for chunk, (_, y) in zip(chunks, batches, strict=True)
        ]

    def _ask(self, program: Program, at: NetworkCase, x: Array, y: Array) -> None:
        params = pack_layers(program, at, tracked=True)
        given, labels = program.tensor(x, at.dtype), program.tensor(y[:, 0], at.dtype)
        if self.network is None:
            z = given
            for number in range(len(at.network.layers)):
                w, b, h = (program.get(params, f"[{number}][{i}]") for i in range(3))
                z = program.call(
                    h, program.call_method(program.call_method(z, "matmul", w), "add", b)
                )
            y_hat = program.call_method(z, "squeeze", -1)
        else:
            y_hat = program.call(self.network, given, params)
        if self.loss is None:
            torchs = program.library("torch.nn.functional.binary_cross_entropy")
            loss = program.call(torchs, y_hat, labels)
        else:
            loss = program.call(self.loss, labels, y_hat)
        program.call_method(loss, "backward")
        program.read(loss)
        program.read(y_hat)
        for number in range(len(at.network.layers)):
            for part in range(2):
                program.read(program.get(params, f"[{number}][{part}].grad"))

    def _point(self, values: Sequence[Any], parameters: Parameters, y: Array) -> Point:
        loss, y_hat, *gradients = [_array_of(value) for value in values]
        shapes = [gradient.shape for gradient in gradients]
        if loss.shape != () or shapes != [array.shape for array in parameters]:
            raise OwnGradientsFailed("they do not give a loss with gradients for all parameters")
        if not all(np.all(np.isfinite(array)) for array in (loss, *gradients)):
            raise OwnGradientsFailed("their loss or its gradients are not finite numbers")
        fits = y_hat.shape == (len(y),)
        accuracy = accuracy_of(y[:, 0], y_hat) if fits else float("nan")
        return Point(float(loss), accuracy, tuple(gradients))


def _array_of(value: Any) -> Array:
    array = np.asarray(value.array if isinstance(value, TensorValue) else value)
    return array.astype(np.float64) if array.dtype.kind in "iuf" else np.array([np.nan])


# --- epochs -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One step of gradient descent: where it ended, and what was seen before it."""

    parameters: Parameters
    before: Point
    size: int


def descend(case: EpochCase, gradients: Gradients, batches: Sequence[Batch]) -> list[Step]:
    """Gradient descent, one step for each batch."""
    parameters = engine.parameters(case.start.network)
    steps = []
    for batch in batches:
        (point,) = gradients(parameters, [batch])
        parameters = tuple(
            p - case.rate * g for p, g in zip(parameters, point.gradients, strict=True)
        )
        steps.append(Step(parameters, point, len(batch[0])))
    return steps


@dataclass(frozen=True)
class Room:
    """How far right parameters may lie from the expected ones.

    Attributes:
        rounding: for each number, in units of epsilon, as in :mod:`deltarule.judging.tolerance`.
        absolute: for all numbers, besides: what a loss that is kept finite changes.
    """

    rounding: Parameters
    absolute: float

    def largest(self, dtype: str) -> float:
        """The most that any number may be off."""
        return epsilon_of(dtype) * float(np.max(flat(self.rounding))) + self.absolute


def allowances(case: EpochCase, batches: Sequence[Batch]) -> list[Room]:
    """The room after each step of gradient descent; the errors of one step go into the next.

    What a loss that is kept finite changes in one parameter changes the gradients of all others, so
    the largest counts for each.
    """
    network = case.start.network
    rounding = tuple(np.abs(array) for array in engine.parameters(network))
    absolute = 0.0
    rooms = []
    for x, y in batches:
        gradients = engine.backward(network, engine.forward(network, x), y).by_parameter()
        old = engine.parameters(network)
        errors = gradient_allowance(network, x, y, rounding)
        rounding = tuple(
            e + case.rate * a / SAFETY + 2 * (np.abs(p) + case.rate * np.abs(g))
            for e, a, p, g in zip(rounding, errors, old, gradients, strict=True)
        )
        absolute += 2.0 * case.rate * float(np.max(flat(stabiliser_error(network, x, y)[1])))
        network = engine.with_parameters(
            network, tuple(p - case.rate * g for p, g in zip(old, gradients, strict=True))
        )
        rooms.append(Room(tuple(SAFETY * e for e in rounding), absolute))
    return rooms


@dataclass(frozen=True)
class Trace:
    """What can be read off a traced epoch.

    Attributes:
        shares: c_i of each sample, times the batch size; 1 for a sample that was used once.
        fits: whether the samples' gradients explain the whole movement.
        points: each sample by itself, before the epoch.
        change: how much the largest change of a sample's loss is.
    """

    shares: Array
    fits: bool
    points: tuple[Point, ...]
    change: float


def singles(case: EpochCase) -> list[Batch]:
    """Each sample as a batch of its own."""
    return [(case.start.x[i : i + 1], case.start.y[i : i + 1]) for i in range(case.samples)]


def traced(case: EpochCase, gradients: Gradients, end: Parameters) -> Trace | None:
    """Read a traced epoch; None where the samples' gradients are too much alike."""
    start = engine.parameters(case.start.network)
    points = gradients(start, singles(case))
    matrix = np.stack([flat(point.gradients) for point in points], axis=1)
    if not is_clear(case, gradients, matrix):
        return None
    moved = (flat(start) - flat(end)) / case.rate
    shares = np.linalg.pinv(matrix) @ moved
    rest = np.abs(moved - matrix @ shares)
    fits = bool(np.max(rest) <= CLEAR * np.max(np.abs(matrix)) / case.batch)
    later = gradients(end, singles(case))
    change = max(abs(a.loss - b.loss) for a, b in zip(points, later, strict=True))
    return Trace(shares * case.batch, fits, tuple(points), change)


def is_clear(case: EpochCase, gradients: Gradients, matrix: Array) -> bool:
    """Whether the shares can be known to :data:`CLEAR`, whatever the order.

    Args:
        case: a traced epoch.
        gradients: of whom.
        matrix: the gradient of each sample as a column.

    Two things blur them: the parameters' rounding, and that gradients change on the way. The latter
    is measured on an epoch in the order of the samples.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return False
    count = case.samples // case.batch
    parameters = engine.parameters(case.start.network)
    rounding = (count + 1) * epsilon_of(case.start.dtype) * np.abs(flat(parameters))
    moved = np.zeros(len(matrix))
    for number in range(count):
        rows = slice(number * case.batch, (number + 1) * case.batch)
        (point,) = gradients(parameters, [(case.start.x[rows], case.start.y[rows])])
        moved += flat(point.gradients)
        parameters = tuple(
            p - case.rate * g for p, g in zip(parameters, point.gradients, strict=True)
        )
    straight = matrix[:, : count * case.batch].sum(axis=1) / case.batch
    blur = rounding / case.rate + 4.0 * np.abs(moved - straight)
    with np.errstate(all="ignore"):
        inverse = np.linalg.pinv(matrix)
    return bool(np.max(np.abs(inverse) @ blur) * case.batch <= CLEAR)
