"""The grader's end of a channel to a process that may lie, stall or die.

Every wait has a deadline, every length a limit. Whatever does not look like a message is the end
of that process, never an error of the grader: see :class:`Gone`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from deltarule.grading.child import frames

__all__ = ["LONGEST", "Channel", "Gone", "Silent"]

LONGEST = 1 << 20
"""Bytes of the longest message that is accepted; outputs do not come this way."""

TICK = 0.1
"""Seconds between two looks at what a process uses while it is waited for."""

LEAST_READ, MOST_READ = 1 << 14, 1 << 20
"""Bytes that are asked for at once, at the least and at the most."""

Watch = Callable[[], None]
"""Looks at what a process uses; raises where it is too much."""

CREDENTIALS = struct.Struct("3i")


class Gone(Exception):
    """The process has ended, hung up, or sent what is no message."""


class Silent(Exception):
    """Nothing came before the deadline."""


class Channel:
    """Messages to and from one process.

    Attributes:
        sender: process id of who sent the last message, as the kernel says, or 0.
    """

    def __init__(self, own: socket.socket) -> None:
        own.setblocking(False)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.own = own
        self.sender = 0
        self._unread = bytearray()
        self._number = 0
        self._next_look = time.monotonic() + TICK

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """A channel, and the end that goes to the other process."""
        ours, theirs = socket.socketpair()
        return cls(ours), theirs

    def send(self, record: dict[str, Any], seconds: float, descriptors: Sequence[int] = ()) -> None:
        """Send one message, with open files.

        Raises:
            Gone: the process is not there any more.
            Silent: it does not read what it is sent.
        """
        self._send(frames.packed(record), time.monotonic() + seconds, descriptors, None)

    def write(self, data: bytes, seconds: float, watch: Watch | None = None) -> None:
        """Send bytes of a protocol that is not this one's.

        Args:
            data: all of it is sent, or an exception says that it was not.
            seconds: how long that may take.
            watch: called every now and then while waiting; may raise.

        Raises:
            Gone: the process is not there any more.
            Silent: it does not read what it is sent.
        """
        self._send(data, time.monotonic() + seconds, (), watch)

    def exactly(self, size: int, seconds: float, watch: Watch | None = None) -> bytes:
        """Wait for so many bytes of a protocol that is not this one's, which limits ``size``.

        What has come before an exception is kept for the next call.

        Args:
            size: how many.
            seconds: how long.
            watch: called every now and then while waiting; may raise.

        Raises:
            Gone: the process is not there any more.
            Silent: they did not all come in time.
        """
        self._fill(size, time.monotonic() + seconds, watch)
        return self._taken(size)

    def _send(
        self, content: bytes, end: float, descriptors: Sequence[int], watch: Watch | None
    ) -> None:
        self._require_open()
        data = memoryview(content)
        while data:
            try:
                if descriptors:
                    sent = socket.send_fds(self.own, [data], list(descriptors))
                    descriptors = ()
                else:
                    sent = self.own.send(data)
            except BlockingIOError:
                self._wait(select.POLLOUT, end, watch)
            except OSError as error:
                raise Gone(str(error)) from None
            else:
                data = data[sent:]

    def receive(self, seconds: float, watch: Watch | None = None) -> dict[str, Any]:
        """Wait for one message.

        Args:
            seconds: how long.
            watch: called every now and then while waiting; may raise.

        Raises:
            Gone: the process is not there any more, or what it sent is no message.
            Silent: nothing came in time.
        """
        end = time.monotonic() + seconds
        head = frames.LENGTH.size
        self._fill(head, end, watch)
        (length,) = frames.LENGTH.unpack(self._unread[:head])
        if length > LONGEST:
            raise Gone(f"a message of {length} bytes was announced; {LONGEST} are allowed")
        self._fill(head + length, end, watch)  # only then is any of it taken
        try:
            record = json.loads(self._taken(head + length)[head:])
        except (ValueError, RecursionError):
            raise Gone("what it sent is no message") from None
        if not isinstance(record, dict):
            raise Gone("what it sent is no message")
        return record

    def ask(
        self,
        record: dict[str, Any],
        seconds: float,
        descriptors: Sequence[int] = (),
        watch: Watch | None = None,
    ) -> dict[str, Any]:
        """Send a message and wait for its answer; see :meth:`post` and :meth:`answer`.

        Raises:
            Gone: the process is not there any more, or what it sent is no message.
            Silent: nothing came in time.
        """
        end = time.monotonic() + seconds
        number = self.post(record, seconds, descriptors)
        return self.answer(number, max(0.0, end - time.monotonic()), watch)

    def post(self, record: dict[str, Any], seconds: float, descriptors: Sequence[int] = ()) -> int:
        """Send a message with a number, which its answers will carry."""
        self._number += 1
        self._next_look = time.monotonic() + TICK
        self.send({**record, "number": self._number}, seconds, descriptors)
        return self._number

    def answer(self, number: int, seconds: float, watch: Watch | None = None) -> dict[str, Any]:
        """Wait for an answer to the message of that number; late answers to others are dropped."""
        end = time.monotonic() + seconds
        while True:
            answer = self.receive(max(0.0, end - time.monotonic()), watch)
            if answer.pop("number", None) == number:
                return answer

    def wait(self, seconds: float, watch: Watch | None = None) -> None:
        """Wait until there is something to read, for those who read the socket themselves."""
        if not self._unread:
            self._wait(select.POLLIN, time.monotonic() + seconds, watch)

    def _fill(self, size: int, end: float, watch: Watch | None) -> None:
        """Read on until at least so many bytes are there."""
        while len(self._unread) < size:
            self._wait(select.POLLIN, end, watch)
            with contextlib.suppress(BlockingIOError):
                self._read(size - len(self._unread))

    def _taken(self, size: int) -> bytes:
        with memoryview(self._unread) as view:
            data = bytes(view[:size])
        del self._unread[:size]
        return data

    def _read(self, missing: int) -> None:
        most = min(max(missing, LEAST_READ), MOST_READ)
        try:
            room = socket.CMSG_SPACE(CREDENTIALS.size)
            data, extra, _, _ = self.own.recvmsg(most, room, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
            raise Gone(str(error)) from None
        for level, kind, content in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                self.sender = CREDENTIALS.unpack(content[: CREDENTIALS.size])[0]
            elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                _close_all(content)  # nobody was asked for open files
        if not data:
            raise Gone("it has hung up")
        self._unread += data

    def _wait(self, event: int, end: float, watch: Watch | None) -> None:
        """Wait until the socket is ready; look from time to time, however much comes."""
        self._require_open()
        poll = select.poll()
        poll.register(self.own, event)
        while True:
            now = time.monotonic()
            if now >= end:
                raise Silent("there was no answer in time")
            if watch is not None and now >= self._next_look:
                watch()
                self._next_look = time.monotonic() + TICK
            wake = end if watch is None else min(end, self._next_look)
            if poll.poll(1000 * max(0.0, wake - time.monotonic())):
                return

    def _require_open(self) -> None:
        if self.own.fileno() < 0:
            raise Gone("the channel is closed")

    def close(self) -> None:
        """Hang up."""
        self.own.close()


def _close_all(content: bytes) -> None:
    for (descriptor,) in struct.iter_unpack("i", content[: len(content) // 4 * 4]):
        with contextlib.suppress(OSError):
            os.close(descriptor)
