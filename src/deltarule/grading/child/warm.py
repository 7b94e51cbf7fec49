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
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from . import linux

__all__ = ["freeze", "seed_generators", "threads", "warm_up"]

LARGE_PAGE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")


def threads() -> int:
    """How many threads this process has."""
    return len(list(Path("/proc/self/task").iterdir()))


def warm_up(modules: Collection[str]) -> list[str]:
    """Import modules and warm their slow parts; those that could not be imported are returned.

    Optimisers of torch are warmed only where ``torch.optim`` is named: they import a compiler, of
    which every fork would carry 70 MB along.
    """
    missing = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            try:
                import_module(name)
            except ImportError:
                missing.append(name)
        if "torch" in sys.modules:
            _torch(optimisers="torch.optim" in modules)
        seed_generators(0)  # a first time takes 10 ms
        if "matplotlib" in sys.modules:
            _matplotlib()
    return missing


def freeze() -> None:
    """Make what is loaded cheap to share: nothing touches it, and it lies in few large pages.

    A fork copies the table of pages and its end takes it down again. For 300 MB in pages of 4 KB
    that takes 6 ms and another 6 ms; in pages of 2 MB a third and next to nothing.
    """
    tempfile.tempdir = None
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, ValueError):  # no such pages here
        _use_large_pages(int(LARGE_PAGE.read_text()))


def _use_large_pages(size: int) -> None:
    """Put the memory that is not a file's into large pages; one that is written splits again."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        places, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        start, end = (int(place, 16) for place in places.split("-"))
        for place in range(-(-start // size) * size, end - size + 1, size):
            with contextlib.suppress(OSError):  # for instance, because most of it is unused
                linux.collapse(place, size)


def _torch(*, optimisers: bool) -> None:
    """One thread, a first backward pass, first steps of optimisers where they are wanted."""
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):  # once only, and only before parallel work
        torch.set_num_interop_threads(1)
    layer = torch.nn.Linear(2, 2)
    torch.nn.functional.mse_loss(layer(torch.ones(2, 2)), torch.ones(2, 2)).backward()
    if optimisers:
        for kind in (torch.optim.SGD, torch.optim.Adam):
            kind(layer.parameters(), lr=0.1).step()


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
        sys.modules["torch"].default_generator.manual_seed(seed)  # without a look for devices
