"""A running Jupyter server: an instructor breaks a source, mends it, and presses Generate."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOKEN = "letmein"
START_SECONDS = 60


class Formgrader:
    """The parts of formgrader's web interface that its buttons use."""

    def __init__(self, process, port, log):
        self.process, self.port, self.log = process, port, log

    @property
    def page(self):
        return f"http://127.0.0.1:{self.port}/formgrader/manage_assignments?token={TOKEN}"

    def ask(self, path, method="GET"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/formgrader/api/{path}",
            method=method,
            headers={"Authorization": f"token {TOKEN}"},
            data=b"" if method == "POST" else None,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def generate(self, assignment):
        answer = self.ask(f"assignment/{assignment}/assign", "POST")
        assert self.process.poll() is None, "the server has ended"
        return answer

    def names(self):
        return {assignment["name"] for assignment in self.ask("assignments")}

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return self.ask("status")
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)  # polling, with an end: the server tells nobody that it is there
        raise AssertionError(f"no server after {START_SECONDS} s:\n{self.log.read_text()}")


@pytest.fixture
def start(tmp_path):
    """Start servers; each is stopped by its own process id."""
    started = []

    def start(root: Path) -> Formgrader:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        log = tmp_path / "server.log"
        command = [
            str(Path(sys.executable).parent / "jupyter"),
            "server",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={root}",
        ]
        home = tmp_path / "home"
        home.mkdir()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=root,
                env={**os.environ, "HOME": str(home)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        server = Formgrader(process, port, log)
        server.wait()
        return server

    try:
        yield start
    finally:
        for process in started:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=20)


def test_a_source_is_broken_and_mended_while_the_server_runs(toy, start):
    formgrader = start(toy.root)
    assert formgrader.names() == {"toy", "other"}
    assert formgrader.generate("toy")["success"]
    before = toy.files("release")
    assert "release/toy/toy.ipynb" in before

    toy.break_source()
    answer = formgrader.generate("toy")
    assert not answer["success"]
    where = f"source/toy/toy.md:{toy.broken_line}: 'points=two' is not a number of points"
    assert where in answer["log"]
    assert "The release is as it was." in answer["log"]
    assert toy.files("release") == before
    assert formgrader.names() == {"toy", "other"}
    assert formgrader.generate("other")["success"]
    assert toy.files("release/toy") == before

    toy.mend_source()
    toy.edit("doubles a number", "doubles any number")
    assert formgrader.generate("toy")["success"]
    assert b"any number" in toy.files("release")["release/toy/toy.ipynb"]


def test_a_server_starts_with_a_broken_source_and_lists_it(toy, start):
    toy.break_source()
    formgrader = start(toy.root)
    assert formgrader.names() == {"toy", "other"}
    assert "points=two" in formgrader.generate("toy")["log"]
    assert not toy.course.release.exists()


def test_a_server_lives_through_a_damaged_build_folder(toy, start):
    (toy.root / "build").write_text("in the way")
    formgrader = start(toy.root)
    assert not formgrader.generate("toy")["success"]
    (toy.root / "build").unlink()
    assert formgrader.generate("toy")["success"]


def test_a_renamed_test_is_refused_when_submissions_are_graded(graded, start):
    rows, before = graded.gradebook_rows(), graded.files("release")
    formgrader = start(graded.root)
    graded.edit("#!TAG TEST double points=2", "#!TAG TEST doubling points=2")
    answer = formgrader.generate("toy")
    assert not answer["success"]
    for cell in ("toy: 'double' is gone", "toy: 'doubling' is new"):
        assert cell in answer["log"]
    assert graded.files("release") == before
    assert graded.gradebook_rows() == rows
