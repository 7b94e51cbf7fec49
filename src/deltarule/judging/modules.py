"""Judge torch modules that a student wrote: outputs for given parameters, and their gradients.

The layers of the model are found by name and must be ``torch.nn.Linear``; their parameters are set
by the test, row = sample, and what the model makes of a batch is compared with the engine. Autograd
must reach every parameter through the student's ``forward``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.errors import JudgingError
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Failure, Outcome, Program, Result, Subject, TensorValue
from deltarule.judging.cases import NetworkCase
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.layered import torch_function
from deltarule.judging.layered_bank import (
    ForwardMistake,
    SeenOutputs,
    name_of_forward,
    seen_outputs,
)
from deltarule.judging.layered_cases import KINDS, draw_case, gradient_allowance
from deltarule.judging.module_bank import DEEP, module_mistakes
from deltarule.judging.sequential import set_layers
from deltarule.judging.tally import Tally, outcome_of
from deltarule.judging.tolerance import epsilon_of, network_allowance
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["deep_module", "module"]

SAMPLES = (5, 1, 7, 4, 6, 3)
"""One batch a case; the precisions alternate."""

DEEP_CASES: tuple[tuple[int, int, int, str, int], ...] = (
    (3, 4, 1, "relu", 5),
    (4, 3, 0, "tanh", 6),
    (2, 5, 2, "tanh", 3),
    (5, 3, 3, "relu", 4),
    (3, 6, 1, "sigmoid", 1),
    (4, 4, 4, "tanh", 7),
    (3, 3, 2, "sigmoid", 4),
    (2, 4, 0, "relu", 5),
)
"""Inputs, width, depth, activation, samples."""

NO_GRAPH = (
    "autograd cannot follow your `forward` back to the parameters; use torch operations "
    "throughout, without `.data`, `.detach()`, `.item()` or NumPy"
)


@dataclass(frozen=True)
class _Question:
    """How a model is built and asked.

    Attributes:
        build: makes the model.
        paths: where its linear layers stand.
        method: what is called.
        depth: how many layers that goes through.
        gradients: whether the outputs are differentiated.
    """

    build: Callable[[Program], Result]
    paths: tuple[str, ...]
    method: str
    depth: int
    gradients: bool

    def part(self, network: engine.Network) -> engine.Network:
        """The layers that are gone through."""
        if self.depth == len(network.layers):
            return network
        return engine.Network(network.layers[: self.depth], engine.MSE)


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def module(
    model_class: Any,
    *,
    layers: Sequence[str],
    sizes: Sequence[int],
    activations: Sequence[str],
    arguments: tuple[Any, ...] = (),
    method: str = "forward",
    depth: int | None = None,
) -> Verdict:
    """Judge a torch module of fixed architecture.

    Args:
        model_class: the student's class, called with ``arguments``.
        layers: where its ``torch.nn.Linear`` stand, first layer first, e.g. ``("linear_1",)``.
        sizes: inputs, then units of every layer.
        activations: the engine's name of each layer's activation.
        arguments: of the class; plain data.
        method: what is judged; ``forward`` by calling the model.
        depth: how many layers ``method`` goes through; all by default.

    Returns:
        The verdict, filed on the open sheet. Outputs are (samples,) where the last layer has one
        unit and all layers are gone through, else (samples, units). For ``forward`` half the credit
        is for the gradients of a loss of the outputs, for every parameter.

    Raises:
        JudgingError: the numbers of layers, sizes and activations do not belong together.
    """
    depth = len(layers) if depth is None else depth
    known = {one.name: one for one in KINDS}
    if not len(layers) == len(activations) == len(sizes) - 1 or not 1 <= depth <= len(layers):
        raise JudgingError(f"layers={layers!r}, sizes={sizes!r}, activations={activations!r}")
    if unknown := set(activations) - set(known):
        raise JudgingError(f"activations={sorted(unknown)}: choose from {', '.join(known)}")
    wanted = [known[name] for name in activations]
    probability = activations[-1] == "sigmoid" and sizes[-1] == 1
    loss = engine.BCE if probability else engine.MSE
    rng = new_rng()
    cases = [
        draw_case(rng, sizes, wanted, samples, ("float32", "float64")[i % 2], loss=loss)
        for i, samples in enumerate(SAMPLES)
    ]
    question = _Question(
        lambda program: program.call(model_class, *arguments),
        tuple(layers),
        method,
        depth,
        gradients=method == "forward" and depth == len(layers),
    )
    subject = subject_of(model_class)
    tally = Tally("module")
    missing = _what_is_missing(question, cases[0], subject)
    if missing:
        tally.fail(_groups(question), missing)
        return tally.verdict("")
    bank = module_mistakes(wanted[:depth], hidden_only=depth < len(layers), method=method)
    return _judge_all(tally, question, cases, subject, bank)


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def deep_module(model_class: Any) -> Verdict:
    """Judge a module of any depth, ``model_class(inputs, width, depth, activation)``.

    It has ``depth`` hidden layers of ``width`` units with ``activation``, a function such as
    ``torch.relu``, and one output unit with the sigmoid. Its linear layers stand in order in
    ``layers``. Outputs are (samples,).

    Args:
        model_class: the student's class.

    Returns:
        The verdict, filed on the open sheet: half for outputs, half for gradients, each over
        several depths, 0 among them, widths and activations.
    """
    rng = new_rng()
    subject = subject_of(model_class)
    tally = Tally("deep module")
    seen: list[SeenOutputs | None] = []
    advice = ""
    for number, (inputs, width, depth, name, samples) in enumerate(DEEP_CASES):
        sizes = (inputs, *[width] * depth, 1)
        hidden = engine.activations.by_name(name)
        wanted = [*[hidden] * depth, engine.SIGMOID]
        case = draw_case(rng, sizes, wanted, samples, ("float32", "float64")[number % 2])
        question = _deep_question(model_class, inputs, width, depth, hidden)
        missing = _wrong_length(question, subject, depth)
        missing = missing or _what_is_missing(question, case, subject)
        if missing:
            tally.fail(_groups(question), missing, f"depth {depth}, width {width}")
            seen.append(None)
            continue
        judged = _judge_case(tally, question, case, subject)
        if depth > 0:  # without hidden layers, what is done to them does not show
            seen.append(judged)
        advice = advice or _about_registration(question, subject)
    praise = "Outputs and gradients are right for every depth, width and activation."
    diagnosis = name_of_forward(seen, DEEP) if tally.needs_a_name else None
    return tally.verdict(praise, diagnosis, advice)


def _deep_question(
    model_class: Any, inputs: int, width: int, depth: int, hidden: engine.Activation
) -> _Question:
    def build(program: Program) -> Result:
        activation = torch_function(program, hidden)
        return program.call(model_class, inputs, width, depth, activation)

    paths = tuple(f"layers[{i}]" for i in range(depth + 1))
    return _Question(build, paths, "forward", depth + 1, gradients=True)


def _wrong_length(question: _Question, subject: Subject, depth: int) -> str:
    """What is wrong with the number of layers, or ""."""
    program = Program()
    model = question.build(program)
    program.read(program.call_method(program.get(model, "layers"), "__len__"))
    outcome = subject.run(program)
    if outcome.failure and outcome.failure.step <= model.index:
        return str(outcome.failure)
    count = outcome.values[0] if outcome.values else None
    if type(count) is not int:
        return "the model has no list `layers`; keep its linear layers in a `torch.nn.ModuleList`"
    if count != depth + 1:
        return (
            f"for depth {depth} `layers` has {count} elements; {depth + 1} linear layers are asked "
            "for, the hidden ones and the output"
        )
    return ""


def _about_registration(question: _Question, subject: Subject) -> str:
    """Advice where torch does not know of the layers: then nothing can train them."""
    program = Program()
    model = question.build(program)
    known = program.call_method(model, "state_dict")
    program.read(program.call_method(known, "__len__"))
    outcome = subject.run(program)
    if outcome.failure or outcome.values[0] >= 2 * len(question.paths):
        return ""
    return (
        "But torch does not know of the layers in your list, so that an optimiser gets nothing to "
        "train; put them into a `torch.nn.ModuleList`."
    )


# --- the model ----------------------------------------------------------------------------------


def _what_is_missing(question: _Question, case: NetworkCase, subject: Subject) -> str:
    """What is wrong with the model's layers, or ""."""
    for path, layer in zip(question.paths, case.network.layers, strict=True):
        program = Program()
        model = question.build(program)
        module_of_path = program.get(model, path)
        program.read(program.get(module_of_path, "__class__.__name__"))
        program.read(program.get(module_of_path, "weight"))
        program.read(program.get(module_of_path, "bias"))
        outcome = subject.run(program)
        inputs, units = layer.weight.shape
        asked = f"`torch.nn.Linear({inputs}, {units})` is asked for"
        if outcome.failure and outcome.failure.step <= model.index:
            return f"the model cannot be built: {outcome.failure}"
        if outcome.failure and outcome.failure.step == module_of_path.index:
            return f"the model has no `{path}`; {asked}"
        if outcome.failure:
            return f"`{path}` of the model is of type {outcome.values[0]}; {asked}"
        kind, weight, bias = outcome.values
        if not isinstance(weight, TensorValue) or weight.array.shape != (units, inputs):
            shape = getattr(getattr(weight, "array", None), "shape", None)
            got = "" if shape is None else f" has a weight of shape {shape}; it"
            return f"`{path}` of the model{got} is of type {kind}; {asked}"
        if bias is None:
            return f"`{path}` of the model has no bias; {asked}"
    return ""


# --- judging ------------------------------------------------------------------------------------


def _groups(question: _Question) -> list[str]:
    return ["outputs", "gradients"] if question.gradients else ["outputs"]


def _judge_all(
    tally: Tally,
    question: _Question,
    cases: Sequence[NetworkCase],
    subject: Subject,
    bank: Sequence[ForwardMistake],
) -> Verdict:
    seen = [_judge_case(tally, question, case, subject) for case in cases]
    diagnosis = name_of_forward(seen, bank) if tally.needs_a_name else None
    praise = "The outputs are right for every batch."
    if question.gradients:
        praise = "Outputs and gradients are right for every batch."
    return tally.verdict(praise, diagnosis)


def _ask(case: NetworkCase, question: _Question) -> Program:
    program = Program()
    model = question.build(program)
    modules = [program.get(model, path) for path in question.paths]
    set_layers(program, case, modules, model)
    x = program.tensor(case.x, case.dtype)
    if question.method == "forward":
        y_hat = program.call(model, x)
    else:
        y_hat = program.call_method(model, question.method, x)
    program.read(y_hat)
    program.read(x)
    if question.gradients:
        y = case.y[:, 0] if case.y.shape[1] == 1 else case.y
        name = "binary_cross_entropy" if case.network.loss == engine.BCE else "mse_loss"
        loss_function = program.library(f"torch.nn.functional.{name}")
        # A column of outputs is a mistake of its own, and not one of the gradients.
        flat = program.call_method(y_hat, "reshape", y.shape)
        loss = program.call(loss_function, flat, program.tensor(y, case.dtype))
        program.call_method(loss, "backward")
        for found in modules:
            program.read(program.get(found, "weight.grad"))
            program.read(program.get(found, "bias.grad"))
    return program


def _judge_case(
    tally: Tally, question: _Question, case: NetworkCase, subject: Subject
) -> SeenOutputs | None:
    asked, outcome = outcome_of(case, subject, lambda c: _ask(c, question))
    network = question.part(asked.network)
    part = NetworkCase(network, asked.x, asked.y, asked.dtype)
    if len(outcome.values) < 2:
        tally.fail(_groups(question), str(outcome.failure), asked)
        return seen_outputs(part, None, outcome.failure, 0.0)
    value = outcome.values[0]
    expected = engine.forward(network, asked.x).y_hat
    y = asked.y if network is asked.network else expected
    allowed = network_allowance(network, asked.x, y).y_hat
    column = expected.shape[1] == 1
    if column and (question.gradients or getattr(value, "array", expected).ndim == 1):
        expected, allowed = expected[:, 0], allowed[:, 0]
    found = compare(value, expected, allowed, asked.dtype)
    if not np.array_equal(outcome.values[1].array, asked.x):
        found = Comparison("is computed in place: `x` is changed; work on a copy")
    tally.add("outputs", "the output", _about_broadcasting(found, value, asked), asked)
    if question.gradients:
        _judge_gradients(tally, asked, outcome)
    limit = float(np.max(allowed)) * epsilon_of(asked.dtype, getattr(value, "dtype", "float64"))
    return seen_outputs(part, value, None, limit)


def _about_broadcasting(found: Comparison, value: Any, case: NetworkCase) -> Comparison:
    """Say what a column of outputs would do to the loss."""
    n = len(case.x)
    if found.right or getattr(getattr(value, "array", None), "shape", None) != (n, 1):
        return found
    said = f"with labels of shape ({n},) a loss would be broadcast to shape ({n}, {n})"
    return Comparison(f"{found.complaint}; {said}", found.margin)


def _judge_gradients(tally: Tally, case: NetworkCase, outcome: Outcome) -> None:
    if outcome.failure:
        tally.fail(["gradients"], _about_graph(outcome.failure), case)
        return
    gradients = engine.backward(case.network, engine.forward(case.network, case.x), case.y)
    allowed = gradient_allowance(case.network, case.x, case.y)
    for position, value in enumerate(outcome.values[2:]):
        number = position // 2
        by_row = gradients.by_parameter()[position]
        expected, room = by_row.T, allowed[position].T  # torch keeps weights as (out, in)
        if value is None:
            found = Comparison(f"is None: {NO_GRAPH}")
        else:
            found = compare(value, expected, room, case.dtype)
        what = f"the {'bias' if position % 2 else 'weight'} gradient of layer {number + 1}"
        tally.add("gradients", what, found, case)


def _about_graph(failure: Failure) -> str:
    return NO_GRAPH if "does not require grad" in failure.message else str(failure)
