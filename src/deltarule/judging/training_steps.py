"""Judge a step of training with a torch optimiser that a student wrote.

The models are the test's own (:mod:`deltarule.judging.sequential`), so that this needs no model of
the student's. Three steps in a row are compared with the engine's, with gradient descent and with
Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array, Parameters
from deltarule.errors import JudgingError
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Failure, Program, Result, Subject, TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.epoch_bank import (
    BACKWARD_FORGOTTEN,
    BATCH_MEAN_MISSING,
    LOSS_AFTER_UPDATE,
    NOT_CLEARED,
    STEP_FORGOTTEN,
)
from deltarule.judging.evaluation_bank import as_number
from deltarule.judging.layered_cases import draw_case, flat, kept_finite
from deltarule.judging.sequential import pack_sequential
from deltarule.judging.tally import Tally, close, compare_within, named, outcome_of
from deltarule.judging.tolerance import epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["training_step"]

STEPS = 3

OPTIMISERS: tuple[tuple[str, tuple[int, ...], tuple[str, ...], int, str], ...] = (
    ("SGD", (3, 4, 1), ("tanh", "sigmoid"), 6, "float32"),
    ("Adam", (2, 3, 1), ("tanh", "sigmoid"), 5, "float64"),
    ("SGD", (4, 1), ("sigmoid",), 5, "float64"),
    ("Adam", (4, 1), ("sigmoid",), 7, "float32"),
    ("SGD", (3, 5, 2, 1), ("relu", "tanh", "sigmoid"), 4, "float64"),
)
"""Torch's optimiser, sizes, activations, samples, precision."""

PARAMETERS, LOSS = "parameters", "loss"

VISIBLE = 0.02
"""How much the loss falls in every step at least, so that before and after cannot be confused."""

TELLING = 0.003
"""For Adam, which divides by the size of a gradient: the least size, relative to the largest."""

KEPT_FINITE = 4.0
"""How many times the change is allowed that a loss makes which is kept finite."""

ROUNDING = 100.0
"""Rounding errors of a few steps, in units of epsilon; a step is many thousand times as long."""

SLACK = 4.0
"""A wrong way has other rounding errors than the right one; it is allowed this much more."""

TRIES = 3000


@dataclass(frozen=True)
class _StepCase:
    """A network to be trained by an optimiser of torch's."""

    start: NetworkCase
    optimiser: str
    rate: float

    def own(self) -> engine.Optimiser:
        """The engine's optimiser."""
        schedule = engine.optimisers.constant(self.rate)
        return (
            engine.Adam(schedule) if self.optimiser == "Adam" else engine.GradientDescent(schedule)
        )

    def __str__(self) -> str:
        return f"{self.optimiser}, {self.start}"


@dataclass(frozen=True)
class _Run:
    """Steps of training: the loss before and after each, and the parameters after it."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    ends: tuple[Parameters, ...]
    gradients: tuple[Parameters, ...]


def _run(
    case: _StepCase,
    *,
    loss: engine.Loss = engine.BCE,
    cleared: bool = True,
    times: float = 1.0,
) -> _Run:
    """Train by the engine; with ``cleared=False`` and ``times`` wrongly."""
    network = engine.Network(case.start.network.layers, loss)
    x, y = case.start.x, case.start.y
    optimiser, held = case.own(), None
    state = optimiser.init(engine.parameters(network))
    before, after, ends, seen = [], [], [], []
    for _ in range(STEPS):
        trace = engine.forward(network, x)
        gradients = engine.backward(network, trace, y).by_parameter()
        gradients = tuple(times * g for g in gradients)
        seen.append(gradients)
        if held is not None and not cleared:
            gradients = tuple(a + b for a, b in zip(held, gradients, strict=True))
        held = gradients
        before.append(times * loss.value(y, trace.y_hat))
        state, values = optimiser.step(state, engine.parameters(network), gradients)
        network = engine.with_parameters(network, values)
        after.append(times * engine.loss(network, x, y))
        ends.append(values)
    return _Run(tuple(before), tuple(after), tuple(ends), tuple(seen))


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def training_step(student: Any) -> Verdict:
    """Judge ``student(model, optimiser, x, y) -> loss``: one step of training.

    It is called three times on a model, with SGD and with Adam of torch's own.

    Args:
        student: the function; returns the mean binary cross-entropy before the step, as a number or
            a tensor without axes. ``model`` maps (samples, inputs) to (samples,) probabilities.

    Returns:
        The verdict, filed on the open sheet: half for the parameters, half for the losses.
    """
    rng = new_rng()
    subject = subject_of(student)
    tally = Tally("training step")
    seen: list[_SeenSteps] = []
    for shape in OPTIMISERS:
        seen.append(_judge_steps(tally, _draw_steps(rng, *shape), student, subject))
    if tally.credit == 1.0:
        return tally.verdict("Losses and parameters are right after every step.")
    diagnosis = None
    if tally.needs_a_name:
        diagnosis = _name_of_steps(seen) or _why_nothing_moved(seen[0], student, subject)
    return tally.verdict("", diagnosis)


def _draw_steps(
    rng: np.random.Generator,
    optimiser: str,
    sizes: tuple[int, ...],
    names: tuple[str, ...],
    samples: int,
    dtype: str,
) -> _StepCase:
    activations = [engine.activations.by_name(name) for name in names]
    for _ in range(TRIES):
        start = draw_case(rng, sizes, activations, samples, dtype)
        low, high = (0.02, 0.06) if optimiser == "Adam" else (0.2, 0.6)
        case = _StepCase(start, optimiser, float(np.float32(rng.uniform(low, high))))
        if _is_fair(case):
            return case
    raise JudgingError(f"no network could be drawn that {optimiser} trains visibly")


def _is_fair(case: _StepCase) -> bool:
    """Whether every step shows in the loss, and no gradient is so small that rounding moves it."""
    run = _run(case)
    if any(a - b < VISIBLE for a, b in zip(run.before, run.after, strict=True)):
        return False
    if case.optimiser != "Adam":
        return True
    sizes = np.abs([flat(gradients) for gradients in run.gradients])
    signs = np.sign([flat(gradients) for gradients in run.gradients])
    steady = bool(np.all(signs == signs[0]))
    return steady and bool(np.all(sizes > TELLING * sizes.max(axis=1, keepdims=True)))


@dataclass(frozen=True)
class _SeenSteps:
    """What came of a case: numbers, and what they may be off."""

    case: _StepCase
    losses: tuple[Any, ...]
    ends: tuple[tuple[Any, ...], ...]
    allowed: float
    failure: Failure | None


def _ask_steps(case: _StepCase, student: Any) -> Program:
    program = Program()
    model = pack_sequential(program, case.start)
    optimiser = _optimiser(program, case, model)
    for _ in range(STEPS):
        program.read(_step(program, case, student, model, optimiser))
        for number in range(len(case.start.network.layers)):
            for name in ("weight", "bias"):
                program.read(program.get(model, f"layers[{number}].{name}"))
    return program


def _optimiser(program: Program, case: _StepCase, model: Result) -> Result:
    parameters = program.call_method(model, "parameters")
    kind = program.library(f"torch.optim.{case.optimiser}")
    return program.call(kind, parameters, lr=case.rate)


def _step(
    program: Program, case: _StepCase, student: Any, model: Result, optimiser: Result
) -> Result:
    x = program.tensor(case.start.x, case.start.dtype)
    y = program.tensor(case.start.y[:, 0], case.start.dtype)
    return program.call(student, model, optimiser, x, y)


def _judge_steps(tally: Tally, case: _StepCase, student: Any, subject: Subject) -> _SeenSteps:
    start, outcome = outcome_of(
        case.start, subject, lambda c: _ask_steps(replace(case, start=c), student)
    )
    case = replace(case, start=start)
    run, allowed, loss_allowed = _run(case), *_allowed(case)
    count = 1 + 2 * len(start.network.layers)
    chunks = [outcome.values[i : i + count] for i in range(0, len(outcome.values), count)]
    whole = [chunk for chunk in chunks if len(chunk) == count]
    for number, (loss, *values) in enumerate(whole):
        after = f"after step {number + 1}"
        found = compare_within(loss, run.before[number], 0.0, loss_allowed, start.dtype)
        tally.add(LOSS, f"the loss returned by step {number + 1}", found, case)
        right = True
        for position, (value, end) in enumerate(zip(values, run.ends[number], strict=True)):
            what = (
                f"{after} the {'bias' if position % 2 else 'weight'} of layer {position // 2 + 1}"
            )
            compared = compare_within(value, end.T, 0.0, allowed, start.dtype)
            right = tally.add(PARAMETERS, what, compared, case) and right
        if not right:
            break  # what comes next starts from somewhere else
    if outcome.failure:
        tally.fail([PARAMETERS, LOSS], str(outcome.failure), case)
    losses, ends = tuple(c[0] for c in whole), tuple(tuple(c[1:]) for c in whole)
    return _SeenSteps(case, losses, ends, allowed, outcome.failure)


def _allowed(case: _StepCase) -> tuple[float, float]:
    """How far parameters and losses may be off, absolute.

    What a loss that is kept finite changes is measured, by the engine with such losses. Rounding
    counts for more with Adam, where a step is as long for a small gradient as for a large one.
    """
    right = _run(case)
    others = [_run(case, loss=kept_finite(eps)) for eps in (1e-4, -1e-4)]
    moved = max(
        float(np.max(np.abs(flat(a) - flat(b))))
        for other in others
        for a, b in zip(other.ends, right.ends, strict=True)
    )
    changed = max(
        float(np.max(np.abs(np.subtract(other.before, right.before)))) for other in others
    )
    rounding = ROUNDING * epsilon_of(case.start.dtype)
    if case.optimiser == "Adam":
        rounding *= 1.0 + STEPS * case.rate / TELLING
    return KEPT_FINITE * moved + rounding, KEPT_FINITE * changed + rounding + 1e-5


# --- naming --------------------------------------------------------------------------------------


def _name_of_steps(seen: Sequence[_SeenSteps]) -> dict[str, str] | None:
    """The mistakes that explain every case, if only these do."""
    found = []
    clearing = ((None, True), (NOT_CLEARED, False))
    scaling = ((None, False), (BATCH_MEAN_MISSING, True))
    telling = ((None, False), (LOSS_AFTER_UPDATE, True))
    for (a, cleared), (b, summed), (c, late) in product(clearing, scaling, telling):
        mistakes = [one for one in (a, b, c) if one is not None]
        if mistakes and all(
            _explains(one, cleared=cleared, summed=summed, late=late) for one in seen
        ):
            found.append(mistakes)
    fewest = min((len(one) for one in found), default=0)
    simplest = [one for one in found if len(one) == fewest]
    return named(simplest[0]) if len(simplest) == 1 else None


def _explains(seen: _SeenSteps, *, cleared: bool, summed: bool, late: bool) -> bool:
    if seen.failure is not None:
        return False
    case = seen.case
    n = len(case.start.x)
    times = float(n) if summed else 1.0
    run = _run(case, cleared=cleared, times=times)
    ends = [_flat_rows(values) for values in seen.ends]
    losses = np.array([as_number(loss) for loss in seen.losses])
    expected = np.array(run.after if late else run.before)
    return bool(
        all(
            end is not None and close(end, flat(right), SLACK * times * seen.allowed)
            for end, right in zip(ends, run.ends, strict=True)
        )
        and np.all(np.abs(losses - expected) < 0.4 * VISIBLE * np.maximum(1.0, expected))
    )


def _flat_rows(values: Sequence[Any]) -> Array | None:
    """Parameters in the engine's order, or None where they are no tensors."""
    if not all(isinstance(value, TensorValue) for value in values):
        return None
    return flat(tuple(np.asarray(value.array.T, np.float64) for value in values))


def _why_nothing_moved(seen: _SeenSteps, student: Any, subject: Subject) -> dict[str, str] | None:
    """Name what is missing where a step leaves the parameters as they are.

    Torch calls back whenever it computes the gradient of a tensor; a list on the student's side
    keeps count. What is left in ``grad`` tells whether the optimiser had something to use.
    """
    told = np.all(np.isfinite([as_number(loss) for loss in seen.losses]))
    if seen.failure is not None or not told:
        return None
    case = seen.case
    program = Program()
    model = pack_sequential(program, case.start)
    optimiser = _optimiser(program, case, model)
    weight = program.get(model, "layers[0].weight")
    calls = program.pack([])
    program.call_method(weight, "register_hook", program.get(calls, "append"))
    _step(program, case, student, model, optimiser)
    for asked in (weight, program.get(weight, "grad"), calls):
        program.read(asked)
    outcome = subject.run(program)
    if outcome.failure:
        return None
    end, left, counted = outcome.values
    if not np.array_equal(end.array.T, case.start.network.layers[0].weight):
        return None
    if not counted and left is None:
        return named([BACKWARD_FORGOTTEN])
    if counted and isinstance(left, TensorValue) and np.any(left.array):
        return named([STEP_FORGOTTEN])
    return None
