"""Judge a network that a student wrote: outputs, loss, gradients, an update, a training run.

Each function is one line of a hidden test. It draws secret cases, lets the student's class compute
on them through a :class:`~deltarule.judging.subject.Subject`, compares with the engine and files a
verdict. What a later function needs of an earlier one is taken as the student has it: a wrong
``backward`` costs nothing in the test of ``train``, and a wrong ``forward`` nothing in that of
``get_loss`` (error carried forward).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.judging.cases import NetworkCase, network_cases
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.inkernel import InKernel
from deltarule.judging.subject import Failure, Outcome, Program, Result, Subject
from deltarule.judging.tolerance import SAFETY, Allowance, network_allowance
from deltarule.judging.verdicts import Verdict, credit_of, file_verdict, new_rng

__all__ = [
    "NetworkInterface",
    "network_gradients",
    "network_loss",
    "network_outputs",
    "network_trajectory",
    "network_update",
]


@dataclass(frozen=True)
class NetworkInterface:
    """Where a network class keeps things, as paths with the layer's number in braces."""

    weight: str = "layers[{}].linear.weight"
    bias: str = "layers[{}].linear.bias"
    weight_gradient: str = "layers[{}].linear.weight_grad"
    bias_gradient: str = "layers[{}].linear.bias_grad"
    forward: str = "forward"
    loss: str = "get_loss"
    backward: str = "backward"
    update: str = "apply_gradients"


LAB4 = NetworkInterface()
EPOCHS = 4
LEARNING_RATE = 0.25


@dataclass
class _Case:
    """A case under judgement: the reference, and the program that asks the student."""

    case: NetworkCase
    interface: NetworkInterface
    program: Program
    net: Result

    @classmethod
    def open(cls, case: NetworkCase, cls_object: Any, interface: NetworkInterface) -> _Case:
        """Build the student's network and give it the case's parameters."""
        program = Program()
        net = program.call(cls_object, case.network.sizes[0], 1, case.hidden_sizes)
        opened = cls(case, interface, program, net)
        opened.set_parameters()
        return opened

    def set_parameters(self) -> None:
        """Set all weights and biases."""
        for number, layer in enumerate(self.case.network.layers):
            self._set(self.interface.weight, number, layer.weight)
            self._set(self.interface.bias, number, layer.bias)

    def _set(self, path: str, number: int, array: Array) -> None:
        value = self.program.tensor(array, self.case.dtype)
        self.program.set(self.net, path.format(number), value)

    def x(self) -> Result:
        """The batch, made afresh."""
        return self.program.tensor(self.case.x, self.case.dtype)

    def y(self) -> Result:
        """The targets as the course has them, (samples,)."""
        return self.program.tensor(self.case.y[:, 0], self.case.dtype)

    def method(self, path: str, *args: Any) -> Result:
        """Call one of the network's methods."""
        return self.program.call_method(self.net, path, *args)

    def read_parameters(self, net: Any = None, *, gradients: bool = False) -> None:
        """Read every weight and bias, or their gradients, last layer first."""
        pick = self.interface
        weight, bias = (
            (pick.weight_gradient, pick.bias_gradient) if gradients else (pick.weight, pick.bias)
        )
        for number in reversed(range(len(self.case.network.layers))):
            for path in (weight, bias):
                found = self.program.get(self.net if net is None else net, path.format(number))
                self.program.read(found)


Judge = Callable[[NetworkCase, Subject], "tuple[dict[str, bool], list[Comparison], str]"]
"""Judges one case: what is right in which group, the comparisons, and the first complaint."""


def _in_all_cases(subject_name: str, judge: Judge, praise: str) -> Verdict:
    """Run ``judge`` on every case and sum up."""
    groups: dict[str, list[bool]] = {}
    margins: list[float] = []
    complaints: list[str] = []
    for case in network_cases(new_rng()):
        right, comparisons, complaint = judge(case, InKernel())
        for group, value in right.items():
            groups.setdefault(group, []).append(value)
        margins += [c.margin for c in comparisons if c.margin is not None]
        if complaint:
            complaints.append(f"{complaint} [{case}]")
    credit = credit_of(groups)
    message = praise if credit == 1.0 and not complaints else _sum_up(groups, complaints)
    return file_verdict(Verdict(subject_name, credit, message, min(margins, default=None)))


def _sum_up(groups: dict[str, list[bool]], complaints: Sequence[str]) -> str:
    good = [name for name, members in groups.items() if all(members)]
    first = complaints[0] if complaints else "something is wrong"
    praised = f" Always right: {', '.join(good)}." if good else ""
    return f"{first[0].upper()}{first[1:]}.{praised}"


def _wrong_everywhere(groups: Sequence[str], failure: object) -> Any:
    return dict.fromkeys(groups, False), [], str(failure)


def _run(case: _Case, subject: Subject) -> Outcome:
    return subject.run(case.program)


def _precision_problem(outcome: Outcome) -> bool:
    """Whether torch refused to mix precisions: the code insists on float32, which is allowed."""
    failure = outcome.failure
    return (
        failure is not None
        and failure.error == "RuntimeError"
        and any(word in failure.message for word in ("dtype", "Float", "Double"))
    )


def _in_float32_if_needed(judge: Judge) -> Judge:
    """Judge a float64 case again in float32 where the student's code works in float32 only."""

    def judged(case: NetworkCase, subject: Subject) -> Any:
        try:
            return judge(case, subject)
        except _MixedPrecision:
            cut = case.__class__(case.network, case.x, case.y, "float32")
            return judge(cut, subject)

    return judged


class _MixedPrecision(Exception):
    pass


def _ask(case: _Case, subject: Subject) -> Outcome:
    outcome = subject.run(case.program)
    if case.case.dtype == "float64" and _precision_problem(outcome):
        raise _MixedPrecision
    return outcome


def network_outputs(network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge the forward pass: the predictions, (samples,), for given parameters.

    Args:
        network: the student's class, called with (inputs, outputs, hidden sizes).
        interface: where it keeps things.

    Returns:
        The verdict, filed on the open sheet. Credit in thirds: networks without a hidden layer,
        with one, with several.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        opened = _Case.open(case, network, interface)
        opened.program.read(opened.method(interface.forward, opened.x()))
        outcome = _ask(opened, subject)
        if outcome.failure:
            return _wrong_everywhere([case.kind], outcome.failure)
        expected = engine.forward(case.network, case.x).y_hat[:, 0]
        allowed = network_allowance(case.network, case.x, case.y).y_hat[:, 0]
        found = compare(outcome.values[0], expected, allowed, case.dtype)
        complaint = "" if found.right else f"the output {found.complaint}"
        return {case.kind: found.right}, [found], complaint

    return _in_all_cases(
        "network outputs", _in_float32_if_needed(judge), "The outputs are right for every network."
    )


def network_loss(network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge ``get_loss(x, y)``: the mean squared error of the network's predictions.

    Where the forward pass is wrong, the loss of the student's own predictions is right as well.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        opened = _Case.open(case, network, interface)
        opened.program.read(opened.method(interface.loss, opened.x(), opened.y()))
        opened.program.read(opened.method(interface.forward, opened.x()))
        outcome = _ask(opened, subject)
        if outcome.failure:
            return _wrong_everywhere(["loss"], outcome.failure)
        value, own = outcome.values
        allowance = network_allowance(case.network, case.x, case.y)
        expected = engine.loss(case.network, case.x, case.y)
        found = compare(value, expected, allowance.loss, case.dtype)
        if not found.right:
            carried = _loss_of(own, case)
            if carried is not None:
                again = compare(value, carried, allowance.loss, case.dtype)
                found = again if again.right else found
        return {"loss": found.right}, [found], "" if found.right else f"the loss {found.complaint}"

    return _in_all_cases(
        "loss", _in_float32_if_needed(judge), "The loss is right for every network and batch."
    )


def _loss_of(own: Any, case: NetworkCase) -> float | None:
    """The loss of the student's own predictions, if they have a usable shape."""
    array = getattr(own, "array", None)
    if array is None or array.shape != (len(case.x),) or not np.all(np.isfinite(array)):
        return None
    return case.network.loss.value(case.y, array.astype(np.float64)[:, None])


def network_gradients(network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge ``backward(x, y)``: the gradient of the loss for every weight and bias.

    Returns:
        The verdict. Credit in quarters: weights and biases of the output layer and of the hidden
        layers; each quarter only if it is right in every case.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        opened = _Case.open(case, network, interface)
        opened.method(interface.backward, opened.x(), opened.y())
        opened.read_parameters(gradients=True)
        outcome = _ask(opened, subject)
        layers = len(case.network.layers)
        names = _gradient_groups(layers)
        if outcome.failure:
            return _wrong_everywhere(sorted(set(names)), outcome.failure)
        gradients = engine.backward(case.network, engine.forward(case.network, case.x), case.y)
        allowance = network_allowance(case.network, case.x, case.y)
        compared = _compare_layers(
            outcome.values, gradients.weight, gradients.bias, allowance, case.dtype
        )
        right: dict[str, bool] = {}
        complaint = ""
        for position, (name, found) in enumerate(zip(names, compared, strict=True)):
            right[name] = right.get(name, True) and found.right
            if not found.right and not complaint:
                what = "bias" if position % 2 else "weight"
                number = layers - 1 - position // 2
                complaint = f"the {what} gradient of layer {number} {found.complaint}"
        return right, compared, complaint

    return _in_all_cases(
        "gradients",
        _in_float32_if_needed(judge),
        "Every weight and bias gradient is right, for every network and batch.",
    )


def _gradient_groups(layers: int) -> list[str]:
    """The credit group of each tensor, last layer first, weight before bias."""
    names = ["output weights", "output biases"]
    return names + ["hidden weights", "hidden biases"] * (layers - 1)


def _compare_layers(
    values: Sequence[Any],
    weight: Sequence[Array],
    bias: Sequence[Array],
    allowance: Allowance,
    dtype: str,
) -> list[Comparison]:
    compared = []
    for position, value in enumerate(values):
        number = len(weight) - 1 - position // 2
        expected = (bias if position % 2 else weight)[number]
        allowed = (allowance.bias if position % 2 else allowance.weight)[number]
        compared.append(compare(value, expected, allowed, dtype))
    return compared


def network_update(network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge ``apply_gradients(learning_rate)``: every parameter moves against its gradient.

    The gradients are set by the test, so a wrong ``backward`` costs nothing here. Credit in halves:
    weights and biases.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        gradients = engine.backward(case.network, engine.forward(case.network, case.x), case.y)
        opened = _Case.open(case, network, interface)
        for number, (w, b) in enumerate(zip(gradients.weight, gradients.bias, strict=True)):
            opened._set(interface.weight_gradient, number, w)
            opened._set(interface.bias_gradient, number, b)
        rate = float(np.float32(0.05 + 0.1 * abs(case.x[0, 0])))
        opened.method(interface.update, rate)
        opened.read_parameters()
        outcome = _ask(opened, subject)
        if outcome.failure:
            return _wrong_everywhere(["weights", "biases"], outcome.failure)
        right = {"weights": True, "biases": True}
        compared, complaint = [], ""
        for position, value in enumerate(outcome.values):
            number = len(gradients.weight) - 1 - position // 2
            layer = case.network.layers[number]
            old, gradient, what = (
                (layer.bias, gradients.bias[number], "bias")
                if position % 2
                else (layer.weight, gradients.weight[number], "weight")
            )
            allowed = SAFETY * (np.abs(old) + 2 * rate * np.abs(gradient))
            found = compare(value, old - rate * gradient, allowed, case.dtype)
            compared.append(found)
            right["biases" if position % 2 else "weights"] &= found.right
            if not found.right and not complaint:
                complaint = f"after the update the {what} of layer {number} {found.complaint}"
        return right, compared, complaint

    return _in_all_cases(
        "update", _in_float32_if_needed(judge), "Every parameter moved as gradient descent says."
    )


def network_trajectory(train: Any, network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge ``train(x, y, net, epochs, lr)``: the loss before each update, and where it ends.

    Compared with the engine's own gradient descent, or, where the student's network is wrong, with
    a right training loop over the student's own ``get_loss``, ``backward`` and ``apply_gradients``.
    Credit in halves: the recorded losses, and the parameters of the returned network.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        opened = _Case.open(case, network, interface)
        trained = opened.program.call(
            train, opened.x(), opened.y(), opened.net, EPOCHS, LEARNING_RATE
        )
        opened.program.read(opened.program.get(trained, "[1]"))
        opened.read_parameters(opened.program.get(trained, "[0]"))
        outcome = _ask(opened, subject)
        if outcome.failure:
            return _wrong_everywhere(["losses", "parameters"], outcome.failure)
        losses, values = outcome.values[0], outcome.values[1:]
        found = _compare_run(losses, values, _reference_run(case), case.dtype)
        if not all(comparison.right for comparison in found):
            own = _own_run(case, network, interface, subject)
            if isinstance(own, Failure):
                return _wrong_everywhere(
                    ["losses", "parameters"], f"`train` cannot be judged yet, because {own}"
                )
            if own is not None:
                carried = _compare_run(losses, values, own, case.dtype)
                found = carried if all(c.right for c in carried) else found
        complaint = "" if found[0].right else f"the list of losses {found[0].complaint}"
        wrong = [c for c in found[1:] if not c.right]
        if wrong and not complaint:
            complaint = f"after {EPOCHS} epochs a parameter {wrong[0].complaint}"
        return {"losses": found[0].right, "parameters": not wrong}, found, complaint

    return _in_all_cases(
        "training", _in_float32_if_needed(judge), "Losses and trained parameters are right."
    )


@dataclass(frozen=True)
class _Run:
    """A training run: losses before each update, parameters after it, with their allowances."""

    losses: Array
    parameters: tuple[Array, ...]
    loss_allowance: Array
    parameter_allowance: tuple[Array, ...]


def _reference_run(case: NetworkCase) -> _Run:
    """The engine's gradient descent, with errors carried from step to step."""
    network = case.network
    errors = tuple(np.abs(array) for array in engine.parameters(network))
    losses, allowed = [], []
    for _ in range(EPOCHS):
        allowance = network_allowance(network, case.x, case.y, errors)
        trace = engine.forward(network, case.x)
        gradients = engine.backward(network, trace, case.y).by_parameter()
        losses.append(case.network.loss.value(case.y, trace.y_hat))
        allowed.append(allowance.loss)
        pairs = [a for pair in zip(allowance.weight, allowance.bias, strict=True) for a in pair]
        old = engine.parameters(network)
        errors = tuple(
            e + LEARNING_RATE * a / SAFETY + 2 * (np.abs(p) + LEARNING_RATE * np.abs(g))
            for e, a, p, g in zip(errors, pairs, old, gradients, strict=True)
        )
        network = engine.with_parameters(
            network, tuple(p - LEARNING_RATE * g for p, g in zip(old, gradients, strict=True))
        )
    return _Run(
        np.array(losses),
        engine.parameters(network),
        np.array(allowed),
        tuple(SAFETY * e for e in errors),
    )


def _own_run(
    case: NetworkCase, network: Any, interface: NetworkInterface, subject: Subject
) -> _Run | Failure | None:
    """A right training loop over the student's own methods; None where they move nothing."""
    opened = _Case.open(case, network, interface)
    for _ in range(EPOCHS):
        opened.program.read(opened.method(interface.loss, opened.x(), opened.y()))
        opened.method(interface.backward, opened.x(), opened.y())
        opened.method(interface.update, LEARNING_RATE)
    opened.read_parameters()
    outcome = subject.run(opened.program)
    if outcome.failure:
        return outcome.failure
    reference = _reference_run(case)
    arrays = [np.asarray(getattr(v, "array", np.nan), np.float64) for v in outcome.values]
    losses = np.array([float(a) if a.ndim == 0 else np.nan for a in arrays[:EPOCHS]])
    ends = _in_engine_order(arrays[EPOCHS:])
    moved = all(
        end.shape == start.shape and np.any(np.abs(end - start) > allowed * 2.0**-23)
        for end, start, allowed in zip(
            ends, engine.parameters(case.network), reference.parameter_allowance, strict=True
        )
    )
    if not (moved and np.all(np.isfinite(losses)) and len(set(losses.tolist())) == EPOCHS):
        return None
    return _Run(losses, ends, reference.loss_allowance, reference.parameter_allowance)


def _in_engine_order(last_first: Sequence[Array]) -> tuple[Array, ...]:
    """From last layer first to (W1, b1, W2, b2, ...)."""
    pairs = [last_first[i : i + 2] for i in range(0, len(last_first), 2)]
    return tuple(array for pair in reversed(pairs) for array in pair)


def _compare_run(losses: Any, values: Sequence[Any], run: _Run, dtype: str) -> list[Comparison]:
    found = [compare(losses, run.losses, run.loss_allowance, dtype)]
    for value, expected, allowed in zip(
        _in_engine_order(list(values)), run.parameters, run.parameter_allowance, strict=True
    ):
        found.append(compare(value, expected, allowed, dtype))
    return found
