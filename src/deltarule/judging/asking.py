"""Ask a student's network class about a case, and sum the answers up over all cases.

:class:`NetworkQuestion` writes the program for one case; :func:`in_all_cases` runs a judge over a
fresh set of cases and makes one verdict of it. What is asked stands in ``networks`` and
``training``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from deltarule.engine import Array
from deltarule.exchange.subject import Outcome, Program, Result, Subject
from deltarule.judging.cases import NetworkCase, network_cases, rounded
from deltarule.judging.comparing import Comparison
from deltarule.judging.remembered import remembered
from deltarule.judging.verdicts import Verdict, credit_of, file_verdict, secret_seed

__all__ = [
    "DIAGNOSE_VARIABLE",
    "LAB4",
    "Judge",
    "NetworkInterface",
    "NetworkQuestion",
    "ask",
    "in_all_cases",
    "in_float32_if_needed",
    "wrong_everywhere",
]


DIAGNOSE_VARIABLE = "DELTARULE_DIAGNOSE"
"""Set to ``0``, nothing is diagnosed: ``deltarule check`` tries hundreds of mutants."""


@dataclass(frozen=True)
class NetworkInterface:
    """Where a network class keeps things, as paths with the layer's number in braces.

    ``autograd`` says whether the student's code may differentiate automatically.
    """

    weight: str = "layers[{}].linear.weight"
    bias: str = "layers[{}].linear.bias"
    weight_gradient: str = "layers[{}].linear.weight_grad"
    bias_gradient: str = "layers[{}].linear.bias_grad"
    forward: str = "forward"
    loss: str = "get_loss"
    backward: str = "backward"
    update: str = "apply_gradients"
    autograd: bool = False


LAB4 = NetworkInterface()


@dataclass
class NetworkQuestion:
    """A case under judgement: the reference, and the program that asks the student."""

    case: NetworkCase
    interface: NetworkInterface
    program: Program
    net: Result

    @classmethod
    def open(
        cls, case: NetworkCase, cls_object: Any, interface: NetworkInterface
    ) -> NetworkQuestion:
        """Build the student's network and give it the case's parameters."""
        program = Program(autograd=interface.autograd)
        net = program.call(cls_object, case.network.sizes[0], 1, case.hidden_sizes)
        opened = cls(case, interface, program, net)
        opened.set_parameters()
        return opened

    def set_parameters(self) -> None:
        """Set all weights and biases."""
        for number, layer in enumerate(self.case.network.layers):
            self.set_one(self.interface.weight, number, layer.weight)
            self.set_one(self.interface.bias, number, layer.bias)

    def set_one(self, path: str, number: int, array: Array) -> None:
        """Set one tensor of layer ``number``."""
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


Judge = Callable[[NetworkCase, Subject], "tuple[dict[str, bool], list[Comparison], str] | None"]
"""Judges one case: what is right in which group, the comparisons, the first complaint.

None where nothing can be said about the case.
"""


def in_all_cases(
    subject_name: str,
    subject: Subject,
    judge: Judge,
    praise: str,
    *,
    undecidable: str = "",
    diagnose: Callable[[], dict[str, str] | None] | None = None,
    carried: Callable[[], tuple[float, str] | None] | None = None,
) -> Verdict:
    """Run ``judge`` on every case of a fresh set and sum up.

    Args:
        subject_name: what is judged, for the verdict.
        subject: where the student's code lives.
        judge: judges one case.
        praise: what to say where everything is right.
        undecidable: what to say where nothing could be said about any case.
        diagnose: called where something is wrong; says which misconception explains it.
        carried: called where something is wrong; credit and message if the answer follows rightly
            from an earlier mistake.
    """
    groups: dict[str, list[bool]] = {}
    margins: list[float] = []
    complaints: list[str] = []
    for case in _cases(secret_seed()):
        judged = judge(case, subject)
        if judged is None:
            continue
        right, comparisons, complaint = judged
        for group, value in right.items():
            groups.setdefault(group, []).append(value)
        margins += [c.margin for c in comparisons if c.margin is not None]
        if complaint:
            complaints.append(f"{complaint} [{case}]")
    if not groups:
        return file_verdict(Verdict(subject_name, 0.0, undecidable))
    credit = credit_of(groups)
    message = praise if credit == 1.0 and not complaints else _sum_up(groups, complaints)
    margin = min(margins, default=None)
    if credit < 1.0 and carried is not None and (earned := carried()) is not None:
        return file_verdict(Verdict(subject_name, max(credit, earned[0]), earned[1], margin))
    wanted = diagnose is not None and os.environ.get(DIAGNOSE_VARIABLE) != "0"
    diagnosis = diagnose() if wanted and diagnose is not None and credit < 1.0 else None
    return file_verdict(Verdict(subject_name, credit, message, margin, diagnosis))


@lru_cache(maxsize=16)
def _cases(seed: int) -> list[NetworkCase]:
    """The cases of a seed; tests do not change them."""
    return network_cases(np.random.default_rng(seed))


def _sum_up(groups: dict[str, list[bool]], complaints: Sequence[str]) -> str:
    good = [name for name, members in groups.items() if all(members)]
    first = complaints[0] if complaints else "something is wrong"
    praised = f" Always right: {', '.join(good)}." if good else ""
    return f"{first[0].upper()}{first[1:]}.{praised}"


def wrong_everywhere(groups: Sequence[str], failure: object) -> Any:
    """What a judge returns where a failure leaves nothing to compare."""
    return dict.fromkeys(groups, False), [], str(failure)


def _precision_problem(outcome: Outcome) -> bool:
    """Whether torch refused to mix precisions: the code insists on float32, which is allowed."""
    failure = outcome.failure
    return (
        failure is not None
        and failure.error == "RuntimeError"
        and any(word in failure.message for word in ("dtype", "Float", "Double"))
    )


def in_float32_if_needed(judge: Judge) -> Judge:
    """Judge a float64 case again in float32 where the student's code works in float32 only."""

    def judged(case: NetworkCase, subject: Subject) -> Any:
        try:
            return judge(case, subject)
        except _MixedPrecision:
            return judge(_in_float32(case), subject)

    return judged


@remembered
def _in_float32(case: NetworkCase) -> NetworkCase:
    """The case for code that works in float32 only; the same one for everybody."""
    return rounded(replace(case, dtype="float32"))


class _MixedPrecision(Exception):
    pass


def ask(case: NetworkQuestion, subject: Subject) -> Outcome:
    """Run the question's program; see :func:`in_float32_if_needed` for what it may raise."""
    outcome = subject.run(case.program)
    if case.case.dtype == "float64" and _precision_problem(outcome):
        raise _MixedPrecision
    return outcome
