"""Pages with what attackers wrote for their readers, opened in a browser: nothing of it runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import nbconvert
import nbformat
import pytest
from nbgrader.api import Gradebook

from .attacked_class import SETTINGS, Graded
from .submissions.readers import MARK

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine"),
    pytest.mark.parametrize("graded", SETTINGS[:1], indirect=True, ids=str),
]

TOKEN = "letmein"
SECONDS = 120
ATTACKERS = ("script_in_an_answer", "script_in_outputs", "orders_in_exceptions")
RAN = re.compile(r"<html[^>]*\bdata-ran=")
LEADS = frozenset({"href", "src", "action", "data", "srcdoc"})
AWAY = re.compile(
    r"\s*(?:javascript:|data:text|https?://example|.*(?:evil\.html|path=submitted))", re.I
)


class Addresses(HTMLParser):
    """Addresses in a page that lead where only an attacker wants to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [one for name, one in attrs if name in LEADS and AWAY.match(one or "")]


def programs(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def page(address: str, profile: Path) -> str:
    """What a browser has made of a page when its scripts have run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    options += [f"--user-data-dir={profile}", "--dump-dom"]
    command = [str(BROWSER), *options, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert "</html>" in done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def formgrader(graded: Graded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running formgrader."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [programs("jupyter"), "server", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={graded.course.root}"]
    address = f"http://127.0.0.1:{port}/formgrader"
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=graded.course.root,
            env={**os.environ, "HOME": str(home)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + SECONDS
        while not answers(f"{address}/api/status?token={TOKEN}"):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.2)  # polling, with an end: the server tells nobody that it is there
        yield address
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=20):
            return True
    except (urllib.error.URLError, OSError):
        return False


def test_a_page_that_is_not_sanitised_runs_it(graded, tmp_path):
    """Or the tests below could not fail."""
    submitted = graded.course.submitted / "script_in_an_answer" / "bank" / "bank.ipynb"
    notebook = nbformat.read(submitted, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells  # some would end the renderer, or lead to another page
        if not any(word in cell.source for word in ("attachment:", "http-equiv"))
    ]
    shown, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    place = tmp_path / "page.html"
    place.write_text(shown, encoding="utf-8")
    made = page(place.as_uri(), tmp_path / "profile")
    assert RAN.search(made)
    assert Addresses(made).found
    assert MARK in made


@pytest.mark.parametrize("student", ATTACKERS)
def test_nothing_runs_in_formgrader(graded, formgrader, student, tmp_path):
    with Gradebook(f"sqlite:///{graded.course.gradebook}") as book:
        number = book.find_submission_notebook("bank", "bank", student).id
    made = page(f"{formgrader}/submissions/{number}/?token={TOKEN}", tmp_path / "profile")
    assert "steepest" in made
    assert not RAN.search(made)
    assert Addresses(made).found == []


@pytest.mark.parametrize("student", ATTACKERS[:2])
def test_nothing_runs_in_feedback(graded, student, tmp_path):
    command = [programs("nbgrader"), "generate_feedback", "bank", f"--student={student}"]
    subprocess.run(
        [*command, "--force"], cwd=graded.course.root, capture_output=True, timeout=600, check=True
    )
    place = graded.course.root / "feedback" / student / "bank" / "bank.html"
    made = page(place.as_uri(), tmp_path / "profile")
    assert "steepest" in made
    assert not RAN.search(made)
    assert Addresses(made).found == []
