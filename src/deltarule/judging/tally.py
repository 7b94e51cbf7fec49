"""From many comparisons to one verdict, for judges that draw their own cases.

A :class:`Tally` collects what was right in which group and says it in a sentence or two. Around it
stand the three things that such judges share: a program is tried in the other precision where the
student's code insists on one, an absolute error may be allowed besides rounding, and a mistake that
was recognised has a name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deltarule.engine import Array
from deltarule.exchange.subject import Failure, Outcome, Program, Subject, TensorValue
from deltarule.judging.asking import DIAGNOSE_VARIABLE
from deltarule.judging.cases import NetworkCase, rounded
from deltarule.judging.comparing import Comparison, compare
from deltarule.judging.tolerance import epsilon_of
from deltarule.judging.verdicts import Verdict, credit_of, file_verdict

__all__ = [
    "Mistake",
    "Tally",
    "close",
    "compare_within",
    "named",
    "outcome_of",
    "wants_diagnosis",
]


@dataclass(frozen=True)
class Mistake:
    """A mistake with a name, for students.

    Attributes:
        name: in kebab case; stands in results and statistics.
        explanation: one sentence: what the code does.
        hint: one sentence that helps without giving the answer away.
    """

    name: str
    explanation: str
    hint: str


def named(mistakes: Sequence[Mistake]) -> dict[str, str] | None:
    """The diagnosis of one mistake, or of several that were made together; None without any."""
    if not mistakes:
        return None
    return {
        "name": "+".join(one.name for one in mistakes),
        "explanation": " ".join(one.explanation for one in mistakes),
        "hint": " ".join(one.hint for one in mistakes),
    }


def wants_diagnosis() -> bool:
    """Whether mistakes are to be named at all."""
    return os.environ.get(DIAGNOSE_VARIABLE) != "0"


@dataclass
class Tally:
    """What was found in which group, over all cases.

    Attributes:
        subject: what is judged, for the verdict.
        groups: right or wrong, case by case; each group earns an equal share if it is always right.
        margins: of all comparisons.
        complaints: of everything that is wrong, in the order in which it was found.
    """

    subject: str
    groups: dict[str, list[bool]] = field(default_factory=dict)
    margins: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def add(self, group: str, what: str, found: Comparison, case: object = "") -> bool:
        """Count one comparison of ``what``; returns whether it is right."""
        self.groups.setdefault(group, []).append(found.right)
        if found.margin is not None:
            self.margins.append(found.margin)
        if not found.right:
            self.complain(f"{what} {found.complaint}", case)
        return found.right

    def fail(self, groups: Sequence[str], said: str, case: object = "") -> None:
        """Count these groups as wrong, for a reason that is not a comparison."""
        for group in groups:
            self.groups.setdefault(group, []).append(False)
        self.complain(said, case)

    def complain(self, said: str, case: object = "") -> None:
        """Note a complaint."""
        self.complaints.append(f"{said} [{case}]" if str(case) else said)

    @property
    def credit(self) -> float:
        """The share of the groups in which everything is right."""
        return credit_of(self.groups)

    @property
    def needs_a_name(self) -> bool:
        """Whether something is wrong and mistakes are to be named."""
        return self.credit < 1.0 and wants_diagnosis()

    def verdict(
        self,
        praise: str,
        diagnosis: dict[str, str] | None = None,
        advice: str = "",
        deduction: float = 0.0,
    ) -> Verdict:
        """File and return the verdict.

        Args:
            praise: what to say where everything is right.
            diagnosis: of the mistakes that were recognised.
            advice: said at the end in any case.
            deduction: credit that is lost for something that belongs to no group.
        """
        credit = self.credit - deduction
        said = praise if self.credit == 1.0 else self._sum_up()
        message = f"{said} {advice}".strip()
        margin = min(self.margins, default=None)
        given = diagnosis if credit < 1.0 and wants_diagnosis() else None
        return file_verdict(Verdict(self.subject, credit, message, margin, given))

    def _sum_up(self) -> str:
        good = [name for name, members in self.groups.items() if members and all(members)]
        first = self.complaints[0] if self.complaints else "something is wrong"
        praised = f" Always right: {', '.join(good)}." if good else ""
        return f"{first[0].upper()}{first[1:]}.{praised}"


def compare_within(
    received: Any, expected: Array | float, rounding: Any, absolute: Any, dtype: str
) -> Comparison:
    """Compare where the answer may differ by more than rounding.

    Args:
        received: see :func:`deltarule.judging.comparing.compare`.
        expected: the reference.
        rounding: allowed error in units of the machine epsilon.
        absolute: allowed besides, whatever the precision: for formulas that are approximate on
            purpose, such as a cross-entropy that adds a small number in the logarithm.
        dtype: of the student's inputs.
    """
    units = np.asarray(absolute, np.float64) / epsilon_of(dtype, *_float_types(received))
    return compare(received, expected, np.asarray(rounding, np.float64) + units, dtype)


def _float_types(received: Any) -> list[str]:
    """The types of the floating-point numbers in what came back."""
    if isinstance(received, list | tuple):
        return [one for item in received for one in _float_types(item)]
    if isinstance(received, TensorValue) and received.array.dtype.kind == "f":
        return [received.dtype]
    return []


def close(seen: Array, expected: Array, allowed: float) -> bool:
    """Whether two arrays have one shape and agree, with room that grows with their size."""
    if seen.shape != expected.shape:
        return False
    growth = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    return bool(np.all(np.abs(seen - expected) <= allowed * growth))


def outcome_of(
    case: NetworkCase, subject: Subject, build: Callable[[NetworkCase], Program]
) -> tuple[NetworkCase, Outcome]:
    """Run ``build(case)``, in the other precision where the student's code insists on that.

    Notebooks of this course compute in one precision throughout, so code that names it is right.

    Returns:
        The case as it was asked, and what came of it.
    """
    outcome = subject.run(build(case))
    if _mixes_precisions(outcome.failure):
        other = "float32" if case.dtype == "float64" else "float64"
        cut = rounded(replace(case, dtype=other))
        again = subject.run(build(cut))
        if not _mixes_precisions(again.failure):
            return cut, again
    return case, outcome


def _mixes_precisions(failure: Failure | None) -> bool:
    """Whether torch refused to compute with two precisions at a time."""
    return (
        failure is not None
        and failure.error == "RuntimeError"
        and any(word in failure.message for word in ("dtype", "Float", "Double"))
    )
