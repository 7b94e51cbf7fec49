"""Secret inputs: networks and batches on which wrong code cannot look right by accident.

Every set has networks without, with one and with several hidden layers, a batch of one, widths that
differ from one another and from the batch size (so that a transposed matrix does not fit), and both
precisions. Weights are large enough for sigma' to differ clearly from 1 and small enough not to
saturate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule import engine
from deltarule.engine import Array

__all__ = ["NetworkCase", "network_cases", "rounded"]

DEPTHS = (0, 1, 2, 3, 4, 1, 2, 0)
BATCHES = (5, 1, 4, 6, 3, 7, 1, 2)
"""One batch size a case, paired with ``DEPTHS``."""

SCALE = 1.5
"""Typical size of a pre-activation."""


@dataclass(frozen=True)
class NetworkCase:
    """One network with one batch.

    Attributes:
        network: the reference.
        x: (samples, inputs).
        y: (samples, 1).
        dtype: the precision in which the student's code gets everything.
    """

    network: engine.Network
    x: Array
    y: Array
    dtype: str

    @property
    def hidden_sizes(self) -> list[int]:
        """Widths of the hidden layers."""
        return list(self.network.sizes[1:-1])

    @property
    def kind(self) -> str:
        """How deep the network is, in words; the groups in which credit is given."""
        depth = len(self.hidden_sizes)
        return ("no hidden layer", "one hidden layer")[depth] if depth < 2 else "several"

    def __str__(self) -> str:
        sizes = "-".join(str(size) for size in self.network.sizes)
        samples = "1 sample" if len(self.x) == 1 else f"{len(self.x)} samples"
        return f"network {sizes}, {samples}, {self.dtype}"


def network_cases(
    rng: np.random.Generator,
    hidden: engine.Activation = engine.TANH,
    output: engine.Activation = engine.SIGMOID,
    loss: engine.Loss = engine.MSE,
) -> list[NetworkCase]:
    """Draw a set of cases; the numbers differ every time, what they cover does not."""
    cases = []
    for number, (depth, samples) in enumerate(zip(DEPTHS, BATCHES, strict=True)):
        widths = [int(w) for w in rng.permutation(np.arange(2, 8))[: depth + 1]]
        sizes = (*widths, 1)
        network = engine.random_network(rng, sizes, hidden, output, loss, SCALE)
        dtype = "float64" if number % 2 else "float32"
        x = rng.normal(0.0, 1.0, (samples, sizes[0]))
        y = rng.uniform(0.05, 0.95, (samples, 1))
        cases.append(rounded(NetworkCase(network, x, y, dtype)))
    return cases


def rounded(case: NetworkCase) -> NetworkCase:
    """Round all numbers to the case's precision, so that reference and student start equal."""

    def cut(array: Array) -> Array:
        return array.astype(case.dtype).astype(np.float64)

    values = tuple(cut(array) for array in engine.parameters(case.network))
    network = engine.with_parameters(case.network, values)
    return NetworkCase(network, cut(case.x), cut(case.y), case.dtype)
