"""Mutants from the bank of misconceptions: the solution with another backward pass.

The class keeps its own ``forward``; ``backward`` is the engine's recursion with the changed steps,
and puts what comes out where the course's network keeps its gradients, in the network's precision::

    layers[i].linear.weight ──► engine.backward(…, steps) ──► layers[i].linear.weight_grad

Whether a class is such a network is found out by trying: with the right steps (``IDENTITY``) it has
to earn every point.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from deltarule import engine
from deltarule.authoring import Notebook
from deltarule.authoring.names import definitions
from deltarule.judging.misconceptions import GRADIENT_BANK
from deltarule.proving.mutants import Mutant

__all__ = ["IDENTITY", "backward_with", "bank_mutants", "networks_of"]

IDENTITY = "right"
METHODS = ("forward", "get_loss", "backward", "apply_gradients")


def networks_of(notebook: Notebook) -> Iterator[tuple[str, Any]]:
    """Classes of the notebook that look like lab 4's network, with the cells that define them."""
    for cell in notebook.cells:
        if cell.kind != "code" or not cell.homework:
            continue
        found = definitions(cell.solution)
        tasks = {region.task for region in cell.homework}
        for name in found:
            if f"{name}.backward" in tasks and all(f"{name}.{m}" in found for m in METHODS):
                yield name, cell


def bank_mutants(notebook: Notebook) -> list[Mutant]:
    """For every network of the notebook the right backward pass, then every wrong one."""
    made = []
    for network, cell in networks_of(notebook):
        original = "\n".join(line.text for line in cell.solution_lines)
        task = f"{network}.backward"
        line = next(region.line for region in cell.homework if region.task == task)
        chosen = [(IDENTITY, 0)]
        chosen += [(one.name, at) for one in GRADIENT_BANK for at in range(len(one.changes))]
        for name, at in chosen:
            text = (
                f"{original}\n\nfrom deltarule.proving.bank import backward_with\n"
                f"{task} = backward_with({name!r}, {at})"
            )
            digest = hashlib.sha256(f"{name} {at}".encode()).hexdigest()[:6]
            made.append(
                Mutant(
                    f"{task}:{name}:{digest}", task, "bank", cell.name, line, original, text, name
                )
            )
    return made


def backward_with(name: str, variant: int = 0) -> Callable[[Any, Any, Any], None]:
    """A ``backward(self, x, y)`` that makes the mistake of that name.

    Args:
        name: of a misconception, or ``IDENTITY``.
        variant: which of its changes.
    """
    steps = engine.STEPS
    if name != IDENTITY:
        steps = next(one for one in GRADIENT_BANK if one.name == name).changes[variant](steps)

    def backward(self: Any, x: Any, y: Any) -> None:
        self.forward(x)
        linears = [layer.linear for layer in self.layers]
        last = len(linears) - 1
        network = engine.Network(
            tuple(
                engine.Layer(
                    _numbers(linear.weight),
                    _numbers(linear.bias),
                    engine.SIGMOID if number == last else engine.TANH,
                )
                for number, linear in enumerate(linears)
            ),
            engine.MSE,
        )
        trace = engine.forward(network, _numbers(x))
        target = _numbers(y).reshape(trace.y_hat.shape)
        gradients = engine.backward(network, trace, target, steps)
        for linear, weight, bias in zip(linears, gradients.weight, gradients.bias, strict=True):
            linear.weight_grad = linear.weight.new_tensor(weight)
            linear.bias_grad = linear.bias.new_tensor(bias)

    return backward


def _numbers(tensor: Any) -> engine.Array:
    return np.asarray(tensor.detach().double(), np.float64)
