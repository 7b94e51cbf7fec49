"""A torch model of the test's own, and how a model's linear layers get their parameters."""

from __future__ import annotations

from collections.abc import Sequence

from deltarule.exchange.subject import Program, Result
from deltarule.judging.cases import NetworkCase

__all__ = ["pack_sequential", "set_layers"]

MODULES = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def pack_sequential(program: Program, case: NetworkCase) -> Result:
    """The network as a ``torch.nn.Sequential`` from (samples, inputs) to (samples,).

    Its linear layers also stand in ``layers``, as in a model of the course's own class.
    """
    linear = program.library("torch.nn.Linear")
    layers, modules = [], []
    for layer in case.network.layers:
        layers.append(program.call(linear, *layer.weight.shape))
        kind = program.library(f"torch.nn.{MODULES[layer.activation.name]}")
        modules += [layers[-1], program.call(kind)]
    modules.append(program.call(program.library("torch.nn.Flatten"), 0))
    model = program.call(program.library("torch.nn.Sequential"), *modules)
    set_layers(program, case, layers, model)
    program.set(model, "layers", program.pack(layers))
    return model


def set_layers(
    program: Program, case: NetworkCase, modules: Sequence[Result], model: Result
) -> None:
    """Give a model's linear layers the parameters of a case, in its precision."""
    precision = "double" if case.dtype == "float64" else "float"
    program.call_method(model, precision)
    for found, layer in zip(modules, case.network.layers, strict=True):
        program.call_method(found, precision)
        for name, array in (("weight", layer.weight.T), ("bias", layer.bias)):
            value = program.tensor(array, case.dtype)
            program.call_method(program.get(found, f"{name}.data"), "copy_", value)
