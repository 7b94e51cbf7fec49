r"""The bank for ``train_epoch``: wrong ways through an epoch, each with a name.

A way is a choice at four places, and each wrong choice is a mistake::

    for each batch:            which batches?      all, the first one, always the whole set
        clear the gradients    when?               before each batch, once an epoch, never
        w += factor * w.grad   which factor?       -rate; its sign, its size
    return the means           of what?            see REPORTS

The engine can run every way on the very cases that a student's code ran through; which of them
explains what was seen is found in :mod:`deltarule.judging.epoch_naming`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from deltarule import engine
from deltarule.engine import Array, Parameters
from deltarule.judging.epoch_steps import EngineGradients, EpochCase, Point
from deltarule.judging.tally import Mistake

__all__ = [
    "BACKWARD_FORGOTTEN",
    "BATCH_MEAN_MISSING",
    "CLEARED_BEFORE_STEP",
    "LOSS_AFTER_UPDATE",
    "NOT_CLEARED",
    "NOT_SHUFFLED",
    "PAIR_EXCHANGED",
    "PARTED",
    "REPEATED",
    "REPORTS",
    "STEP_FORGOTTEN",
    "Told",
    "Walked",
    "Way",
    "right_reports",
    "walk",
    "ways",
]

ASCENT = Mistake(
    "ascent-for-descent",
    "The parameters move along the gradient, so that the loss grows.",
    "In which direction does a function fall most steeply? Look at the sign of the step.",
)
RATE_FORGOTTEN = Mistake(
    "learning-rate-forgotten",
    "The whole gradient is subtracted; the learning rate plays no part.",
    "What happens to your step when the learning rate is zero?",
)
RATE_OVER_BATCH = Mistake(
    "learning-rate-over-batch",
    "The step is divided by the number of samples, of which the loss is a mean already.",
    "How many times does your code divide by the number of samples on the way to the step?",
)
BATCH_MEAN_MISSING = Mistake(
    "missing-batch-mean",
    "The gradients are those of the sum over the batch, not of its mean.",
    "The loss is a mean over the samples of a batch. Where does its 1/N show up in your code?",
)
NOT_CLEARED = Mistake(
    "gradients-not-cleared",
    "The gradients of earlier batches are still there when new ones are added to them.",
    "What does `backward` do with a gradient that is there already?",
)
ONE_BATCH = Mistake(
    "one-batch-only",
    "Only the first batch is used.",
    "How often does the body of your loop run? Look where `return` stands.",
)
SIZE_IGNORED = Mistake(
    "batch-size-ignored",
    "Every step uses all samples, whatever the batch size.",
    "How many samples go into your network in one step, and how many should?",
)
PARTED = Mistake(
    "samples-and-labels-parted",
    "Samples and labels are put in different orders, so that they no longer belong together.",
    "Which numbers pick the samples of a batch in your code, and which ones pick their labels?",
)
REPEATED = Mistake(
    "samples-repeated",
    "In one epoch some samples are used more than once and others never.",
    "Write down the indices of the samples in each batch. Does every index come once?",
)
STEP_FORGOTTEN = Mistake(
    "step-forgotten",
    "The gradients are computed, but the parameters stay where they are.",
    "Which line of your code changes the parameters?",
)
CLEARED_BEFORE_STEP = Mistake(
    "gradients-cleared-before-step",
    "The gradients are cleared after they were computed and before they are used.",
    "In which order do computing, using and clearing the gradients make sense?",
)
BACKWARD_FORGOTTEN = Mistake(
    "backward-forgotten",
    "When the parameters are to move, no gradients have been computed.",
    "Which call fills in the gradients of the parameters, and where should it stand?",
)
NOT_SHUFFLED = Mistake(
    "not-shuffled",
    "The batches are taken in the order of the data.",
    "The batches of each epoch should be drawn in a new random order; is the drawn one used?",
)
LOSS_AFTER_UPDATE = Mistake(
    "loss-after-update",
    "The loss is computed again after the step.",
    "Is the loss that you return the one whose gradient you took?",
)
SUMMED = Mistake(
    "loss-summed-over-batches",
    "The sum over the batches is returned, not their mean.",
    "Does what you return grow with the number of batches?",
)
LAST_ONLY = Mistake(
    "loss-of-last-batch",
    "Only the last batch counts in what is returned.",
    "What happens in your code to the losses of all batches but the last one?",
)
WRONG_NUMBER = Mistake(
    "mean-over-wrong-number",
    "What is added up over the batches is divided by something else than their number.",
    "How many numbers do you add up, and by how many do you divide?",
)
PAIR_EXCHANGED = Mistake(
    "loss-and-accuracy-exchanged",
    "Loss and accuracy are returned in the other order.",
    "Which of the two is asked for first?",
)

# --- ways through an epoch ------------------------------------------------------------------------

SIGNS: tuple[tuple[Mistake | None, float], ...] = ((None, -1.0), (ASCENT, 1.0))
SCALES: tuple[tuple[Mistake | None, tuple[int, int, int]], ...] = (
    (None, (1, 0, 0)),
    (RATE_FORGOTTEN, (0, 0, 0)),
    (RATE_OVER_BATCH, (1, -1, 0)),
    (RATE_OVER_BATCH, (1, 0, -1)),
    (BATCH_MEAN_MISSING, (1, 1, 0)),
)
"""Powers of learning rate, batch size and number of samples in the factor of a step."""
CLEARINGS: tuple[tuple[Mistake | None, str], ...] = (
    (None, "batch"),
    (NOT_CLEARED, "epoch"),
    (NOT_CLEARED, "never"),
)
BATCHES: tuple[tuple[Mistake | None, str], ...] = (
    (None, "all"),
    (None, "all and a smaller one"),
    (ONE_BATCH, "first"),
    (SIZE_IGNORED, "whole once"),
    (SIZE_IGNORED, "whole each time"),
)


@dataclass(frozen=True)
class Way:
    """One way through an epoch; see the module's text."""

    mistakes: tuple[Mistake, ...]
    sign: float
    powers: tuple[int, int, int]
    clearing: str
    batches: str

    def factor(self, rate: float, size: int, n: int) -> float:
        """What the gradients are multiplied with."""
        a, b, c = self.powers
        return self.sign * rate**a * float(size) ** b * float(n) ** c

    def sizes(self, n: int, batch: int) -> list[int]:
        """How many samples each batch has."""
        if self.batches == "whole once":
            return [n]
        if self.batches == "first":
            return [batch]
        if self.batches == "whole each time":
            return [n] * (n // batch)
        smaller = [n % batch] if self.batches == "all and a smaller one" and n % batch else []
        return [batch] * (n // batch) + smaller

    def shares(self, case: EpochCase) -> Array | None:
        """What a traced epoch shows, sorted; None where the steps are not small."""
        n, batch, rate = case.samples, case.batch, case.rate
        if abs(self.factor(rate, batch, n)) > 100 * rate:
            return None
        sizes = self.sizes(n, batch)
        used = np.zeros(n)
        start = 0
        for number, size in enumerate(sizes):
            times = 1.0 if self.clearing == "batch" else float(len(sizes) - number)
            weight = -times * self.factor(rate, size, n) / rate / size
            if size == n:
                used += weight
            else:
                used[start : start + size] += weight
                start += size
        return np.sort(used * batch)


def ways() -> list[Way]:
    """All ways, those with few mistakes first."""
    made = []
    for sign, scale, clearing, batches in product(SIGNS, SCALES, CLEARINGS, BATCHES):
        mistakes = tuple(one[0] for one in (sign, scale, clearing, batches) if one[0] is not None)
        made.append(Way(mistakes, sign[1], scale[1], clearing[1], batches[1]))
    return sorted(made, key=lambda way: len(way.mistakes))


@dataclass(frozen=True)
class Walked:
    """One epoch on a way: where it ended, and the batches before and after their steps."""

    parameters: Parameters
    before: tuple[Point, ...]
    after: tuple[Point, ...]
    sizes: tuple[int, ...]


def walk(case: EpochCase, way: Way) -> list[Walked]:
    """What the way gives in a case, epoch by epoch."""
    gradients = EngineGradients(case.start)
    parameters = engine.parameters(case.start.network)
    held = tuple(np.zeros_like(array) for array in parameters)
    epochs = []
    for asked in case.batches:
        sizes = way.sizes(case.samples, asked or case.samples)
        if way.clearing == "epoch":
            held = tuple(np.zeros_like(array) for array in parameters)
        before, after = [], []
        for size in sizes:
            batch = case.first(size)
            (point,) = gradients(parameters, [batch])
            if way.clearing == "batch":
                held = point.gradients
            else:
                held = tuple(a + b for a, b in zip(held, point.gradients, strict=True))
            factor = way.factor(case.rate, size, case.samples)
            parameters = tuple(p + factor * g for p, g in zip(parameters, held, strict=True))
            before.append(point)
            after += gradients(parameters, [batch])
        epochs.append(Walked(parameters, tuple(before), tuple(after), tuple(sizes)))
    return epochs


# --- what is returned -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """The losses, or the accuracies, of one epoch's batches, from which something is returned.

    Attributes:
        before: of each batch before its step.
        after: of the same batch after it.
        sizes: of the batches.
        samples: in the whole set.
        count: the number of batches that there should be.
    """

    before: Sequence[float]
    after: Sequence[float]
    sizes: Sequence[int]
    samples: int
    count: int


def _means(values: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """Of the batches, and weighted by their sizes."""
    return [float(np.mean(values)), float(np.dot(values, sizes) / np.sum(sizes))]


def right_reports(told: Told) -> list[float]:
    """Means over the batches; with too few batches also their sum over the right number."""
    sums = [sum(told.before) / told.count] if len(told.before) < told.count else []
    return [*_means(told.before, told.sizes), *sums]


REPORTS: tuple[tuple[Mistake, Callable[[Told], list[float]]], ...] = (
    (SUMMED, lambda told: [sum(told.before), float(np.dot(told.before, told.sizes))]),
    (LOSS_AFTER_UPDATE, lambda told: _means(told.after, told.sizes)),
    (LAST_ONLY, lambda told: [told.before[-1], told.before[-1] / told.count]),
    (
        WRONG_NUMBER,
        lambda told: [sum(told.before) / told.samples, sum(told.before) / told.sizes[0]],
    ),
)
"""Wrong things to return: each gives the numbers that may come out."""
