"""A verdict is a number and a sentence; a sheet collects the verdicts of one test cell.

The compiler opens a :class:`Sheet` at the start of a test cell's hidden region and ends the region
with ``sheet.score()``. The result is a float, which is what nbgrader reads; it shows itself as
HTML, which the student reads in the feedback, and as JSON, which ``deltarule grade`` reads.
"""

from __future__ import annotations

import html
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.errors import JudgingError

__all__ = [
    "SEED_VARIABLE",
    "VERDICT_MIME",
    "Score",
    "Sheet",
    "Verdict",
    "file_verdict",
    "new_rng",
    "secret_seed",
]

VERDICT_MIME = "application/vnd.deltarule.verdict+json"
SEED_VARIABLE = "DELTARULE_SEED"


@dataclass(frozen=True)
class Verdict:
    """What was found out about one thing.

    Attributes:
        subject: what was judged, e.g. ``gradients``.
        credit: earned share, from 0 to 1.
        message: a sentence or a few for the student; never contains a secret input.
        margin: how many times closer than needed the answer is (above 1), or the inverse of how
            many times further than allowed (below 1); None where nothing could be compared.
        diagnosis: the misconception that explains the answer: ``name``, ``explanation``, ``hint``.
    """

    subject: str
    credit: float
    message: str
    margin: float | None = None
    diagnosis: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.credit) and 0.0 <= self.credit <= 1.0):
            raise JudgingError(f"credit must be from 0 to 1, got {self.credit!r}")


def credit_of(groups: Mapping[str, Sequence[bool]]) -> float:
    """The share of the groups in which everything is right; a group without members is left out.

    Credit goes to what works always. A mistake that happens not to show in some case, such as a sum
    for a mean in a batch of one, earns nothing for that case.
    """
    judged = [all(members) for members in groups.values() if members]
    if not judged:
        raise JudgingError("nothing was compared")
    return sum(judged) / len(judged)


class Score(float):
    """A number of points that carries its verdicts; displays as feedback."""

    verdicts: tuple[Verdict, ...]
    name: str
    points: float
    seed: int

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return {
            "text/plain": repr(float(self)),
            "text/html": self._as_html(),
            VERDICT_MIME: self.as_json(),
        }

    def as_json(self) -> dict[str, Any]:
        """The score and its verdicts as plain data."""
        margins = [v.margin for v in self.verdicts if v.margin is not None]
        return {
            "name": self.name,
            "points": self.points,
            "score": float(self),
            "seed": self.seed,
            "message": " ".join(verdict.message for verdict in self.verdicts),
            "margin": min(margins) if margins else None,
            "diagnosis": next((v.diagnosis for v in self.verdicts if v.diagnosis), None),
        }

    def _as_html(self) -> str:
        rows = "".join(
            f"<li><b>{html.escape(v.subject)}</b> ({v.credit:.0%}): {html.escape(v.message)}"
            f"{_as_advice(v.diagnosis)}</li>"
            for v in self.verdicts
        )
        return (
            f"<p><b>{html.escape(self.name)}: {float(self):g} of {self.points:g} points</b></p>"
            f"<ul>{rows}</ul>"
        )


def _as_advice(diagnosis: dict[str, str] | None) -> str:
    if diagnosis is None:
        return ""
    said = html.escape(diagnosis["explanation"])
    return f"<p>{said} <i>{html.escape(diagnosis['hint'])}</i></p>"


class Sheet:
    """The verdicts of one test cell; opening one closes the sheet of the cell before.

    Args:
        name: the test's ``grade_id``.
        points: what the test is worth.
    """

    current: Sheet | None = None

    def __init__(self, name: str, points: float) -> None:
        self.name = name
        self.points = points
        self.seed = _seed()
        self.verdicts: list[Verdict] = []
        Sheet.current = self

    def score(self) -> Score:
        """The mean credit of the verdicts, in points.

        Raises:
            JudgingError: nothing was judged; without verdicts nbgrader would give full marks.
        """
        if Sheet.current is self:
            Sheet.current = None
        if not self.verdicts:
            raise JudgingError(f"the test '{self.name}' judged nothing")
        credit = sum(verdict.credit for verdict in self.verdicts) / len(self.verdicts)
        value = round(min(max(credit * self.points, 0.0), self.points), 4)
        if not math.isfinite(value):
            raise JudgingError(f"the test '{self.name}' came to {value} points")
        score = Score(value)
        score.name, score.points, score.seed = self.name, self.points, self.seed
        score.verdicts = tuple(self.verdicts)
        return score


def file_verdict(verdict: Verdict) -> Verdict:
    """Put a verdict on the open sheet, if there is one, and return it."""
    if Sheet.current is not None:
        Sheet.current.verdicts.append(verdict)
    return verdict


def _seed() -> int:
    given = os.environ.get(SEED_VARIABLE, "")
    return int(given) if given.isdigit() else secrets.randbits(32)


def secret_seed() -> int:
    """The seed of secret inputs: the open sheet's, or a fresh one without a sheet."""
    return Sheet.current.seed if Sheet.current else _seed()


def new_rng() -> np.random.Generator:
    """A generator for secret inputs, seeded by the open sheet (afresh without one)."""
    return np.random.default_rng(secret_seed())
