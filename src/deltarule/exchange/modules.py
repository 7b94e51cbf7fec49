"""Torch modules and optimisers that a test makes and hands to a student's function.

They are made anew in the student's process from what they consist of: the name of a class of
torch's own, plain settings, and parameters, which both ends share (:mod:`.shared`). No class of
anybody else's, no hooks: what cannot be described completely is refused, and the test is run where
it needs no crossing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .subject import ExchangeError

__all__ = ["build_module", "build_optimiser", "describe_module", "describe_optimiser"]

Encode = Callable[[Any], Any]
PARTS = ("_parameters", "_buffers", "_modules")
RESERVED = "_non_persistent_buffers_set"


def _is_own(value: Any, library: Any) -> bool:
    return getattr(library, type(value).__name__, None) is type(value)


def describe_module(module: Any, encode: Encode) -> list[Any] | None:
    """A module of an exact class of ``torch.nn`` as plain data; None for any other object."""
    import torch

    if not isinstance(module, torch.nn.Module) or not _is_own(module, torch.nn):
        return None
    settings = {}
    for name, value in vars(module).items():
        if name in PARTS or name == RESERVED:
            continue
        if "hook" in name:
            if value:
                return None
            continue
        settings[name] = value
    pieces = [
        [[name, encode(value)] for name, value in vars(module)[part].items()] for part in PARTS
    ]
    return [type(module).__name__, encode(settings), *pieces]


def build_module(told: Any, decode: Encode) -> Any:
    """The module that was described.

    Raises:
        ExchangeError: the description is malformed.
    """
    import torch

    name, settings, *pieces = told
    kind = getattr(torch.nn, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise ExchangeError(f"malformed data: torch.nn has no module '{name}'")
    made: Any = object.__new__(kind)
    torch.nn.Module.__init__(made)
    vars(made).update(decode(settings))
    for part, entries in zip(PARTS, pieces, strict=True):
        vars(made)[part].update((str(key), decode(value)) for key, value in entries)
    return made


def describe_optimiser(optimiser: Any, encode: Encode) -> list[Any] | None:
    """A fresh optimiser of ``torch.optim`` as plain data; None for any other object."""
    import torch

    if not isinstance(optimiser, torch.optim.Optimizer) or not _is_own(optimiser, torch.optim):
        return None
    if optimiser.state:
        return None
    return [type(optimiser).__name__, encode(optimiser.defaults), encode(optimiser.param_groups)]


def build_optimiser(told: Any, decode: Encode) -> Any:
    """The optimiser that was described.

    Raises:
        ExchangeError: the description is malformed.
    """
    import torch

    name, defaults, groups = told
    kind = getattr(torch.optim, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
        raise ExchangeError(f"malformed data: torch.optim has no optimiser '{name}'")
    known = inspect.signature(kind).parameters
    options = {key: value for key, value in decode(defaults).items() if key in known}
    return kind(decode(groups), **options)
