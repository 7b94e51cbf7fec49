"""Judge the gradients of a network that a student wrote, and explain the wrong ones.

Three questions, in this order: are the gradients the engine's? If not, are they the exact gradient
of the student's own forward pass (error carried forward)? If not, which misconception produces
them?
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Subject, TensorValue
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
from deltarule.judging.diagnosis import Evidence, diagnose
from deltarule.judging.tolerance import epsilon_of, network_allowance
from deltarule.judging.verdicts import Verdict

__all__ = ["network_gradients"]

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
"""Of the central differences: balances truncation against cancellation."""

DIFFERENCE_ERROR = 1e-6
"""How exactly central differences know a gradient, relative to its largest element."""

CARRIED = (
    "Your gradients are not those of this course's network, but they are exactly the gradients of "
    "your own forward pass: the mistake is in `forward`, and `backward` follows it faithfully."
)


def network_gradients(
    network: Any, interface: NetworkInterface = LAB4, *, own_forward: float = 1.0
) -> Verdict:
    """Judge ``backward(x, y)``: the gradient of the loss for every weight and bias.

    Args:
        network: the student's class, called with (inputs, outputs, hidden sizes).
        interface: where it keeps things.
        own_forward: credit, from 0 to 1, for the exact gradient of a wrong forward pass.

    Returns:
        The verdict. Credit in quarters: weights and biases of the output layer and of the hidden
        layers; each quarter only if it is right in every case.
    """
    judge = _GradientJudge(network, interface)
    return in_all_cases(
        "gradients",
        subject_of(network),
        in_float32_if_needed(judge),
        "Every weight and bias gradient is right, for every network and batch.",
        diagnose=judge.diagnosis,
        carried=lambda: (own_forward, CARRIED) if judge.follows_own_forward() else None,
    )


class _GradientJudge:
    """Judges case after case and remembers what it saw."""

    def __init__(self, network: Any, interface: NetworkInterface) -> None:
        self.network = network
        self.interface = interface
        self.evidence: list[Evidence] = []
        self.complete = True
        self.subject: Subject | None = None

    def __call__(self, case: NetworkCase, subject: Subject) -> Any:
        """Compare the gradients of one case with the engine's."""
        self.subject = subject
        opened = NetworkQuestion.open(case, self.network, self.interface)
        opened.method(self.interface.backward, opened.x(), opened.y())
        opened.read_parameters(gradients=True)
        outcome = ask(opened, subject)
        names = _credit_groups(len(case.network.layers))
        if outcome.failure:
            self._look_at_what_is_there(case, subject)
            return wrong_everywhere(sorted(set(names)), outcome.failure)
        self._remember(case, outcome.values)
        compared = _compare_with_engine(case, outcome.values)
        right: dict[str, bool] = {}
        complaint = ""
        for position, (name, found) in enumerate(zip(names, compared, strict=True)):
            right[name] = right.get(name, True) and found.right
            if not found.right and not complaint:
                what = "bias" if position % 2 else "weight"
                number = len(case.network.layers) - position // 2
                complaint = f"the {what} gradient of layer {number} {found.complaint}"
        return right, compared, complaint

    def _look_at_what_is_there(self, case: NetworkCase, subject: Subject) -> None:
        """Gradients of wrong shapes are evidence too; lab 4 complains after they are set."""
        opened = NetworkQuestion.open(case, self.network, self.interface)
        backward = opened.program.get(opened.net, self.interface.backward)
        opened.program.attempt(backward, opened.x(), opened.y())
        opened.read_parameters(gradients=True)
        outcome = subject.run(opened.program)
        if outcome.failure:
            self.complete = False
        else:
            self._remember(case, outcome.values)

    def _remember(self, case: NetworkCase, values: Sequence[Any]) -> None:
        if not all(isinstance(v, TensorValue) and v.array.dtype.kind == "f" for v in values):
            self.complete = False
            return
        pairs = [values[i : i + 2] for i in range(0, len(values), 2)]
        ordered = [value for pair in reversed(pairs) for value in pair]
        dtype = max((value.dtype for value in ordered), key=epsilon_of)
        arrays = tuple(np.asarray(value.array, np.float64) for value in ordered)
        self.evidence.append(Evidence(case, arrays, dtype))

    def diagnosis(self) -> dict[str, str] | None:
        """The misconception behind what was seen, if every case could be seen."""
        if not self.complete:
            return None
        found = diagnose(self.evidence)
        if found is None:
            return None
        return {"name": found.name, "explanation": found.explanation, "hint": found.hint}

    def follows_own_forward(self) -> bool:
        """Whether the gradients are those of the student's own forward pass, where it is wrong.

        Only double precision can tell, so nothing is claimed for code that works in float32.
        """
        precise = [e for e in self.evidence if e.case.dtype == e.dtype == "float64"]
        if not (self.complete and precise and self.subject):
            return False
        return all(self._is_own_gradient(evidence, self.subject) for evidence in precise)

    def _is_own_gradient(self, evidence: Evidence, subject: Subject) -> bool:
        numerical = _own_central_differences(evidence.case, self.network, self.interface, subject)
        if numerical is None:
            return False
        for got, expected in zip(evidence.gradients, numerical, strict=True):
            size = float(np.max(np.abs(expected)))
            if got.shape != expected.shape or not size > DIFFERENCE_ERROR:
                return False
            if np.any(np.abs(got - expected) > DIFFERENCE_ERROR * max(1.0, size)):
                return False
        return True


def _credit_groups(layers: int) -> list[str]:
    """The credit group of each tensor, last layer first, weight before bias."""
    return ["output weights", "output biases"] + ["hidden weights", "hidden biases"] * (layers - 1)


def _compare_with_engine(case: NetworkCase, values: Sequence[Any]) -> list[Comparison]:
    gradients = engine.backward(case.network, engine.forward(case.network, case.x), case.y)
    allowance = network_allowance(case.network, case.x, case.y)
    compared = []
    for position, value in enumerate(values):
        number = len(gradients.weight) - 1 - position // 2
        expected = (gradients.bias if position % 2 else gradients.weight)[number]
        allowed = (allowance.bias if position % 2 else allowance.weight)[number]
        compared.append(compare(value, expected, allowed, case.dtype))
    return compared


def _own_central_differences(
    case: NetworkCase, network: Any, interface: NetworkInterface, subject: Subject
) -> tuple[Array, ...] | None:
    """The gradient of the loss of the student's own predictions, (dW1, db1, …), in one request.

    None where the predictions cannot be used, or are the reference's own (nothing to carry).
    """
    opened = NetworkQuestion.open(case, network, interface)
    opened.program.read(opened.method(interface.forward, opened.x()))
    parameters = engine.parameters(case.network)
    for number, array in enumerate(parameters):
        path = interface.bias if number % 2 else interface.weight
        for index in np.ndindex(array.shape):
            for sign in (1.0, -1.0):
                moved = array.copy()
                moved[index] += sign * STEP * max(1.0, abs(array[index]))
                opened.set_one(path, number // 2, moved)
                opened.program.read(opened.method(interface.forward, opened.x()))
        opened.set_one(path, number // 2, array)
    outcome = subject.run(opened.program)
    if outcome.failure or not all(_usable(value, case) for value in outcome.values):
        return None
    outputs = [value.array[:, None] for value in outcome.values]
    reference = engine.forward(case.network, case.x).y_hat
    if np.allclose(outputs[0], reference, rtol=1e-9, atol=1e-12):
        return None
    losses = iter(case.network.loss.value(case.y, output) for output in outputs[1:])
    gradients = []
    for array in parameters:
        gradient = np.empty_like(array)
        for index in np.ndindex(array.shape):
            step = 2.0 * STEP * max(1.0, abs(array[index]))
            gradient[index] = (next(losses) - next(losses)) / step
        gradients.append(gradient)
    return tuple(gradients)


def _usable(value: Any, case: NetworkCase) -> bool:
    return (
        isinstance(value, TensorValue)
        and value.dtype == "float64"
        and value.array.shape == (len(case.x),)
        and bool(np.all(np.isfinite(value.array)))
    )
