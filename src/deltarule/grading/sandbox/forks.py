"""A copy of a submission's process for one test, as the grader sees it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any

from deltarule.grading.child import processes
from deltarule.grading.sandbox.cell_outcomes import Over
from deltarule.grading.sandbox.channel import Channel, Gone

__all__ = ["Fork", "opened"]


class Fork:
    """A copy of a submission's process that serves one test and is thrown away.

    Args:
        channel: on which the copy has said that it is ready.
        family: the processes of the submission.
        watch: sees whether they take more than they may.

    Raises:
        Gone: who said so is not one of them.

    Attributes:
        channel: messages of JSON to and from the copy.
        pid: its process id.
    """

    def __init__(
        self, channel: Channel, family: processes.Family, watch: Callable[[], None]
    ) -> None:
        self.channel = channel
        self.pid = channel.sender
        self._family = family
        self._watching = watch
        self._handle = opened(family, self.pid)

    def __enter__(self) -> Fork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, record: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a message and wait for the answer.

        Raises:
            Gone: the copy has ended, takes more than it may, or says what is no message.
            Silent: it takes longer than ``seconds``.
        """
        return self.channel.ask(record, seconds, watch=self._watch)

    def write(self, data: bytes, seconds: float) -> None:
        """Send bytes of another protocol.

        Raises:
            Gone: the copy has ended, or takes more than it may.
            Silent: it does not read them.
        """
        self.channel.write(data, seconds, self._watch)

    def exactly(self, size: int, seconds: float) -> bytes:
        """Wait for so many bytes of another protocol.

        Raises:
            Gone: the copy has ended, or takes more than it may.
            Silent: they do not all come in time.
        """
        return self.channel.exactly(size, seconds, self._watch)

    def wait(self, seconds: float) -> None:
        """Wait for something to read, for those who read ``channel.own`` themselves.

        Raises:
            Gone: the copy takes more than it may.
            Silent: nothing came.
        """
        self.channel.wait(seconds, self._watch)

    def _watch(self) -> None:
        try:
            self._watching()
        except Over as over:
            self._kill()
            raise Gone(over.message) from None

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if self._family.below(self.pid):
                signal.pidfd_send_signal(self._handle, signal.SIGSTOP)
                processes.sweep(self.pid, keep=())
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self) -> None:
        """End the copy and what it has started."""
        if self._handle >= 0:
            self._kill()
            os.close(self._handle)
            self._handle = -1
        self.channel.close()


def opened(family: processes.Family, pid: int) -> int:
    """A handle of a process of the submission.

    The number comes with a message; who sent it may have ended since, and the number may be that
    of a stranger now, whom nobody may end.

    Raises:
        Gone: there is no such process any more.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError as error:
        raise Gone(f"process {pid} has ended: {error.strerror}") from None
    if pid not in family.look():  # asked with the handle open: the number is not given away
        os.close(handle)
        raise Gone(f"process {pid} has ended")
    return handle
