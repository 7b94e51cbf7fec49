"""One course, one server and one browser for all tests of this folder.

Chromium is the one that is installed, never one that is fetched; without it, or without Playwright,
the tests are skipped. No page reaches anything but the server: requests for other places end in the
browser, and are written down. Formulas of nbgrader's pages need MathJax, which these pages fetch
from elsewhere; where Debian's ``libjs-mathjax`` is installed, it is served in its place.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from deltarule.config import Course
from deltarule.demo import hand_in

from .lab import Lab
from .server import BIN, JupyterServer

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from playwright.sync_api import Browser, Page, Request, Route

ROOT = Path(__file__).parents[2]
COPIED = ("source", "release", "solutions")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
WAIT_MILLISECONDS = 120_000
"""For any single step; the slowest takes a tenth of it on a quiet machine."""

MATHJAX = Path("/usr/share/javascript/mathjax")
MATHJAX_ADDRESS = re.compile(r"https://cdnjs\.cloudflare\.com/ajax/libs/mathjax/[\d.]+/([\w./-]+)")
MATHJAX_LOADER = """document.write('<script src="'
    + document.currentScript.src.replace('latest.js', 'MathJax.js') + '"></' + 'script>');"""


@dataclass
class Watched:
    """What pages did that nobody asked them to.

    Attributes:
        elsewhere: addresses that are not of the server, in order.
        sent: method and address of each request that is not a GET.
        dialogs: the texts of dialogs that a script opened.
    """

    origin: str
    elsewhere: list[str] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def request(self, request: Request) -> None:
        """Write a request down."""
        if request.method != "GET":
            self.sent.append((request.method, request.url))
        if request.url.startswith((f"{self.origin}/", "file:")):
            self.asked.append(request.url)
        elif not request.url.startswith(("data:", "blob:")):
            self.elsewhere.append(request.url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install playwright"
    )
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium: install it to run the browser tests")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=program, headless=True, args=list(ARGUMENTS)
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def course(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course."""
    root = tmp_path_factory.mktemp("browser") / "course"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    return Course(root)


@pytest.fixture(scope="session")
def _started(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    server = JupyterServer(course.root, tmp_path_factory.mktemp("server"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server(_started: JupyterServer) -> JupyterServer:
    """JupyterLab, running."""
    _started.wait()
    return _started


@pytest.fixture
def watched(server: JupyterServer) -> Watched:
    """What the page of this test does."""
    return Watched(server.origin)


@pytest.fixture
def page(browser: Browser, server: JupyterServer, watched: Watched) -> Iterator[Page]:
    """A page of one's own, with cookies of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MILLISECONDS)
    context.route(lambda address: not address.startswith((server.origin, "file:")), _outside)
    context.request.get(server.url("lab"))  # leaves a cookie, as a login does
    context.on("request", watched.request)
    context.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
    yield context.new_page()
    context.close()
    server.stop_kernels()


def _outside(route: Route) -> None:
    """MathJax, where it is installed; nothing else leaves this machine."""
    found = MATHJAX_ADDRESS.match(route.request.url)
    path = MATHJAX / found[1] if found else None
    if found and found[1] == "latest.js" and MATHJAX.is_dir():
        route.fulfill(body=MATHJAX_LOADER, content_type="text/javascript")
    elif path is not None and path.is_file():
        route.fulfill(path=path, headers={"Access-Control-Allow-Origin": "*"})
    else:
        route.abort()


@pytest.fixture
def lab(page: Page, server: JupyterServer) -> Lab:
    """A page with JupyterLab."""
    return Lab(page, server)


@pytest.fixture
def handout(course: Course, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """A student's own copy of what is released for an assignment; its folder in the server."""

    def copied(assignment: str) -> str:
        name = re.sub(r"\W+", "-", request.node.name)
        target = course.root / "students" / name / assignment
        shutil.copytree(course.release / assignment, target)
        return target.relative_to(course.root).as_posix()

    return copied


class Graded:
    """A graded assignment; called, it opens the gradebook."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def __call__(self) -> AbstractContextManager[Gradebook]:
        from nbgrader.api import Gradebook

        return Gradebook(f"sqlite:///{self.course.gradebook}")


@pytest.fixture(scope="session")
def graded_lab04(course: Course, _started: JupyterServer, readers: ModuleType) -> Graded:
    """Lab 4 of Ada (right), Ben (a usual mistake) and Mallory; graded while the server starts."""
    handed = course.root / "handed_in"
    handed.mkdir()
    for student, answers in (("ada", "right"), ("ben", "missing_batch_mean")):
        path = ROOT / "tests" / "submissions" / "lab04" / f"{answers}.py"
        shutil.copyfile(path, handed / f"{student}.py")
    hand_in(course, "lab04", sorted(handed.glob("*.py")))
    hand_in_attacks(course, readers)
    type_command(course, "deltarule", "grade", "lab04")
    return Graded(course)


@pytest.fixture(scope="session")
def readers() -> ModuleType:
    """The module with the attacks on those who read; its package is no part of this one."""
    folder = ROOT / "tests" / "attacks"
    spec = importlib.util.spec_from_file_location(
        "attacks_in_browser", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{spec.name}.submissions.readers")


def hand_in_attacks(course: Course, readers: ModuleType) -> None:
    """Mallory: every attack in one answer, and in cells of her own; the solution for the rest."""
    notebook = json.loads((course.solutions / "lab04" / "lab04.ipynb").read_text("utf-8"))
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    texts = [text.replace("steepest", "eq1") for text in readers.MARKDOWN.values()]
    cells["eq1"]["source"] = "\n\n".join(texts)
    cells["eq1"]["attachments"] = readers.ATTACHMENTS
    extra = [(kind, text) for text in texts for kind in ("markdown", "raw")]
    extra += [("code", text) for text in (readers.DISPLAYS, *readers.OUTPUTS.values())]
    at = notebook["cells"].index(cells["question-eq1"])
    notebook["cells"][at:at] = [
        {"cell_type": kind, "id": f"own-{number}", "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for number, (kind, text) in enumerate(extra)
    ]
    folder = course.submitted / "mallory" / "lab04"
    folder.mkdir(parents=True)
    (folder / "lab04.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for name, content in readers.FILES.items():
        (folder / name).write_text(content, encoding="utf-8")


def type_command(course: Course, *command: str) -> None:
    """Type a command in the course's folder."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=course.root,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
