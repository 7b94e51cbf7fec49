"""Which mistakes explain what a student's ``train_epoch`` did? Names only where it is certain.

Every way of :mod:`deltarule.judging.epoch_bank` is run on the very cases that the student's code
ran through. The one that fits all of them with the fewest mistakes is named, if there is only one.
Which samples were used, and with which labels, is read off the traced epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array, Parameters
from deltarule.exchange.subject import TensorValue
from deltarule.judging.epoch_bank import (
    PAIR_EXCHANGED,
    PARTED,
    REPEATED,
    REPORTS,
    Told,
    Walked,
    Way,
    right_reports,
    walk,
    ways,
)
from deltarule.judging.epoch_cases import Seen
from deltarule.judging.epoch_steps import (
    EngineGradients,
    EpochCase,
    Point,
    Trace,
    allowances,
    traced,
)
from deltarule.judging.evaluation_bank import as_number
from deltarule.judging.layered_cases import flat
from deltarule.judging.tally import Mistake, close, named

__all__ = ["SHARE_ERROR", "name_of_epoch"]

SLACK = 4.0
"""A wrong way has other rounding errors than the right one; it is allowed this much more."""

SHARE_ERROR = 0.1
"""How far the share of a sample in a traced epoch may be off, relative to 1/b."""

REPORT_ERROR = 1e-2
"""How far a reported loss may be off; a loss kept finite differs by 4e-3 at most."""


def name_of_epoch(seen: Sequence[Seen]) -> dict[str, str] | None:
    """What explains everything that was seen, as a diagnosis."""
    evidence = [_Evidence(one) for one in seen]
    if not all(one.complete for one in evidence):
        return None
    known = [one for one in evidence if one.seen.case.kind != "traced"]
    traces = [one for one in evidence if one.seen.case.kind == "traced" and one.trace is not None]
    equal = [one for one in known if one.seen.case.kind == "equal"]
    samples = _name_of_samples([one for one in evidence if one.trace is not None])
    if samples is not None:  # then nothing is known about a batch of different samples
        right = [way for way in ways() if not way.mistakes]
        found = [way for way in right if all(one.fits(way) for one in equal)]
        if found and _name_of_reports(equal, found[0]) == []:
            return named([samples])
    steps = _name_of_steps(known, traces)
    if steps is None:
        return None
    reports = _name_of_reports(known, steps)
    return None if reports is None else named([*steps.mistakes, *reports])


class _Evidence:
    """What was seen in a case, as numbers."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        case = seen.case
        shapes = [array.shape for array in engine.parameters(case.start.network)]
        self.ends = [_numbers(values) for values in seen.parameters]
        pairs = [pair or (None, None) for pair in seen.returned]
        self.returned = [(as_number(one), as_number(other)) for one, other in pairs]
        fits = all(end and [array.shape for array in end] == shapes for end in self.ends)
        self.complete = seen.failure is None and fits and bool(np.all(np.isfinite(self.returned)))
        self.trace: Trace | None = None
        self.allowed = 0.0
        if not self.complete:
            return
        if case.kind != "equal":
            self.trace = traced(case, EngineGradients(case.start), self.ends[0])
        if case.kind != "traced":
            count = max(len(case.batches), -(-case.samples // case.batch))
            room = allowances(case, [case.first(case.batch)] * count)[-1]
            self.allowed = SLACK * room.largest(case.start.dtype)

    def fits(self, way: Way) -> bool:
        """Whether the parameters are those of this way."""
        walked = walk(self.seen.case, way)
        return all(
            close(flat(end), flat(epoch.parameters), self.allowed)
            for end, epoch in zip(self.ends, walked, strict=True)
        )


def _numbers(values: Sequence[Any]) -> Parameters:
    if not all(isinstance(v, TensorValue) and v.array.dtype.kind == "f" for v in values):
        return ()
    return tuple(np.asarray(value.array, np.float64) for value in values)


def _name_of_steps(known: Sequence[_Evidence], traces: Sequence[_Evidence]) -> Way | None:
    """The one way with the fewest mistakes that fits; None where nothing or more than one does."""
    found: list[Way] = []
    for way in ways():
        if found and len(way.mistakes) > len(found[0].mistakes):
            break
        if all(_shares_fit(one, way) for one in traces) and all(one.fits(way) for one in known):
            found.append(way)
    names = {way.mistakes for way in found}
    return found[0] if len(names) == 1 else None


def _shares_fit(one: _Evidence, way: Way) -> bool:
    expected = way.shares(one.seen.case)
    trace = one.trace
    if expected is None or trace is None:
        return True
    limit = SHARE_ERROR * max(1.0, float(np.max(np.abs(expected))))
    return trace.fits and bool(np.all(np.abs(np.sort(trace.shares) - expected) <= limit))


def _name_of_samples(traces: Sequence[_Evidence]) -> Mistake | None:
    """Whether samples met wrong labels, or were used more than once, in what was traced."""
    shares = [one.trace.shares for one in traces if one.trace is not None and one.trace.fits]
    if not shares or len(shares) < len(traces):
        return None
    cases = [one.seen.case for one in traces]
    for mistake, look in ((PARTED, _are_parted), (REPEATED, _are_repeated)):
        found = [look(case, share) for case, share in zip(cases, shares, strict=True)]
        if all(fits for fits, _ in found) and any(shows for _, shows in found):
            return mistake
    return None


def _are_parted(case: EpochCase, shares: Array) -> tuple[bool, bool]:
    """Whether the samples met labels of the set in another order, and whether that shows.

    With the other label, a sample's gradient is multiplied by a negative number that is known.
    """
    y_hat = engine.forward(case.start.network, case.start.x).y_hat[:, 0]
    y = case.start.y[:, 0]
    other = (y_hat - (1.0 - y)) / (y_hat - y)
    unused = (np.abs(shares) <= SHARE_ERROR) & (case.kind != "whole")
    own = unused | (np.abs(shares - 1.0) <= SHARE_ERROR)
    swapped = ~own & (np.abs(shares - other) <= SHARE_ERROR * np.maximum(1.0, np.abs(other)))
    met = np.where(swapped, 1.0 - y, y)
    # One label for all samples is another mistake; a batch of all samples tells it from this.
    permuted = case.kind != "whole" or np.sum(met) == np.sum(y)
    return bool(np.all(own | swapped) and permuted), bool(np.any(swapped))


def _are_repeated(case: EpochCase, shares: Array) -> tuple[bool, bool]:
    """Whether every sample was used a whole number of times, and some more than once."""
    times = np.round(shares)
    whole = np.all(np.abs(shares - times) <= SHARE_ERROR) and np.all(times >= 0)
    few = int(times.sum()) <= case.samples
    return bool(whole and few), bool(np.any(times > 1) and np.any(times == 0))


# --- what is returned -----------------------------------------------------------------------------

Pick = Callable[[Point], float]


def _name_of_reports(known: Sequence[_Evidence], way: Way) -> list[Mistake] | None:
    """The mistakes in what is returned; None where it stays unexplained."""
    walks = [walk(one.seen.case, way) for one in known]
    picks: tuple[Pick, Pick] = (lambda point: point.loss, lambda point: point.accuracy)
    if all(_returns(known, walks, i, picks[1 - i], right_reports) for i in range(2)):
        return [PAIR_EXCHANGED]
    fitting: list[list[Mistake]] = []
    for position, pick in enumerate(picks):
        if not _returns(known, walks, position, pick, right_reports):
            fits = [one for one, make in REPORTS if _returns(known, walks, position, pick, make)]
            fitting.append(fits)
    both = [one for one, _ in REPORTS if fitting and all(one in fits for fits in fitting)]
    if len(both) == 1:  # an accuracy alone often cannot tell
        return both
    return [one for fits in fitting for one in fits] if all(len(f) == 1 for f in fitting) else None


def _returns(
    known: Sequence[_Evidence],
    walks: Sequence[Sequence[Walked]],
    position: int,
    pick: Pick,
    report: Callable[[Told], Sequence[float]],
) -> bool:
    """Whether one of the two returned numbers is always among what is expected."""
    for one, epochs in zip(known, walks, strict=True):
        case = one.seen.case
        for returned, epoch, asked in zip(one.returned, epochs, case.batches, strict=True):
            told = Told(
                [pick(point) for point in epoch.before],
                [pick(point) for point in epoch.after],
                epoch.sizes,
                case.samples,
                case.samples // (asked or case.samples),
            )
            expected = np.array(report(told))
            off = np.abs(returned[position] - expected)
            if not np.any(off <= REPORT_ERROR * np.maximum(1.0, np.abs(expected))):
                return False
    return True
