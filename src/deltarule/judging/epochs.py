"""Judge an epoch of minibatch gradient descent that a student wrote, over layer lists.

``train_epoch(params, x_train, y_train, learning_rate, batch_size) -> (mean loss, mean accuracy)``
changes the parameters in place. What is observed is judged by the engine's epochs; where the
student's own ``network`` or loss is wrong, by right epochs over these (error carried forward).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.engine import Array, Parameters
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Program, Subject, TensorValue
from deltarule.judging.comparing import Comparison
from deltarule.judging.epoch_bank import (
    BACKWARD_FORGOTTEN,
    CLEARED_BEFORE_STEP,
    NOT_SHUFFLED,
    STEP_FORGOTTEN,
)
from deltarule.judging.epoch_cases import Seen, epoch_cases, observe, unshuffled_cases
from deltarule.judging.epoch_naming import SHARE_ERROR, name_of_epoch
from deltarule.judging.epoch_steps import (
    Batch,
    EngineGradients,
    EpochCase,
    Gradients,
    OwnGradients,
    OwnGradientsFailed,
    Room,
    Step,
    Trace,
    allowances,
    descend,
    traced,
)
from deltarule.judging.layered import ACCURACY_ERROR, pack_layers
from deltarule.judging.layered_cases import flat, stabiliser_error
from deltarule.judging.tally import Tally, close, compare_within, named
from deltarule.judging.tolerance import epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["NOT_SHUFFLED_COSTS", "training_epoch"]

STEP, MINIBATCHES, REPORT = "one step", "minibatches", "reported loss and accuracy"
GROUPS = {"whole": (STEP, REPORT), "equal": (MINIBATCHES, REPORT), "traced": (MINIBATCHES, REPORT)}

NOT_SHUFFLED_COSTS = 0.1
"""Credit that batches in the order of the data cost; the descent itself is right."""

UNSHUFFLED_EPOCHS = 3
"""So many random orders of eight samples in pairs equal the data's with a probability of 6e-11."""

OWN_ERROR, OWN_ROUNDING = 0.02, 4.0
"""How far an epoch over a student's own functions may be off: relative to how far it moves the
parameters, and in multiples of the engine's rounding errors."""

MOVED = 1000.0
"""How many times the rounding errors a step over a student's own functions must be long."""

SMALL = 1e-2
"""The loss of no sample changes more in a traced epoch whose reported loss is judged."""

CARRIED = (
    "This was judged with your own `network` and loss, which are wrong themselves; that is charged "
    "in their own tests."
)
UNDECIDABLE = (
    "`train_epoch` cannot be judged yet: with your own `network` and loss the parameters hardly "
    "move, so a right epoch looks like a wrong one. Mend those first."
)


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def training_epoch(train_epoch: Any, *, network: Any = None, loss: Any = None) -> Verdict:
    """Judge one epoch of minibatch gradient descent.

    Args:
        train_epoch: the student's function; it is called with the layers' list, (samples, inputs),
            (samples,), a float, and an int or None for all samples. The tensors require grad.
        network: the student's ``network(x, params)``, which ``train_epoch`` may use.
        loss: the student's ``loss(y, y_hat)``, likewise.

    Returns:
        The verdict, filed on the open sheet. Credit in thirds: one step with all samples (twice in
        a row), minibatches, and what is returned. A last, smaller batch may be used or left out,
        and a mean over it may be weighted or not. Samples in their given order cost
        :data:`NOT_SHUFFLED_COSTS`.
    """
    rng = new_rng()
    subject = subject_of(train_epoch, network, loss)
    seen = [observe(case, train_epoch, subject) for case in epoch_cases(rng)]
    tally = Tally("training epoch")
    for one in seen:
        _judge(one, EngineGradients(one.case.start), tally)
    praise = "Steps, minibatches and what is returned are right."
    if tally.credit == 1.0:
        unshuffled = unshuffled_cases(rng, UNSHUFFLED_EPOCHS)
        if all(_is_in_order(observe(case, train_epoch, subject)) for case in unshuffled):
            said = "But the batches come in the order of the data."
            return tally.verdict(praise, named([NOT_SHUFFLED]), said, deduction=NOT_SHUFFLED_COSTS)
        return tally.verdict(praise)
    if network is not None or loss is not None:
        carried = _carried(seen, subject, network, loss)
        if isinstance(carried, str):
            return tally.verdict(praise, advice=carried)
        if carried is not None and carried.credit > tally.credit:
            return carried.verdict(praise, advice=CARRIED)
    diagnosis = None
    if tally.needs_a_name:
        diagnosis = name_of_epoch(seen) or _why_nothing_moved(seen, train_epoch, subject)
    return tally.verdict(praise, diagnosis)


# --- judging what was seen ----------------------------------------------------------------------


def _judge(seen: Seen, gradients: Gradients, tally: Tally) -> None:
    """Count what was seen in one case."""
    case = seen.case
    if seen.failure is not None:
        tally.fail(GROUPS[case.kind], str(seen.failure), case)
    elif case.kind == "whole":
        _judge_whole(seen, gradients, tally)
    elif case.kind == "equal":
        _judge_equal(seen, gradients, tally)
    else:
        _judge_traced(seen, gradients, tally)


def _judge_whole(seen: Seen, gradients: Gradients, tally: Tally) -> None:
    case = seen.case
    batches = [case.first(case.samples)] * len(case.batches)
    steps = descend(case, gradients, batches)
    rooms = _rooms(case, batches, steps, gradients)
    for number, step in enumerate(steps):
        found, what = _compare_ends(seen.parameters[number], step, rooms[number], case)
        when = "after one epoch" if number == 0 else "after a second epoch"
        _report(seen, number, [(step.before.loss, step.before.accuracy)], tally)
        if not tally.add(STEP, f"{when} {what}", found, case):
            return  # what comes next starts from somewhere else


def _judge_equal(seen: Seen, gradients: Gradients, tally: Tally) -> None:
    case = seen.case
    whole, rest = divmod(case.samples, case.batch)
    batches = [case.first(case.batch)] * whole + [case.first(rest)] * bool(rest)
    steps = descend(case, gradients, batches)
    rooms = _rooms(case, batches, steps, gradients)
    counts = sorted({whole, len(batches)})  # a last, smaller batch may be left out
    results = [_compare_ends(seen.parameters[0], steps[n - 1], rooms[n - 1], case) for n in counts]
    right = [n for n, (found, _) in zip(counts, results, strict=True) if found.right]
    found, what = results[counts.index(right[0])] if right else results[0]
    if tally.add(MINIBATCHES, f"after {counts[0]} batches of equal samples {what}", found, case):
        done = steps[: right[0]]
        _report(seen, 0, _means(done), tally)


def _rooms(
    case: EpochCase, batches: Sequence[Batch], steps: Sequence[Step], gradients: Gradients
) -> list[Room]:
    """The room after each step; over a student's own functions, relative to how far they moved."""
    rooms = allowances(case, batches)
    if isinstance(gradients, EngineGradients):
        return rooms
    start = flat(engine.parameters(case.start.network))
    return [
        Room(
            tuple(OWN_ROUNDING * array for array in room.rounding),
            OWN_ERROR * float(np.max(np.abs(flat(step.parameters) - start))),
        )
        for room, step in zip(rooms, steps, strict=True)
    ]


def _means(steps: Sequence[Step]) -> list[tuple[float, float]]:
    """Mean loss and accuracy of the steps' batches: each batch alike, and by its size."""
    losses = [step.before.loss for step in steps]
    accuracies = [step.before.accuracy for step in steps]
    sizes = [step.size for step in steps]
    total = float(sum(sizes))
    return [
        (float(np.mean(losses)), float(np.mean(accuracies))),
        (float(np.dot(losses, sizes)) / total, float(np.dot(accuracies, sizes)) / total),
    ]


def _judge_traced(seen: Seen, gradients: Gradients, tally: Tally) -> None:
    case = seen.case
    end = _as_parameters(seen.parameters[0], case)
    if end is None:
        said = "the parameters are not tensors of their old shapes any more"
        tally.fail(GROUPS["traced"], said, case)
        return
    trace = traced(case, gradients, end)
    if trace is None:
        return
    whole, rest = divmod(case.samples, case.batch)
    ones, used = np.ones(whole * case.batch), np.sort(trace.shares)
    patterns = [
        np.sort(np.concatenate([ones, np.full(rest, last)]))
        for last in (0.0, case.batch / max(rest, 1))
    ]
    right = trace.fits and any(np.all(np.abs(used - one) <= SHARE_ERROR) for one in patterns)
    found = Comparison("" if right else _about_shares(trace, case))
    tally.add(MINIBATCHES, "over different samples", found, case)
    if trace.change < SMALL and (right or not rest):
        _report(seen, 0, _means_of(trace, case, right=right), tally, trace.change)


def _about_shares(trace: Trace, case: EpochCase) -> str:
    """What a wrong traced epoch shows, as a clause."""
    times = np.round(trace.shares)
    if not trace.fits or np.any(np.abs(trace.shares - times) > SHARE_ERROR) or np.any(times < 0):
        return "the steps are not those of the mean loss of the batches"
    many, none = int(np.sum(times > 1)), int(np.sum(times == 0))
    return (
        f"{many} of {case.samples} samples are used more than once in one epoch, and {none} never"
    )


def _means_of(trace: Trace, case: EpochCase, *, right: bool) -> list[tuple[float, float]]:
    """Mean loss and accuracy of the samples that were used, by batch and by sample."""
    losses = np.array([point.loss for point in trace.points])
    accuracies = np.array([point.accuracy for point in trace.points])
    shares = np.round(trace.shares * 12) / 12 if right else np.ones(case.samples)
    used = (shares > SHARE_ERROR).astype(np.float64)
    return [
        (float(weight @ losses / weight.sum()), float(weight @ accuracies / weight.sum()))
        for weight in (shares, used)
    ]


def _report(
    seen: Seen,
    number: int,
    expected: Sequence[tuple[float, float]],
    tally: Tally,
    change: float = 0.0,
) -> None:
    """Count the loss and the accuracy that one call returned; losses may be off by ``change``."""
    case, pair = seen.case, seen.returned[number]
    if pair is None:
        said = "`train_epoch` should return two numbers, the mean loss and the mean accuracy"
        tally.fail([REPORT], said, case)
        return
    margin = 2.0 * stabiliser_error(case.start.network, case.start.x, case.start.y)[0] + change
    dtype = case.start.dtype
    found = [
        (
            compare_within(pair[0], loss, 0.0, margin, dtype),
            compare_within(pair[1], accuracy, 0.0, ACCURACY_ERROR, dtype),
        )
        for loss, accuracy in expected
    ]
    best = next((two for two in found if two[0].right and two[1].right), found[0])
    tally.add(REPORT, "the reported loss", best[0], case)
    tally.add(REPORT, "the reported accuracy", best[1], case)


def _compare_ends(
    values: Sequence[Any], step: Step, room: Room, case: EpochCase
) -> tuple[Comparison, str]:
    """The worst comparison of all parameters, and what it is about."""
    found = []
    parts = zip(values, step.parameters, room.rounding, strict=True)
    for number, (value, expected, rounding) in enumerate(parts):
        compared = compare_within(value, expected, rounding, room.absolute, case.start.dtype)
        what = f"the {'bias' if number % 2 else 'weight'} of layer {number // 2 + 1}"
        found.append((compared, what))
    wrong = [one for one in found if not one[0].right]
    return wrong[0] if wrong else min(found, key=lambda one: one[0].margin or 0.0)


def _as_parameters(values: Sequence[Any], case: EpochCase) -> Parameters | None:
    shapes = [array.shape for array in engine.parameters(case.start.network)]
    arrays: list[Array] = []
    for value, shape in zip(values, shapes, strict=True):
        if not isinstance(value, TensorValue) or value.array.shape != shape:
            return None
        if value.array.dtype.kind != "f" or not np.all(np.isfinite(value.array)):
            return None
        arrays.append(value.array.astype(np.float64))
    return tuple(arrays)


# --- order, own functions, steps that are missing -----------------------------------------------


def _is_in_order(seen: Seen) -> bool:
    """Whether the epoch ended where batches in the order of the data end."""
    case = seen.case
    end = None if seen.failure else _as_parameters(seen.parameters[0], case)
    if end is None:
        return False
    starts = range(0, case.samples, case.batch)
    batches: list[Batch] = [
        (case.start.x[i : i + case.batch], case.start.y[i : i + case.batch]) for i in starts
    ]
    steps = descend(case, EngineGradients(case.start), batches)
    allowed = allowances(case, batches)[-1].largest(case.start.dtype)
    return close(flat(end), flat(steps[-1].parameters), allowed)


def _carried(seen: Sequence[Seen], subject: Subject, network: Any, loss: Any) -> Tally | str | None:
    """The best verdict over the student's own functions; a sentence if there can be none.

    An epoch may use one of them and torch's loss, say, so either alone is tried as well.
    """
    best: Tally | str | None = None
    for pair in ((network, loss), (network, None), (None, loss)):
        given = any(one is not None for one in pair)  # a reference refuses to be compared
        found = _over_own(seen, subject, *pair) if given else None
        if isinstance(found, Tally) and (not isinstance(best, Tally) or found.credit > best.credit):
            best = found
        best = found if best is None else best
    return best


def _over_own(
    seen: Sequence[Seen], subject: Subject, network: Any, loss: Any
) -> Tally | str | None:
    """The verdict over these functions; None where they are the engine's."""
    tally = Tally("training epoch")
    try:
        if not any(_differs(one.case, subject, network, loss) for one in seen):
            return None
        for one in seen:
            own = OwnGradients(one.case.start, subject, network, loss)
            if one.case.kind != "traced" and not _moves(one.case, own):
                return UNDECIDABLE
            _judge(one, own, tally)
    except OwnGradientsFailed as failed:
        return f"Your own `network` or loss cannot be used: {failed}."
    return tally


def _differs(case: EpochCase, subject: Subject, network: Any, loss: Any) -> bool:
    """Whether the student's own functions are not the engine's."""
    start = engine.parameters(case.start.network)
    batch = [case.first(case.samples)]
    (own,) = OwnGradients(case.start, subject, network, loss)(start, batch)
    (right,) = EngineGradients(case.start)(start, batch)
    margin = 4.0 * stabiliser_error(case.start.network, *batch[0])[0]
    same = abs(own.loss - right.loss) <= margin and close(
        flat(own.gradients), flat(right.gradients), margin
    )
    return not same


def _moves(case: EpochCase, own: OwnGradients) -> bool:
    """Whether a step over the student's own functions can be seen."""
    (step,) = descend(case, own, [case.first(case.batch)])
    (room,) = allowances(case, [case.first(case.batch)])
    unit = epsilon_of(case.start.dtype)
    moved = np.abs(flat(step.parameters) - flat(engine.parameters(case.start.network)))
    return bool(np.max(moved) > MOVED * unit * np.max(flat(room.rounding)))


def _stands_still(seen: Seen) -> bool:
    """Whether the parameters are after each call what they were before."""
    start = engine.parameters(seen.case.start.network)
    ends = [_as_parameters(values, seen.case) for values in seen.parameters]
    return seen.failure is None and all(
        end is not None and all(np.array_equal(a, b) for a, b in zip(end, start, strict=True))
        for end in ends
    )


def _why_nothing_moved(
    seen: Sequence[Seen], train_epoch: Any, subject: Subject
) -> dict[str, str] | None:
    """Name what is missing where no epoch changes the parameters, or a gradient is None.

    Torch calls back whenever it computes the gradient of a tensor; a list on the student's side
    keeps count. What is left in ``grad`` tells whether the gradients were cleared.
    """
    failure = seen[0].failure
    no_gradient = failure is not None and "NoneType" in failure.message
    if not no_gradient and not all(_stands_still(one) for one in seen):
        return None
    case = seen[0].case
    program = Program()
    params = pack_layers(program, case.start, tracked=True)
    w = program.get(params, "[0][0]")
    calls = program.pack([])
    program.call_method(w, "register_hook", program.get(calls, "append"))
    x = program.tensor(case.start.x, case.start.dtype)
    y = program.tensor(case.start.y[:, 0], case.start.dtype)
    program.attempt(train_epoch, params, x, y, case.rate, case.samples)
    for asked in (program.get(params, "[0][0]"), program.get(w, "grad")):
        program.read(asked)
    program.read(calls)
    outcome = subject.run(program)
    if outcome.failure:
        return None
    end, left, counted = outcome.values
    start = case.start.network.layers[0].weight
    if not isinstance(end, TensorValue) or not np.array_equal(end.array, start):
        return None
    computed = bool(counted)
    is_left = isinstance(left, TensorValue) and bool(np.any(left.array))
    if computed and is_left and not no_gradient:
        return named([STEP_FORGOTTEN])
    if computed and not is_left and no_gradient:
        return named([CLEARED_BEFORE_STEP])
    if not computed and no_gradient:
        return named([BACKWARD_FORGOTTEN])
    return None
