"""``deltarule build --watch``: look at the sources, compile what was saved, tell the browsers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from deltarule.authoring.preview.shown import Preview, Shown
from deltarule.config import Course
from deltarule.errors import MachineryError

__all__ = ["Save", "watch"]

Save = Shown
"""What a save has come to."""

QUIET_MS = 30
"""Editors write a file in several steps; what follows within this time belongs to the same save."""

LOOK_ANYWAY_MS = 1000
"""Where the system reports no changes (network drives), files are compared this often."""


def watch(
    course: Course,
    assignments: Sequence[str],
    *,
    started: Callable[[str], None],
    saved: Callable[[Save], None],
) -> None:
    """Serve the preview until Ctrl-C.

    Args:
        course: the course.
        assignments: the assignments to watch; all, and those to come, if there are none.
        started: called once, with the address of the page, when it can be opened.
        saved: called for each notebook that was compiled, at the beginning and after each save.

    Raises:
        MachineryError: no port, no pandoc, or no folder to watch.
        KeyboardInterrupt: the author has stopped it.
    """
    asyncio.run(_watch(Preview(course, assignments), started, saved))


async def _watch(
    preview: Preview, started: Callable[[str], None], saved: Callable[[Save], None]
) -> None:
    from watchfiles import awatch

    from deltarule.authoring.preview.server import Site

    site = Site(preview)
    site.start()

    async def refresh() -> None:
        changed = await asyncio.to_thread(preview.refresh)
        site.publish(changed)
        for one in changed:
            saved(one)

    try:
        await refresh()
        started(site.address)
        changes = awatch(
            preview.course.source,
            watch_filter=None,  # Course knows what is an author's file
            step=QUIET_MS,
            rust_timeout=LOOK_ANYWAY_MS,
            yield_on_timeout=True,
        )
        async for _ in changes:
            await refresh()
    except OSError as error:
        raise MachineryError(f"{preview.course.source} cannot be watched: {error}") from error
    finally:
        await site.stop()
