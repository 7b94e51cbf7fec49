"""Judge functions of a network that is a list of layers, ``params = [(w, b, h), …]``.

::

    z = x;   z = h(z @ w + b)  for each layer;   y_hat = z without its last axis where that is one

w is (in, out), rows are samples, h is any function. The networks are the test's own: activations
come from torch, so that ``network`` is judged without the student's ``sigmoid``. ``evaluate`` may
use the student's own ``network`` and loss; what is wrong there is not charged a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Activation, Array
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Program, Result, Subject, TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.evaluation_bank import SeenEvaluation, name_of_evaluation
from deltarule.judging.layered_bank import LAYERED, name_of_forward, seen_outputs
from deltarule.judging.layered_cases import KINDS, accuracy_of, draw_case, loss_allowance
from deltarule.judging.tally import Tally, compare_within, outcome_of
from deltarule.judging.tolerance import epsilon_of, network_allowance
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["ACCURACY_ERROR", "evaluation", "layered_outputs", "pack_layers", "unpacked_pair"]

ACCURACY_ERROR = 1e-5
"""Of a share of at most a few hundred samples: more than a rounding error, less than a sample."""

FUNCTIONS = {"relu": "torch.relu", "tanh": "torch.tanh", "sigmoid": "torch.sigmoid"}

SHAPES: tuple[tuple[str, int, int, int, str], ...] = (
    ("one layer", 1, 5, 1, "float32"),
    ("two layers", 2, 4, 1, "float64"),
    ("several", 3, 6, 1, "float32"),
    ("one layer", 1, 1, 1, "float64"),
    ("several", 4, 3, 1, "float64"),
    ("two layers", 2, 7, 1, "float32"),
    ("two layers", 2, 3, 4, "float64"),
    ("one layer", 1, 6, 1, "float64"),
    ("several", 3, 5, 0, "float64"),
    ("two layers", 2, 6, 0, "float32"),
)
"""Group, layers, samples, outputs, precision. With 0 outputs there is one, and all other widths are
equal."""


def pack_layers(program: Program, case: NetworkCase, *, tracked: bool) -> Result:
    """The network as the list ``[(w, b, h), …]`` on the student's side."""
    layers = []
    for layer in case.network.layers:
        w = program.tensor(layer.weight, case.dtype, tracked=tracked)
        b = program.tensor(layer.bias, case.dtype, tracked=tracked)
        layers.append((w, b, torch_function(program, layer.activation)))
    return program.pack(layers)


def torch_function(program: Program, activation: Activation) -> Result:
    """Torch's own activation function."""
    if activation.name in FUNCTIONS:
        return program.library(FUNCTIONS[activation.name])
    return program.call(program.library("torch.nn.Identity"))


# --- network(x, params) -----------------------------------------------------------------------


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def layered_outputs(network: Any) -> Verdict:
    """Judge ``network(x, params) -> y``, the forward pass.

    y is (samples,) where the last layer has one output, else (samples, outputs).

    Args:
        network: the student's function.

    Returns:
        The verdict, filed on the open sheet. Credit in thirds: one layer (a batch of one among
        them), two layers (several outputs among them), more.
    """
    rng = new_rng()
    tally = Tally("network")
    seen = []
    for group, depth, samples, outputs, dtype in SHAPES:
        case = _layered_case(rng, depth, samples, outputs, dtype)
        asked, outcome = outcome_of(case, subject_of(network), lambda c: _ask(c, network))
        allowed = network_allowance(asked.network, asked.x, asked.y).y_hat
        value = outcome.values[0] if outcome.values else None
        limit = float(np.max(allowed)) * epsilon_of(asked.dtype, getattr(value, "dtype", "float64"))
        seen.append(seen_outputs(asked, value, outcome.failure, limit))
        if outcome.failure:
            tally.fail([group], str(outcome.failure), asked)
        elif not np.array_equal(outcome.values[1].array, asked.x):
            tally.fail([group], "`network` changes its argument `x`; work on a copy", asked)
        else:
            expected = engine.forward(asked.network, asked.x).y_hat
            if expected.shape[1] == 1:
                expected, allowed = expected[:, 0], allowed[:, 0]
            tally.add(group, "the output", compare(value, expected, allowed, asked.dtype), asked)
    diagnosis = name_of_forward(seen, LAYERED) if tally.needs_a_name else None
    return tally.verdict("The outputs are right for every network.", diagnosis)


def _layered_case(
    rng: np.random.Generator, depth: int, samples: int, outputs: int, dtype: str
) -> NetworkCase:
    """A network with a different activation in every layer."""
    activations = [KINDS[i] for i in rng.permutation(len(KINDS))[:depth]]
    if outputs == 0:
        sizes = [int(rng.integers(2, 6))] * depth + [1]
    else:
        sizes = [int(n) for n in rng.permutation(np.arange(2, 9))[:depth]] + [outputs]
        if outputs > 1 and outputs in sizes[:-1]:
            sizes[sizes.index(outputs)] = 9
    return draw_case(rng, sizes, activations, samples, dtype, loss=engine.MSE)


def _ask(case: NetworkCase, network: Any) -> Program:
    program = Program()
    params = pack_layers(program, case, tracked=case.dtype == "float64")
    x = program.tensor(case.x, case.dtype)
    program.read(program.call(network, x, params))
    program.read(x)
    return program


# --- evaluate(params, x, y) -------------------------------------------------------------------

EVALUATIONS = (
    ((3, 1), ("sigmoid",), 7),
    ((4, 3, 1), ("relu", "sigmoid"), 6),
    ((2, 5, 1), ("tanh", "sigmoid"), 1),
    ((5, 4, 3, 1), ("relu", "tanh", "sigmoid"), 5),
    ((6, 1), ("sigmoid",), 9),
    ((3, 6, 1), ("relu", "sigmoid"), 8),
)
"""Sizes, activations and samples of the networks that are evaluated."""

CARRIED = (
    "This was judged with your own `network` and loss, which are wrong themselves; that is charged "
    "in their own tests."
)


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def evaluation(evaluate: Any, *, network: Any = None, loss: Any = None) -> Verdict:
    """Judge ``evaluate(params, x, y) -> (loss, accuracy)``.

    The loss is the mean binary cross-entropy, the accuracy the share of predictions on the right
    side of 1/2. Both may be numbers or tensors without axes. A loss that is kept finite by a number
    up to 1e-4 is right.

    Args:
        evaluate: the student's function.
        network: the student's ``network(x, params)``, which ``evaluate`` may use; what is wrong
            there is carried forward.
        loss: the student's ``loss(y, y_hat)``, likewise.

    Returns:
        The verdict, filed on the open sheet; half for the loss, half for the accuracy. The
        parameters must not be changed.
    """
    rng = new_rng()
    tally, carried = Tally("evaluation"), Tally("evaluation")
    subject = subject_of(evaluate, network, loss)
    seen: list[SeenEvaluation | None] = []
    for number, (sizes, names, samples) in enumerate(EVALUATIONS):
        activations = [engine.activations.by_name(name) for name in names]
        dtype = "float64" if number % 2 else "float32"
        case = draw_case(rng, sizes, activations, samples, dtype)
        seen.append(_judge_evaluation(tally, carried, case, subject, (evaluate, network, loss)))
    if tally.credit < carried.credit:
        return carried.verdict("Loss and accuracy are right.", advice=CARRIED)
    diagnosis = name_of_evaluation(seen) if tally.needs_a_name else None
    return tally.verdict("Loss and accuracy are right for every network.", diagnosis)


def _judge_evaluation(
    tally: Tally, carried: Tally, case: NetworkCase, subject: Subject, functions: tuple[Any, ...]
) -> SeenEvaluation | None:
    evaluate, network, loss = functions
    asked, outcome = outcome_of(case, subject, lambda c: _ask_evaluate(c, evaluate))
    groups = ("loss", "accuracy")
    said = "" if outcome.failure is None else str(outcome.failure)
    if not said and any(
        not np.array_equal(np.asarray(getattr(value, "array", np.nan)), array)
        for value, array in zip(outcome.values[1:], engine.parameters(asked.network), strict=True)
    ):
        said = "`evaluate` changes the parameters; it should only look at them"
    pair = None if said else unpacked_pair(outcome.values[0])
    if pair is None:
        said = said or "`evaluate` should return two numbers, the loss and the accuracy"
        tally.fail(groups, said, asked)
        carried.fail(groups, said, asked)
        return None
    y_hat = engine.forward(asked.network, asked.x).y_hat
    rounding, absolute = loss_allowance(asked)
    truth = _Truth(asked.network.loss.value(asked.y, y_hat), accuracy_of(asked.y, y_hat))
    found = _compare_pair(pair, truth, rounding, absolute, asked.dtype)
    for group, one in zip(groups, found, strict=True):
        tally.add(group, f"the {group}", one, asked)
    if not all(one.right for one in found):
        for other in _own_truths(asked, subject, network, loss):
            again = _compare_pair(pair, other, rounding, absolute, asked.dtype)
            found = [one if one.right else two for one, two in zip(found, again, strict=True)]
    for group, one in zip(groups, found, strict=True):
        carried.add(group, f"the {group}", one, asked)
    return SeenEvaluation(asked, pair, absolute)


@dataclass(frozen=True)
class _Truth:
    loss: float
    accuracy: float


def _ask_evaluate(case: NetworkCase, evaluate: Any) -> Program:
    program = Program()
    params = pack_layers(program, case, tracked=case.dtype == "float64")
    x = program.tensor(case.x, case.dtype)
    y = program.tensor(case.y[:, 0], case.dtype)
    program.read(program.call(evaluate, params, x, y))
    for number in range(len(case.network.layers)):
        program.read(program.get(params, f"[{number}][0]"))
        program.read(program.get(params, f"[{number}][1]"))
    return program


def unpacked_pair(value: Any) -> tuple[Any, Any] | None:
    """Two results, from a tuple, a list or an array of two numbers."""
    if isinstance(value, TensorValue) and value.array.shape == (2,):
        return tuple(TensorValue(np.array(one), value.dtype, value.library) for one in value.array)  # type: ignore[return-value]
    if isinstance(value, list | tuple) and len(value) == 2:
        return value[0], value[1]
    return None


def _compare_pair(
    pair: tuple[Any, Any], truth: _Truth, rounding: float, absolute: float, dtype: str
) -> list[Comparison]:
    return [
        compare_within(pair[0], truth.loss, rounding, absolute, dtype),
        compare_within(pair[1], truth.accuracy, 0.0, ACCURACY_ERROR, dtype),
    ]


def _own_truths(case: NetworkCase, subject: Subject, network: Any, loss: Any) -> Sequence[_Truth]:
    """What a right ``evaluate`` gives over the student's own network and loss, where usable."""
    y_hat = engine.forward(case.network, case.x).y_hat[:, 0]
    program = Program()
    y = program.tensor(case.y[:, 0], case.dtype)
    if network is not None:
        params = pack_layers(program, case, tracked=False)
        own = program.call(network, program.tensor(case.x, case.dtype), params)
        program.read(own)
    else:
        own = program.tensor(y_hat, case.dtype)
    if loss is not None:
        program.read(program.call(loss, y, own))
    outcome = subject.run(program)
    values = list(outcome.values)
    predictions = y_hat
    if network is not None:
        made = _numbers(values.pop(0) if values else None, y_hat.shape)
        if made is None:
            return []
        predictions = made
    truths = []
    accuracy = accuracy_of(case.y[:, 0], predictions)
    if np.all((predictions >= 0.0) & (predictions <= 1.0)):
        exact = case.network.loss.value(case.y[:, 0], predictions)
        truths.append(_Truth(exact, accuracy))
    value = _numbers(values[0] if values else None, ())
    if value is not None:
        truths.append(_Truth(float(value), accuracy))
    return truths


def _numbers(value: Any, shape: tuple[int, ...]) -> Array | None:
    array = np.asarray(value.array if isinstance(value, TensorValue) else value)
    if array.shape != shape or array.dtype.kind not in "iuf" or not np.all(np.isfinite(array)):
        return None
    return array.astype(np.float64)
