"""Import what notebooks use, once, on one thread, and take the slow first steps of each library.

A child that is forked afterwards starts in milliseconds, and no operation of a library waits for
threads that a fork does not copy.
"""

from __future__ import annotations

import contextlib
import gc
import io
import random
import sys
import tempfile
import warnings
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

__all__ = ["seed_generators", "threads", "warm_up"]


def threads() -> int:
    """How many threads this process has."""
    return len(list(Path("/proc/self/task").iterdir()))


def warm_up(modules: Iterable[str]) -> list[str]:
    """Import modules and warm their slow parts; those that could not be imported are returned."""
    missing = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            try:
                import_module(name)
            except ImportError:
                missing.append(name)
        if "torch" in sys.modules:
            _torch()
        if "matplotlib" in sys.modules:
            _matplotlib()
    tempfile.tempdir = None
    gc.collect()
    gc.freeze()
    return missing


def _torch() -> None:
    """One thread, a first backward pass, first optimisers (these import a compiler: 0.8 s)."""
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):  # once only, and only before parallel work
        torch.set_num_interop_threads(1)
    for kind in (torch.optim.SGD, torch.optim.Adam):
        layer = torch.nn.Linear(2, 2)
        optimiser = kind(layer.parameters(), lr=0.1)
        torch.nn.functional.mse_loss(layer(torch.ones(2, 2)), torch.ones(2, 2)).backward()
        optimiser.step()


def _matplotlib() -> None:
    """A first figure: fonts and the backend are found once."""
    import matplotlib.pyplot as plt

    figure = plt.figure()
    figure.add_subplot().plot([1, 2], label="x")
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    plt.close(figure)
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None:  # nothing is waiting to be drawn
        inline.show._to_draw, inline.show._draw_called = [], False


def seed_generators(seed: int) -> None:
    """Seed the generators of the libraries that are loaded."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
