"""A cluster of real processes on loopback, and a class for it."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 60


def _small_class():
    path = HERE.parent / "faults" / "small_class.py"
    spec = importlib.util.spec_from_file_location("deltarule_small_class", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


small_class = _small_class()


class Cluster:
    """A scheduler and workers, each a process of this test's.

    Args:
        folder: for their files, and for the temporary ones of theirs.
        security: options about TLS.
    """

    def __init__(self, folder, security=()):
        self.folder = folder
        self.security = security
        self.started = []
        file = folder / f"scheduler-{'tls' if security else 'tcp'}.json"
        protocol = ["--protocol", "tls"] if security else []
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--scheduler-file", file, *protocol
        )
        end = time.monotonic() + SECONDS
        while not file.is_file():
            assert self.scheduler.poll() is None, self.said()
            assert time.monotonic() < end
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]
        self.port = int(self.address.rpartition(":")[2])

    def _start(self, *arguments):
        command = [sys.executable, "-m", "dask", *map(str, arguments), *map(str, self.security)]
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--no-dashboard"],
                cwd=self.folder,
                env={**os.environ, "TMPDIR": str(self.folder)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def worker(self, nanny=False):
        """Start a worker; with a nanny that would start it again."""
        options = ["--nthreads", "1", "--nanny" if nanny else "--no-nanny"]
        return self._start("worker", self.address, *options)

    def said(self):
        return (self.folder / "log").read_text()

    def temporary_folders(self):
        """What of ours lies in the workers' folder for temporary files."""
        return sorted(path.name for path in self.folder.rglob("deltarule-*"))

    def end(self):
        for process in reversed(self.started):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Starts clusters; all end with the module."""
    pytest.importorskip("distributed", reason="no dask: pip install 'deltarule[cluster]'")
    running = []

    def start(security=(), folder=None):
        running.append(Cluster(folder or tmp_path_factory.mktemp("cluster"), security))
        return running[-1]

    yield start
    for cluster in running:
        cluster.end()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("grading needs Linux")
    return small_class.SmallClass.made(tmp_path_factory.mktemp("built") / "course")
