"""Judge a network that a student wrote: outputs, loss, an update; gradients have their own module.

Each function is one line of a hidden test. It draws secret cases, lets the student's class compute
on them through a :class:`~deltarule.exchange.subject.Subject`, compares with the engine and files a
verdict. Where a wrong ``forward`` makes the loss another one, ``get_loss`` is judged by the loss of
the student's own outputs (error carried forward).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule import engine
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Subject
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
from deltarule.judging.comparing import compare
from deltarule.judging.tolerance import SAFETY, network_allowance
from deltarule.judging.verdicts import Verdict

__all__ = ["network_loss", "network_outputs", "network_update"]


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
        x = opened.x()
        opened.program.read(opened.method(interface.forward, x))
        opened.program.read(x)
        outcome = ask(opened, subject)
        if outcome.failure:
            return wrong_everywhere([case.kind], outcome.failure)
        if not np.array_equal(outcome.values[1].array, case.x):
            said = "`forward` changes its argument `x`; work on a copy"
            return wrong_everywhere([case.kind], said)
        expected = engine.forward(case.network, case.x).y_hat[:, 0]
        allowed = network_allowance(case.network, case.x, case.y).y_hat[:, 0]
        found = compare(outcome.values[0], expected, allowed, case.dtype)
        complaint = "" if found.right else f"the output {found.complaint}"
        return {case.kind: found.right}, [found], complaint

    return in_all_cases(
        "network outputs",
        subject_of(network),
        in_float32_if_needed(judge),
        "The outputs are right for every network.",
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
        "loss",
        subject_of(network),
        in_float32_if_needed(judge),
        "The loss is right for every network and batch.",
    )


def _loss_of(own: Any, case: NetworkCase) -> float | None:
    """The loss of the student's own predictions, if they have a usable shape."""
    array = getattr(own, "array", None)
    if array is None or array.shape != (len(case.x),) or not np.all(np.isfinite(array)):
        return None
    return case.network.loss.value(case.y, array.astype(np.float64)[:, None])


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
                complaint = f"after the update the {what} of layer {number + 1} {found.complaint}"
        return right, compared, complaint

    return in_all_cases(
        "update",
        subject_of(network),
        in_float32_if_needed(judge),
        "Every parameter moved as gradient descent says.",
    )
