"""Judge a training loop that a student wrote, over the network that the same student wrote.

A wrong ``backward`` costs nothing here: where the run differs from the engine's, it is compared
with a right loop over the student's own methods (error carried forward).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Failure, Subject
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
from deltarule.judging.remembered import remembered
from deltarule.judging.tolerance import SAFETY, epsilon_of, network_allowance
from deltarule.judging.verdicts import Verdict

__all__ = ["network_trajectory"]

EPOCHS = 4
LEARNING_RATE = 0.25

UNDECIDABLE = (
    "`train` cannot be judged yet: with your `backward` and `apply_gradients` the loss hardly "
    "changes, so a right training loop looks like a wrong one. Mend those first."
)


def network_trajectory(train: Any, network: Any, interface: NetworkInterface = LAB4) -> Verdict:
    """Judge ``train(x, y, net, epochs, lr)``: the loss before each update, and where it ends.

    Compared with the engine's own gradient descent, or, where the student's network is wrong, with
    a right training loop over the student's own ``get_loss``, ``backward`` and ``apply_gradients``.
    Credit in halves: the recorded losses, and the parameters of the returned network.
    """

    def judge(case: NetworkCase, subject: Subject) -> Any:
        opened = NetworkQuestion.open(case, network, interface)
        trained = opened.program.call(
            train, opened.x(), opened.y(), opened.net, EPOCHS, LEARNING_RATE
        )
        opened.program.read(opened.program.get(trained, "[1]"))
        opened.read_parameters(opened.program.get(trained, "[0]"))
        outcome = ask(opened, subject)
        if outcome.failure:
            return wrong_everywhere(["losses", "parameters"], outcome.failure)
        losses, values = outcome.values[0], outcome.values[1:]
        found = _compare_run(losses, values, _reference_run(case), case.dtype)
        if not all(comparison.right for comparison in found):
            own = _own_run(case, network, interface, subject)
            if isinstance(own, Failure):
                return wrong_everywhere(
                    ["losses", "parameters"], f"`train` cannot be judged yet, because {own}"
                )
            if own is None:
                return None
            carried = _compare_run(losses, values, own, case.dtype)
            found = carried if all(c.right for c in carried) else found
        complaint = "" if found[0].right else f"the list of losses {found[0].complaint}"
        wrong = [c for c in found[1:] if not c.right]
        if wrong and not complaint:
            complaint = f"after {EPOCHS} epochs a parameter {wrong[0].complaint}"
        return {"losses": found[0].right, "parameters": not wrong}, found, complaint

    return in_all_cases(
        "training",
        subject_of(train, network),
        in_float32_if_needed(judge),
        "Losses and trained parameters are right.",
        undecidable=UNDECIDABLE,
    )


@dataclass(frozen=True)
class _Run:
    """A training run: losses before each update, parameters after it, with their allowances."""

    losses: Array
    parameters: tuple[Array, ...]
    loss_allowance: Array
    parameter_allowance: tuple[Array, ...]


@remembered
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
    """A right training loop over the student's own methods.

    None where their losses do not visibly change from epoch to epoch: then a wrong training loop
    could not be told from a right one.
    """
    opened = NetworkQuestion.open(case, network, interface)
    for _ in range(EPOCHS):
        opened.program.read(opened.method(interface.loss, opened.x(), opened.y()))
        opened.method(interface.backward, opened.x(), opened.y())
        opened.method(interface.update, LEARNING_RATE)
    opened.read_parameters()
    outcome = subject.run(opened.program)
    if outcome.failure:
        return outcome.failure
    reference = _reference_run(case)
    case_parameters = engine.parameters(case.network)
    arrays = [np.asarray(getattr(v, "array", np.nan), np.float64) for v in outcome.values]
    losses = np.array([float(a) if a.ndim == 0 else np.nan for a in arrays[:EPOCHS]])
    ends = _in_engine_order(arrays[EPOCHS:])
    shapes = [end.shape == start.shape for end, start in zip(ends, case_parameters, strict=True)]
    changes = np.abs(np.diff(losses))
    visible = changes > 2 * reference.loss_allowance[1:] * epsilon_of(case.dtype)
    if not (all(shapes) and np.all(np.isfinite(losses)) and np.all(visible)):
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
