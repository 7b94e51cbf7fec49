"""Messages between grader and child: a length, then JSON; file descriptors ride along.

Both sides use this file, the grader with limits and deadlines of its own (:mod:`deltarule.grading.
channel`). Descriptors travel from the grader to the child only, never back.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any

__all__ = ["LENGTH", "MOST_DESCRIPTORS", "answer", "packed", "receive", "send"]

LENGTH = struct.Struct(">I")
"""Four bytes, big-endian: how many bytes of JSON follow."""

MOST_DESCRIPTORS = 8
LONGEST = 64 * 2**20
"""Bytes of JSON that a child accepts from the grader."""


def packed(record: dict[str, Any]) -> bytes:
    """A message as bytes."""
    body = json.dumps(record).encode()
    return LENGTH.pack(len(body)) + body


def send(channel: socket.socket, record: dict[str, Any]) -> None:
    """Send one message."""
    channel.sendall(packed(record))


def answer(channel: socket.socket, request: dict[str, Any], record: dict[str, Any]) -> None:
    """Send the answer to a request; it carries the request's number."""
    send(channel, {**record, "number": request.get("number")})


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Wait for one message, and the descriptors that came with it.

    Raises:
        EOFError: the other side has hung up.
        ValueError: the message is longer than allowed.
    """
    head, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, MOST_DESCRIPTORS)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    while len(head) < LENGTH.size:
        head += _some(channel, LENGTH.size - len(head))
    (length,) = LENGTH.unpack(head)
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes is too long")
    body = bytearray()
    while len(body) < length:
        body += _some(channel, min(length - len(body), 1 << 20))
    return json.loads(body), descriptors


def _some(channel: socket.socket, size: int) -> bytes:
    data = channel.recv(size)
    if not data:
        raise EOFError("the other side hung up")
    return data
