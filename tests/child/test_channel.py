"""A channel keeps its deadlines, its place in the stream and its calm, whatever comes."""

import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from deltarule.grading.child import frames
from deltarule.grading.sandbox.channel import LONGEST, TICK, Channel, Gone, Silent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="credentials are Linux's")


@pytest.fixture
def ends():
    channel, other = Channel.pair()
    with other:
        yield channel, other
    channel.close()


def test_bytes_come_as_many_as_asked_for(ends):
    channel, other = ends
    other.sendall(b"abcdefg")
    assert (channel.exactly(3, 5), channel.exactly(4, 5), channel.exactly(0, 5)) == (
        b"abc",
        b"defg",
        b"",
    )


def test_more_bytes_than_a_socket_holds_pass_both_ways(ends):
    channel, other = ends
    data = os.urandom(1 << 22)

    def echo():
        left = len(data)
        while left:
            piece = other.recv(1 << 16)
            left -= len(piece)
            received.append(piece)
        other.sendall(b"".join(received))

    received = []
    with other:
        aside = threading.Thread(target=echo)
        aside.start()
        channel.write(data, 20)
        assert channel.exactly(len(data), 20) == data
        aside.join()


def test_what_came_before_a_deadline_is_not_lost(ends):
    channel, other = ends
    other.sendall(b"ab")
    with pytest.raises(Silent):
        channel.exactly(4, 0.02)
    other.sendall(b"cd")
    assert channel.exactly(4, 5) == b"abcd"


def test_half_a_message_is_taken_up_again_after_a_deadline(ends):
    channel, other = ends
    message = frames.packed({"a": 1})
    other.sendall(message[:7])
    with pytest.raises(Silent, match="in time"):
        channel.receive(0.02)
    other.sendall(message[7:])
    assert channel.receive(5) == {"a": 1}


def test_a_reader_that_does_not_read_meets_the_deadline(ends):
    channel, _ = ends
    began = time.monotonic()
    with pytest.raises(Silent):
        channel.write(bytes(1 << 24), 0.05)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("direction", ["write", "exactly"])
def test_somebody_watches_while_bytes_are_waited_for(ends, direction):
    class Enough(Exception):
        pass

    def watch():
        raise Enough

    channel, _ = ends
    wanted = {"write": bytes(1 << 24), "exactly": 1}[direction]
    with pytest.raises(Enough):
        getattr(channel, direction)(wanted, 100 * TICK, watch)


def test_it_is_watched_too_when_many_answers_come_quickly(ends):
    channel, other = ends
    began, looks = time.monotonic(), []
    while len(looks) < 4:
        other.sendall(b"x" * 64)
        channel.exactly(64, 5, lambda: looks.append(1))
    assert time.monotonic() - began > 3 * TICK


@pytest.mark.parametrize("what", [lambda c: c.exactly(1, 5), lambda c: c.write(b"x", 5)])
def test_the_other_side_s_end_is_told(ends, what):
    channel, other = ends
    other.close()
    with pytest.raises(Gone):
        what(channel)


@pytest.mark.parametrize("what", [lambda c: c.exactly(1, 5), lambda c: c.write(b"x", 5)])
def test_a_closed_channel_is_told(ends, what):
    channel, _ = ends
    channel.close()
    with pytest.raises(Gone, match="closed"):
        what(channel)


def test_a_long_message_is_refused_before_it_is_read(ends):
    channel, other = ends
    other.sendall(frames.LENGTH.pack(LONGEST + 1))
    with pytest.raises(Gone, match="announced"):
        channel.receive(5)


def test_open_files_that_are_sent_are_closed_and_the_sender_is_known(ends):
    channel, other = ends
    other.sendall(frames.packed({"a": 1}))
    channel.receive(5)
    assert channel.sender == os.getpid()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Path(os.devnull).open() as file:
        socket.send_fds(other, [frames.packed({"b": 2})], [file.fileno()] * 20)
        assert channel.receive(5) == {"b": 2}
    assert len(list(Path("/proc/self/fd").iterdir())) == before
