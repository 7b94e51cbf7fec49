"""What a fork does for a test, unless the grader names another file: it answers names and reprs."""

from __future__ import annotations

import socket
from typing import Any

from . import frames

__all__ = ["serve"]

LONGEST = 10_000


def serve(channel: socket.socket, namespace: dict[str, Any]) -> None:
    """Answer ``{"names": true}`` and ``{"repr": name}`` until the grader hangs up."""
    while True:
        request, _ = frames.receive(channel)
        if request.get("names"):
            answer: dict[str, Any] = {"names": sorted(map(str, list(namespace)))}
        elif request.get("repr") in namespace:
            answer = {"repr": repr(namespace[request["repr"]])[:LONGEST]}
        else:
            answer = {"error": "there is no such name"}
        frames.answer(channel, request, answer)
