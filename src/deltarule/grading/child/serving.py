"""Which function answers a test in a fork: that of the exchange, or that of a file.

Both are loaded by path, before the first child is made: children cannot read the grader's files.
"""

from __future__ import annotations

import importlib
import importlib.util
import socket
from pathlib import Path
from typing import Any

from .__main__ import load_package
from .settings import Serve, Settings

__all__ = ["EXCHANGE", "load_serving"]

EXCHANGE = "deltarule_exchange"
"""The name under which the folder of the exchange is a package in the child."""


def load_serving(settings: Settings) -> Serve:
    """Load what answers tests in forks.

    Args:
        settings: ``serving`` names a file, which goes first; ``exchange`` the folder.

    Raises:
        ImportError: it cannot be loaded.
    """
    found: Serve = _hang_up
    if settings.exchange:
        load_package(EXCHANGE, Path(settings.exchange))
        found = importlib.import_module(f"{EXCHANGE}.objects").serve
    if settings.serving:
        found = _from_file(Path(settings.serving))
    return found


def _from_file(path: Path) -> Serve:
    spec = importlib.util.spec_from_file_location(f"{__package__}.given", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Serve = module.serve
    return found


def _hang_up(channel: socket.socket, namespace: dict[str, Any]) -> None:
    """Where nothing is named, nothing is answered."""
