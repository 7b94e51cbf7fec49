"""Judge a network that a student wrote: outputs, loss, gradients, an update.

Each function is one line of a hidden test. It draws secret cases, lets the student's class compute
on them through a :class:`~deltarule.judging.subject.Subject`, compares with the engine and files a
verdict. Where a wrong ``forward`` makes the loss another one, ``get_loss`` is judged by the loss of
the student's own outputs (error carried forward).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.judging.asking import (
    LAB4,
    NetworkInterface,
    NetworkQuestion,
    ask,
    in_all_cases,
    in_float32_if_needed,
    wrong_everywhere,
)
from deltarule.judging.cases import NetworkCase
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.subject import Subject
from deltarule.judging.tolerance import SAFETY, Allowance, network_allowance
from deltarule.judging.verdicts import Verdict

__all__ = ["network_gradients", "network_loss", "network_outputs", "network_update"]


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
        opened = NetworkQuestion.open(case, network, interface)
        opened.program.read(opened.method(interface.forward, opened.x()))
        outcome = ask(opened, subject)
        if outcome.failure:
            return wrong_everywhere([case.kind], outcome.failure)
        expected = engine.forward(case.network, case.x).y_hat[:, 0]
        allowed = network_allowance(case.network, case.x, case.y).y_hat[:, 0]
        found = compare(outcome.values[0], expected, allowed, case.dtype)
        complaint = "" if found.right else f"the output {found.complaint}"
        return {case.kind: found.right}, [found], complaint

    return in_all_cases(
        "network outputs", in_float32_if_needed(judge), "The outputs are right for every network."
    )


def network_loss(network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge ``get_loss(x, y)``: the mean squared error of the network's predictions.

    Where the forward pass is wrong, the loss of the student's own predictions is right as well.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        opened = NetworkQuestion.open(case, network, interface)
        opened.program.read(opened.method(interface.loss, opened.x(), opened.y()))
        opened.program.read(opened.method(interface.forward, opened.x()))
        outcome = ask(opened, subject)
        if outcome.failure:
            return wrong_everywhere(["loss"], outcome.failure)
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

    return in_all_cases(
        "loss", in_float32_if_needed(judge), "The loss is right for every network and batch."
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
        opened = NetworkQuestion.open(case, network, interface)
        opened.method(interface.backward, opened.x(), opened.y())
        opened.read_parameters(gradients=True)
        outcome = ask(opened, subject)
        layers = len(case.network.layers)
        names = _gradient_groups(layers)
        if outcome.failure:
            return wrong_everywhere(sorted(set(names)), outcome.failure)
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

    return in_all_cases(
        "gradients",
        in_float32_if_needed(judge),
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
        opened = NetworkQuestion.open(case, network, interface)
        for number, (w, b) in enumerate(zip(gradients.weight, gradients.bias, strict=True)):
            opened.set_one(interface.weight_gradient, number, w)
            opened.set_one(interface.bias_gradient, number, b)
        rate = float(np.float32(0.05 + 0.1 * abs(case.x[0, 0])))
        opened.method(interface.update, rate)
        opened.read_parameters()
        outcome = ask(opened, subject)
        if outcome.failure:
            return wrong_everywhere(["weights", "biases"], outcome.failure)
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

    return in_all_cases(
        "update", in_float32_if_needed(judge), "Every parameter moved as gradient descent says."
    )
