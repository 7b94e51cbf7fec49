r"""Secret epochs: what a student's ``train_epoch`` is asked to do, and what came of it.

The order of the samples is the student's own, so the cases are made such that it does not matter
for what is compared:

* **whole**: one batch with all samples, twice in a row;
* **equal**: minibatches of samples that are all the same; every step is known exactly;
* **traced**: minibatches of different samples with a tiny learning rate. To first order the
  parameters then move by :math:`-\eta \sum_i c_i\, g_i` with :math:`g_i` the gradient of sample
  :math:`i`, and the :math:`c_i` can be read off: :math:`1/b` for a sample that was used once in a
  batch of :math:`b`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.errors import JudgingError
from deltarule.exchange.subject import Failure, Program, Subject
from deltarule.judging.cases import NetworkCase, rounded
from deltarule.judging.epoch_steps import EngineGradients, EpochCase, descend, is_clear, singles
from deltarule.judging.layered import pack_layers, unpacked_pair
from deltarule.judging.layered_cases import draw_case, flat, ordinary
from deltarule.judging.tally import outcome_of

__all__ = ["Seen", "epoch_cases", "observe", "unshuffled_cases"]

TINY = {"float64": 1e-6, "float32": 1e-3}
"""Learning rates at which both the curvature and the rounding of parameters can be neglected."""

VISIBLE = 0.02
"""How much the loss falls in every step at least, so that before and after cannot be confused."""

STEEP = 6.0
"""The largest loss that a wrong epoch may climb to, so that it gives numbers still."""

TRIES = 500


@dataclass(frozen=True)
class Seen:
    """What ``train_epoch`` did in one case.

    Attributes:
        case: as it was asked.
        parameters: after each call, as they came.
        returned: by each call: (loss, accuracy), or None where it was no pair.
        failure: an exception.
    """

    case: EpochCase
    parameters: tuple[tuple[Any, ...], ...]
    returned: tuple[tuple[Any, Any] | None, ...]
    failure: Failure | None


def observe(case: EpochCase, train_epoch: Any, subject: Subject) -> Seen:
    """Let the student's code run through a case."""
    cases: dict[str, EpochCase] = {}

    def build(start: NetworkCase) -> Program:
        rate = TINY[start.dtype] if case.kind == "traced" else case.rate
        cases[start.dtype] = replace(case, start=start, rate=rate)
        return _program(cases[start.dtype], train_epoch)

    start, outcome = outcome_of(case.start, subject, build)
    count = 1 + len(engine.parameters(start.network))
    chunks = [outcome.values[i : i + count] for i in range(0, len(outcome.values), count)]
    whole = [chunk for chunk in chunks if len(chunk) == count]
    return Seen(
        cases[start.dtype],
        tuple(chunk[1:] for chunk in whole),
        tuple(unpacked_pair(chunk[0]) for chunk in whole),
        outcome.failure,
    )


def _program(case: EpochCase, train_epoch: Any) -> Program:
    start = case.start
    program = Program()
    program.call(program.library("torch.manual_seed"), case.seed)
    params = pack_layers(program, start, tracked=True)
    x, y = program.tensor(start.x, start.dtype), program.tensor(start.y[:, 0], start.dtype)
    for size in case.batches:
        program.read(program.call(train_epoch, params, x, y, case.rate, size))
        for number in range(len(start.network.layers)):
            program.read(program.get(params, f"[{number}][0]"))
            program.read(program.get(params, f"[{number}][1]"))
    return program


# --- drawing ------------------------------------------------------------------------------------

WHOLE = (
    ((3, 1), ("sigmoid",), 5, "float32", (None, 5)),
    ((4, 3, 1), ("tanh", "sigmoid"), 6, "float64", (6, None)),
    ((3, 5, 2, 1), ("relu", "tanh", "sigmoid"), 4, "float64", (None, None)),
)
EQUAL = (
    ((3, 4, 1), ("tanh", "sigmoid"), 6, "float32", (2,)),
    ((4, 1), ("sigmoid",), 7, "float64", (3,)),
    ((2, 4, 1), ("relu", "sigmoid"), 8, "float64", (2,)),
)
TRACED = (
    ((4, 3, 1), ("tanh", "sigmoid"), 8, "float64", (3,)),
    ((3, 5, 1), ("tanh", "sigmoid"), 8, "float64", (2,)),
    ((5, 3, 1), ("tanh", "sigmoid"), 5, "float32", (2,)),
)
IN_ORDER = ((3, 4, 1), ("tanh", "sigmoid"), 8, "float64", (2,))


def epoch_cases(rng: np.random.Generator) -> list[EpochCase]:
    """Draw a set of cases of all kinds; sizes, activations, samples, precision, batch sizes."""
    kinds = {"whole": WHOLE, "equal": EQUAL, "traced": TRACED}
    return [_draw(rng, kind, *shape) for kind, shapes in kinds.items() for shape in shapes]


def unshuffled_cases(rng: np.random.Generator, count: int) -> list[EpochCase]:
    """Cases in which the order of the samples shows."""
    return [_draw(rng, "in order", *IN_ORDER) for _ in range(count)]


def _draw(
    rng: np.random.Generator,
    kind: str,
    sizes: tuple[int, ...],
    names: tuple[str, ...],
    samples: int,
    dtype: str,
    batches: tuple[int | None, ...],
) -> EpochCase:
    activations = [engine.activations.by_name(name) for name in names]
    for _ in range(TRIES):
        start = draw_case(rng, sizes, activations, samples, dtype)
        if kind == "equal":
            start = replace(start, x=start.x[[0] * samples], y=start.y[[0] * samples])
        rate = TINY[dtype] if kind == "traced" else float(np.float32(rng.uniform(0.2, 0.6)))
        seed = int(rng.integers(2**31))
        case = EpochCase(kind, rounded(start), rate, batches, seed)
        if _is_fair(case):
            return case
    raise JudgingError(f"no epoch of the kind '{kind}' could be drawn")


def _is_fair(case: EpochCase) -> bool:
    """Whether a right answer can be told from a wrong one, all along the way."""
    own = EngineGradients(case.start)
    if case.kind == "traced":
        points = own(engine.parameters(case.start.network), singles(case))
        matrix = np.stack([flat(point.gradients) for point in points], axis=1)
        return len(np.unique(case.start.y)) == 2 and is_clear(case, own, matrix)
    count = -(-case.samples // case.batch) + len(case.batches)
    steps = descend(case, own, [case.first(case.batch)] * count)
    climbing = descend(replace(case, rate=-case.rate), own, [case.first(case.batch)] * count)
    if climbing[-1].before.loss > STEEP:
        return False
    network = case.start.network
    for step, after in pairwise(steps):
        network = engine.with_parameters(network, step.parameters)
        if step.before.loss - after.before.loss < VISIBLE:
            return False
        if not np.all(ordinary(network, case.start.x)):
            return False
    return True
