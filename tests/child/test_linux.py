"""What the sandbox asks of the system where Python has no function for it."""

import os
import sys

import pytest

from deltarule.grading.child import linux

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")


def test_a_fork_waits_for_room_that_somebody_else_has_taken(monkeypatch):
    no_room = BlockingIOError(11, "Resource temporarily unavailable")
    answers = [no_room, no_room, 4711]

    def fork():
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(os, "fork", fork)
    assert linux.patient_fork() == 4711
    assert not answers


def test_a_fork_does_not_wait_for_ever(monkeypatch):
    def fork():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(linux, "FORK_SECONDS", 0.05)
    with pytest.raises(BlockingIOError):
        linux.patient_fork()
