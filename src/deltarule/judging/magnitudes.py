"""Judge how a student measures the gradients of a torch model, layer by layer.

The models are the test's own (:mod:`deltarule.judging.sequential`), so that this needs no model of
the student's. What is asked for is the mean absolute gradient of each layer's weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array, Parameters
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Program, TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.epoch_bank import BATCH_MEAN_MISSING, NOT_CLEARED
from deltarule.judging.evaluation_bank import as_number
from deltarule.judging.layered_cases import (
    draw_case,
    flat,
    gradient_allowance,
    stabiliser_error,
)
from deltarule.judging.sequential import pack_sequential
from deltarule.judging.tally import Mistake, Tally, close, compare_within, named, outcome_of
from deltarule.judging.tolerance import epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["gradient_magnitudes"]

MAGNITUDES: tuple[tuple[tuple[int, ...], tuple[str, ...], int, str], ...] = (
    ((3, 4, 1), ("tanh", "sigmoid"), 5, "float32"),
    ((4, 1), ("sigmoid",), 6, "float64"),
    ((2, 5, 3, 1), ("relu", "tanh", "sigmoid"), 4, "float64"),
    ((5, 3, 4, 2, 1), ("sigmoid", "tanh", "tanh", "sigmoid"), 7, "float32"),
    ((3, 2, 6, 1), ("tanh", "relu", "sigmoid"), 3, "float64"),
)
"""Sizes, activations, samples, precision."""

ONCE, AGAIN = "one call", "a second call"


@dataclass(frozen=True)
class _Measured:
    """From what the magnitudes are computed: (dW1, db1, dW2, …) for a batch."""

    network: engine.Network
    gradients: Parameters
    samples: int


Magnitudes = Callable[[_Measured], Sequence[float]]


def _of_weights(measure: Callable[[Array], float]) -> Magnitudes:
    return lambda seen: [measure(g) for g in seen.gradients[::2]]


def _mean_abs(array: Array) -> float:
    return float(np.mean(np.abs(array)))


_right_magnitudes = _of_weights(_mean_abs)

MAGNITUDE_BANK: tuple[tuple[Mistake, tuple[Magnitudes, ...]], ...] = (
    (
        Mistake(
            "absolute-value-forgotten",
            "Gradients of both signs cancel in the mean, because their absolute values are not "
            "taken.",
            "How large is the mean of 1 and -1, and how large are they?",
        ),
        (_of_weights(lambda g: float(np.mean(g))),),
    ),
    (
        Mistake(
            "absolute-value-after-mean",
            "The absolute value is taken of the mean, where gradients of both signs have cancelled "
            "already.",
            "In which order do you take the mean and the absolute value?",
        ),
        (_of_weights(lambda g: abs(float(np.mean(g)))),),
    ),
    (
        Mistake(
            "sum-for-mean",
            "The absolute gradients are summed instead of averaged.",
            "Does your number grow with the width of a layer?",
        ),
        (_of_weights(lambda g: float(np.sum(np.abs(g)))),),
    ),
    (
        Mistake(
            "norm-for-mean",
            "This is a norm of the gradient, not the mean of its absolute values.",
            "What is the mean absolute value of 3 and 4, and what does yours give?",
        ),
        (
            _of_weights(lambda g: float(np.sqrt(np.sum(g**2)))),
            _of_weights(lambda g: float(np.sqrt(np.mean(g**2)))),
        ),
    ),
    (
        Mistake(
            "order-reversed",
            "The layers come in reverse order.",
            "Which layer should the first number belong to?",
        ),
        (lambda seen: [_mean_abs(g) for g in seen.gradients[-2::-2]],),
    ),
    (
        Mistake(
            "biases-included",
            "The gradients of the biases are counted as well.",
            "Which parameters does a linear layer have, and which of them are asked for?",
        ),
        (
            lambda seen: [_mean_abs(g) for g in seen.gradients],
            lambda seen: [
                _mean_abs(flat(seen.gradients[i : i + 2])) for i in range(0, len(seen.gradients), 2)
            ],
        ),
    ),
    (
        Mistake(
            "weights-for-gradients",
            "These are the sizes of the weights, not of their gradients.",
            "Where does torch keep the gradient of a parameter?",
        ),
        (lambda seen: [_mean_abs(one.weight) for one in seen.network.layers],),
    ),
    (
        BATCH_MEAN_MISSING,
        (lambda seen: [seen.samples * _mean_abs(g) for g in seen.gradients[::2]],),
    ),
)


@dataclass(frozen=True)
class _SeenMagnitudes:
    case: NetworkCase
    values: tuple[Array, Array]
    allowed: float


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def gradient_magnitudes(student: Any) -> Verdict:
    """Judge ``student(model, x, y)``: how large the gradients of each layer are.

    The mean absolute gradient of the mean binary cross-entropy, for the weight of each
    ``torch.nn.Linear`` of ``model``, first layer first.

    Args:
        student: the function; ``model`` maps (samples, inputs) to (samples,) probabilities.

    Returns:
        The verdict, filed on the open sheet: half for the first call, half for a second one on the
        same model, where the gradients of the first must not count.
    """
    rng = new_rng()
    tally = Tally("gradient magnitudes")
    seen: list[_SeenMagnitudes | None] = []
    for sizes, names, samples, dtype in MAGNITUDES:
        activations = [engine.activations.by_name(name) for name in names]
        case = draw_case(rng, sizes, activations, samples, dtype)
        case, outcome = outcome_of(case, subject_of(student), lambda c: _ask_magnitudes(c, student))
        gradients = _gradients(case)
        expected = np.array(_right_magnitudes(_Measured(case.network, gradients, samples)))
        rounding = [np.mean(a) for a in gradient_allowance(case.network, case.x, case.y)[::2]]
        absolute = [np.mean(a) for a in stabiliser_error(case.network, case.x, case.y)[1][::2]]
        for group, value in zip((ONCE, AGAIN), outcome.values, strict=False):
            found = compare_within(value, expected, rounding, absolute, case.dtype)
            after = "" if group == ONCE else ", called again on the same model,"
            tally.add(group, f"the list of magnitudes{after}", found, case)
        if outcome.failure:
            tally.fail((ONCE, AGAIN)[len(outcome.values) :], str(outcome.failure), case)
        allowed = epsilon_of("float32") * float(np.max(rounding)) + float(np.max(absolute))
        seen.append(_seen_magnitudes(case, outcome.values, allowed))
    diagnosis = _name_of_magnitudes(seen) if tally.needs_a_name else None
    return tally.verdict("The magnitudes are right for every layer.", diagnosis)


def _gradients(case: NetworkCase) -> Parameters:
    trace = engine.forward(case.network, case.x)
    return engine.backward(case.network, trace, case.y).by_parameter()


def _ask_magnitudes(case: NetworkCase, student: Any) -> Program:
    program = Program()
    model = pack_sequential(program, case)
    for _ in range(2):
        x, y = program.tensor(case.x, case.dtype), program.tensor(case.y[:, 0], case.dtype)
        program.read(program.call(student, model, x, y))
    return program


def _seen_magnitudes(
    case: NetworkCase, values: Sequence[Any], allowed: float
) -> _SeenMagnitudes | None:
    arrays = []
    for value in values:
        if isinstance(value, list | tuple):
            arrays.append(np.array([as_number(one) for one in value]))
        elif isinstance(value, TensorValue) and value.array.dtype.kind == "f":
            arrays.append(value.array.astype(np.float64))
    if len(arrays) != 2 or not all(np.all(np.isfinite(array)) for array in arrays):
        return None
    return _SeenMagnitudes(case, (arrays[0], arrays[1]), allowed)


def _name_of_magnitudes(seen: Sequence[_SeenMagnitudes | None]) -> dict[str, str] | None:
    """The one mistake, or the one with gradients that are not cleared, that explains every case."""
    cases = [one for one in seen if one is not None]
    if len(cases) < len(seen):
        return None
    right: tuple[Mistake | None, tuple[Magnitudes, ...]] = (None, (_right_magnitudes,))
    found: list[tuple[Mistake, ...]] = []
    for cleared, (mistake, ways) in product((True, False), (right, *MAGNITUDE_BANK)):
        made = [one for one in (mistake, None if cleared else NOT_CLEARED) if one is not None]
        if made and any(all(_fits(one, way, cleared=cleared) for one in cases) for way in ways):
            found.append(tuple(made))
    fewest = min((len(one) for one in found), default=0)
    simplest = [one for one in found if len(one) == fewest]
    return named(simplest[0]) if len(simplest) == 1 else None


def _fits(seen: _SeenMagnitudes, way: Magnitudes, *, cleared: bool) -> bool:
    once = _gradients(seen.case)
    twice = once if cleared else tuple(2.0 * gradient for gradient in once)
    n = len(seen.case.x)
    return all(
        close(
            value, np.array(way(_Measured(seen.case.network, gradients, n))), 4.0 * n * seen.allowed
        )
        for value, gradients in zip(seen.values, (once, twice), strict=True)
    )
