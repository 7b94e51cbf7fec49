"""Student and grader in two processes, without a sandbox: what is tried here is the exchange."""

import os
import signal
import socket
import warnings
from contextlib import contextmanager

import pytest
import torch

from deltarule.exchange.objects import serve
from deltarule.grading.remote.bench import Bench, Cell
from deltarule.grading.remote.names import Imports
from deltarule.grading.sandbox.channel import Gone, Silent

torch.set_num_threads(1)
IMPORTS = (
    "import torch",
    "import numpy as np",
    "import pandas as pd",
    "import random",
    "from torch import nn",
    "from numpy.testing import assert_allclose",
)


class SocketPipe:
    """A blocking socket as a pipe."""

    def __init__(self, own):
        self.own = own

    def write(self, data, seconds):
        self.own.settimeout(max(seconds, 0.001))
        try:
            self.own.sendall(data)
        except TimeoutError:
            raise Silent from None
        except OSError as error:
            raise Gone(str(error)) from None

    def exactly(self, size, seconds):
        self.own.settimeout(max(seconds, 0.001))
        data = bytearray()
        try:
            while len(data) < size:
                more = self.own.recv(size - len(data))
                if not more:
                    raise Gone("it has hung up")
                data += more
        except TimeoutError:
            raise Silent from None
        except OSError as error:
            raise Gone(str(error)) from None
        return bytes(data)


@contextmanager
def forked(student, serving=serve):
    """A process that has run the student's code and serves its names."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):
                os.dup2(quiet, stream)
            warnings.simplefilter("ignore")
            namespace = {"__name__": "__main__"}
            exec("\n".join(IMPORTS) + "\n" + student, namespace)
            serving(theirs, namespace)
        finally:
            os._exit(0)
    theirs.close()
    try:
        yield SocketPipe(ours)
    finally:
        ours.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def judge(student, test, points=2.0, seconds=60.0, serving=serve):
    """The result of one test cell against one student's code."""
    bench = Bench(Imports(IMPORTS), seed=1, test_seconds=seconds)
    with forked(student, serving) as pipe:
        return bench.judge(Cell("nb", "t", test, points), pipe)


@pytest.fixture
def judged():
    return judge


@pytest.fixture(name="forked")
def forked_process():
    return forked


@pytest.fixture
def bench():
    return Bench(Imports(IMPORTS), seed=1)


@pytest.fixture
def in_kernel():
    """Student and test in one process, as under plain nbgrader."""

    def run(student, test):
        namespace = {"__name__": "__main__"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec("\n".join([*IMPORTS, student, test]), namespace)

    return run
