"""Whether cells have left something in files, which a second run of them might trip over.

Only such cells need a spare at once: what others have done is done again when they are run again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

__all__ = ["Leftovers"]

SHARED = "/dev/shm"
MOST_ENTRIES = 300

Picture = frozenset[tuple[str, int, int]]


class Leftovers:
    """Compares the files of some folders with what they were.

    Args:
        folders: where cells write, as a rule: the work folder, the home, the temporary one.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self.folders = (*folders, SHARED)
        self.before = self._picture()

    def forget(self) -> None:
        """Compare with what is there now."""
        self.before = self._picture()

    def found(self) -> bool:
        """Whether a file is new, gone or changed; also where there are too many to tell."""
        return self.before is None or self._picture() != self.before

    def _picture(self) -> Picture | None:
        """Names, sizes and times; None where there are too many files."""
        seen: list[tuple[str, int, int]] = []
        waiting = list(self.folders)
        while waiting:
            with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    seen.append((entry.path, status.st_size, status.st_mtime_ns))
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    if len(seen) > MOST_ENTRIES:
                        return None
        return frozenset(seen)
