"""Which misconception produced these gradients? A name only where it is certain.

The bank is tried on the very cases on which the student's gradients were seen: each misconception
alone, then every two together. One is named if it reproduces *every* tensor of *every* case to
round-off, and nothing else in the bank does. With several networks in double precision a match by
accident is out of the question; where two candidates cannot be told apart, nothing is said: a wrong
diagnosis is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from deltarule import engine
from deltarule.engine import STEPS, Array, BackwardSteps
from deltarule.judging.cases import NetworkCase
from deltarule.judging.misconceptions import GRADIENT_BANK, Misconception
from deltarule.judging.tolerance import epsilon_of, network_allowance

__all__ = ["Diagnosis", "Evidence", "diagnose"]

SLACK = 4.0
"""A misconception's own round-off differs from the reference's; it is allowed this much more."""


@dataclass(frozen=True)
class Diagnosis:
    """What explains a student's gradients.

    Attributes:
        misconceptions: one, or two that were made together.
    """

    misconceptions: tuple[Misconception, ...]

    @property
    def name(self) -> str:
        """The names, joined by ``+``."""
        return "+".join(one.name for one in self.misconceptions)

    @property
    def explanation(self) -> str:
        """What the student's code does."""
        return " ".join(one.explanation for one in self.misconceptions)

    @property
    def hint(self) -> str:
        """What helps."""
        return " ".join(one.hint for one in self.misconceptions)


@dataclass(frozen=True)
class Evidence:
    """The gradients that a student's backward pass gave for one case.

    Attributes:
        case: network, batch and precision.
        gradients: (dW1, db1, dW2, db2, …) as they came, of whatever shape.
        dtype: the coarsest element type among them.
    """

    case: NetworkCase
    gradients: tuple[Array, ...]
    dtype: str


class _Witness:
    """One piece of evidence, with what is needed to hold candidates against it."""

    def __init__(self, evidence: Evidence) -> None:
        case = evidence.case
        self.seen = evidence.gradients
        self.network, self.y = case.network, case.y
        self.trace = engine.forward(case.network, case.x)
        self.right = engine.backward(self.network, self.trace, self.y).by_parameter()
        allowance = network_allowance(case.network, case.x, case.y)
        pairs = zip(allowance.weight, allowance.bias, strict=True)
        epsilon = epsilon_of(case.dtype, evidence.dtype)
        self.allowed = [SLACK * epsilon * float(np.max(a)) for pair in pairs for a in pair]

    def fits(self, steps: BackwardSteps) -> bool:
        """Whether the recursion with these steps gives what the student's code gave."""
        return self._close(self.seen, self.predict(steps))

    def predict(self, steps: BackwardSteps) -> tuple[Array, ...] | None:
        """The gradients of a changed recursion; None where its shapes do not fit together."""
        try:
            with np.errstate(all="ignore"):
                made = engine.backward(self.network, self.trace, self.y, steps).by_parameter()
        except ValueError:
            return None
        return made if all(np.all(np.isfinite(array)) for array in made) else None

    def same(self, first: BackwardSteps, second: BackwardSteps) -> bool:
        """Whether two changed recursions give the same here."""
        one, other = self.predict(first), self.predict(second)
        return one is not None and other is not None and self._close(one, other)

    def _close(self, one: Sequence[Array], other: Sequence[Array] | None) -> bool:
        if other is None:
            return False
        for a, b, right, allowed in zip(one, other, self.right, self.allowed, strict=True):
            if np.shape(a) != np.shape(b):
                return False
            size = float(np.max(np.abs(b), initial=0.0))
            growth = max(1.0, size / max(float(np.max(np.abs(right))), 1e-300))
            if np.any(np.abs(a - b) > allowed * growth):
                return False
        return True


def diagnose(
    evidence: Sequence[Evidence], bank: Sequence[Misconception] = GRADIENT_BANK
) -> Diagnosis | None:
    """Name the misconception, or the two, that explain all the evidence.

    Args:
        evidence: what the student's code gave; several cases, some in float64.
        bank: the misconceptions to try.

    Returns:
        The diagnosis, or None where nothing fits, more than one thing does, or nothing is wrong.
    """
    # The most telling case first: most candidates are dismissed by one look at it.
    witnesses = sorted((_Witness(one) for one in evidence), key=_telling, reverse=True)
    if not witnesses or all(witness.fits(STEPS) for witness in witnesses):
        return None
    singles = [one for one in bank if any(_fits(witnesses, c(STEPS)) for c in one.changes)]
    if singles:
        return Diagnosis((singles[0],)) if len(singles) == 1 else None
    pairs = {pair: _orders(witnesses, *pair) for pair in combinations(bank, 2)}
    # Two mistakes at different places come to the same in either order. A pair that fits in one
    # order only is one mistake that overwrites part of another: a roundabout name for something.
    for orders in (2, 1):
        found = [pair for pair, fitting in pairs.items() if fitting == orders]
        if found:
            return Diagnosis(found[0]) if len(found) == 1 else None
    return None


def _telling(witness: _Witness) -> tuple[int, int]:
    return len(witness.network.layers), len(witness.y)


def _fits(witnesses: Sequence[_Witness], steps: BackwardSteps) -> bool:
    return all(witness.fits(steps) for witness in witnesses)


def _orders(witnesses: Sequence[_Witness], one: Misconception, other: Misconception) -> int:
    """In how many of the two orders the two together explain everything."""
    changes = list(product(one.changes, other.changes))
    forward = any(_fits(witnesses, b(a(STEPS))) for a, b in changes)
    backward = any(_fits(witnesses, a(b(STEPS))) for a, b in changes)
    return forward + backward
