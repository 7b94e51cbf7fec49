"""Which parts of the machine's file system a child sees, read-only, in either tier."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from .settings import Settings

__all__ = ["DEVICES", "inside", "readable_trees", "secrets_inside", "system_files"]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
DEVICES = ("null", "zero", "full", "random", "urandom")
FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/magic",
)


def inside(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or stands below it; both absolute."""
    return Path(path).is_relative_to(folder)


def readable_trees(settings: Settings) -> list[str]:
    """Folders with programs and libraries; none stands inside another.

    The interpreter's own folder, that of the environment, the students' packages, and the system's
    programs. A path that leads over a link is there under both names.
    """
    environment = sys.prefix if Path(sys.prefix, "pyvenv.cfg").exists() else _environment()
    wanted = [*SYSTEM, sys.base_prefix, environment, *settings.packages, *settings.readable]
    names = [os.path.realpath(one) for one in wanted if one]
    names += [str(Path(one).absolute()) for one in wanted if one and one not in SYSTEM]
    return list(_outermost(name for name in names if Path(name).is_dir() and name != os.sep))


def _environment() -> str:
    """The virtual environment of the running interpreter, which ``-S`` keeps from being found."""
    folder = Path(sys.executable).parent.parent
    return str(folder) if (folder / "pyvenv.cfg").exists() else sys.prefix


def _outermost(names: Iterable[str]) -> Iterator[str]:
    kept: list[str] = []
    for name in sorted(set(names), key=len):
        if not any(inside(name, one) for one in kept):
            kept.append(name)
            yield name


def system_files() -> list[str]:
    """Files of the system that programs read, as far as they exist."""
    return [name for name in FILES if Path(name).exists()]


def secrets_inside(settings: Settings, tree: str) -> list[str]:
    """The secrets that stand inside a readable tree, outermost first."""
    found = [os.path.realpath(one) for one in settings.secrets]
    return list(_outermost(one for one in found if inside(one, tree)))
