"""``deltarule build --watch``: what a browser gets, at each save, from a process of its own."""

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from click.testing import CliRunner

from deltarule.authoring.preview.rendered import CellRenderer
from deltarule.authoring.preview.shown import Preview
from deltarule.cli import main
from deltarule.config import Course

SECONDS = 120
"""For each wait; a save takes a hundredth of it, and a test that waits for ever hangs."""

SOURCE = """\
# Doubling

The double is $2\\,x$, and ![the $x$ axis](figures/axis.svg) shows it.

$$ y = 2 x \\tag{1} $$

```python
def double(x):
    #!TAG HWBEGIN
    #!MSG Add it to itself.
    return the_secret_solution + x
    #!TAG HWEND
```

```python
#!TAG TEST double points=2
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(21) == 42
### END HIDDEN TESTS
```
"""


@pytest.fixture
def course(course_root, tmp_path):
    root = tmp_path / "course"
    (root / "source" / "toy" / "figures").mkdir(parents=True)
    shutil.copyfile(course_root / "nbgrader_config.py", root / "nbgrader_config.py")
    (root / "source/toy/toy.md").write_text(SOURCE, encoding="utf-8")
    (root / "source/toy/figures/axis.svg").write_text("<svg/>", encoding="utf-8")
    return Course(root)


def edit(course, old, new, name="toy/toy.md"):
    path = course.source / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# What is shown, without a server


def shown(preview):
    preview.refresh()
    return preview.shown["toy", "toy"]


def test_students_see_their_version_and_no_secret(course):
    one = shown(Preview(course))
    page = "".join(one.cells)
    assert "Add it to itself." in page
    assert "NotImplementedError" in page
    assert "test double: 2 points" in page
    assert "the_secret_solution" not in page
    assert "42" not in page


def test_formulas_are_set_and_those_in_attributes_stay_text(course):
    page = "".join(shown(Preview(course)).cells)
    assert page.count("<math") == 2
    assert 'alt="the $x$ axis"' in page
    assert "<span>(1)</span>" in page
    assert "DeltaruleFormula" not in page


def test_a_formula_that_pandoc_does_not_know_stands_as_written(course):
    edit(course, "$2\\,x$", "$\\nosuchthing<x$")
    page = "".join(shown(Preview(course)).cells)
    assert '<code class="unset">$\\nosuchthing&lt;x$</code>' in page


def test_every_formula_of_the_course_is_set(course_root):
    preview = Preview(Course(course_root))
    preview.refresh()
    assert len(preview.shown) >= 4
    for one in preview.shown.values():
        assert one.problems == ()
        assert not [cell for cell in one.cells if 'class="unset"' in cell], one.name


def test_only_what_changed_is_compiled_and_rendered(course, monkeypatch):
    preview = Preview(course)
    assert len(preview.refresh()) == 1
    assert preview.refresh() == []
    rendered = []
    plainly = CellRenderer._render
    monkeypatch.setattr(
        CellRenderer, "_render", lambda self, cell: rendered.append(cell) or plainly(self, cell)
    )
    edit(course, "# Doubling", "# Twice")
    (one,) = preview.refresh()
    assert "Twice" in one.cells[0]
    assert len(rendered) == 1


def test_a_mistake_keeps_the_last_good_version_and_is_told_first_one_first(course):
    preview = Preview(course)
    before = shown(preview).cells
    edit(course, "#!TAG HWBEGIN", "#!TAG HWBEGN")
    wrong = shown(preview)
    assert wrong.cells == before
    assert len(wrong.problems) > 1
    assert wrong.problems[0].startswith("source/toy/toy.md:9: unknown tag")
    edit(course, "#!TAG HWBEGN", "#!TAG HWBEGIN")
    assert shown(preview).problems == ()


def test_a_changed_picture_changes_the_page_without_compiling(course):
    preview = Preview(course)
    before = shown(preview)
    (course.source / "toy/figures/axis.svg").write_text("<svg></svg>", encoding="utf-8")
    (after,) = preview.refresh()
    assert after.files != before.files
    assert (after.cells, after.seconds) == (before.cells, before.seconds)


def test_new_and_removed_notebooks_come_and_go(course):
    preview = Preview(course)
    preview.refresh()
    (course.source / "other").mkdir()
    (course.source / "other/one.md").write_text("# One\n", encoding="utf-8")
    (course.source / "toy/two.md").write_text("# Two\n", encoding="utf-8")
    assert [one.key for one in preview.refresh()] == [("other", "one"), ("toy", "two")]
    (course.source / "toy/two.md").unlink()
    assert preview.refresh() == []
    assert set(preview.shown) == {("other", "one"), ("toy", "toy")}


def test_only_one_of_watch_check_and_pdf_can_be_asked_for(course, monkeypatch):
    monkeypatch.chdir(course.root)
    for other in ("--check", "--pdf"):
        done = CliRunner().invoke(main, ["build", "--watch", other])
        assert done.exit_code == 2
        assert "choose one of them" in done.output


# The whole, over HTTP


class Watching:
    """A running ``deltarule build --watch``."""

    def __init__(self, process, address):
        self.process = process
        self.word = urlsplit(address).path
        self.port = urlsplit(address).port
        self.opened = ExitStack()

    def open(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", path, headers=headers)
        self.opened.enter_context(closing(connection))
        return self.opened.enter_context(connection.getresponse())

    def get(self, path, **headers):
        answer = self.open(self.word + path, **headers)
        return answer.status, answer.read().decode("utf-8")

    def states(self, notebook="toy/toy"):
        """The states of a notebook, as the browser gets them."""
        answer = self.open(f"{self.word}.preview/events/{notebook}")
        assert answer.headers["Content-Type"] == "text/event-stream"
        while line := answer.readline():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


@contextmanager
def watching(course, *arguments):
    command = [Path(sys.executable).with_name("deltarule"), "build", "--watch", *arguments]
    with subprocess.Popen(
        command, cwd=course.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\S+/", line):
                    preview = Watching(process, found[0])
                    with preview.opened:
                        yield preview
                    break
            else:
                raise AssertionError(process.stderr.read())
        finally:
            process.kill()


@pytest.mark.slow
def test_a_save_a_mistake_and_the_mended_page_reach_the_browser(course):
    with watching(course, "--json", "saves.json") as preview:
        status, page = preview.get("toy/toy")
        assert status == 200
        assert "Doubling" in page
        states = preview.states()
        assert "Doubling" in next(states)["cells"][0]
        edit(course, "# Doubling", "# Twice as much")
        assert "Twice as much" in next(states)["cells"][0]
        assert "Twice as much" in preview.get("toy/toy")[1]
        edit(course, "points=2", "point=2")
        wrong = next(states)
        assert "source/toy/toy.md:16: the points are missing" in wrong["problems"]
        assert "Twice as much" in wrong["cells"][0]
        assert "source/toy/toy.md:16" in preview.get("toy/toy")[1]
        edit(course, "point=2", "points=3")
        mended = next(states)
        assert mended["problems"] == ""
        assert "3 points" in "".join(mended["cells"])
        children = psutil.Process(preview.process.pid).children(recursive=True)
        preview.process.send_signal(signal.SIGINT)
        assert preview.process.wait(SECONDS) == 130
        assert next(states, None) is None, "the stream of events ends, too"
        assert not [child for child in children if child.is_running()]
        errors = preview.process.stderr.read()
    assert errors.count("source/toy/toy.md:16: the points are missing") == 1
    assert "Traceback" not in errors
    saves = json.loads((course.root / "saves.json").read_text(encoding="utf-8"))["saves"]
    assert [bool(save["problems"]) for save in saves] == [False, False, True, False]
    assert not course.release.exists()
    assert not course.solutions.exists()


@pytest.mark.slow
def test_several_notebooks_are_listed_and_one_is_shown_at_once(course):
    (course.source / "toy/two.md").write_text("# Two\n", encoding="utf-8")
    with watching(course) as preview:
        status, page = preview.get("")
        assert status == 200
        for link in re.findall('(?:href|src)="([^"]+)"', page):
            if not link.startswith("data:"):
                assert preview.get(link)[0] == 200, link
        (course.source / "toy/toy.md").unlink()
        edit(course, "# Two", "# Only one", "toy/two.md")
        assert any("Only one" in state["cells"][0] for state in preview.states("toy/two"))
        answer = preview.open(preview.word)
        assert (answer.status, answer.headers["Location"]) == (302, "toy/two")


@pytest.mark.slow
def test_the_server_gives_strangers_nothing(course):
    (course.source / "toy/figures/.secret").write_text("x", encoding="utf-8")
    with watching(course, "toy") as preview:
        assert preview.get("toy/figures/axis.svg") == (200, "<svg/>")
        assert preview.get("", Host=f"localhost:{preview.port}")[0] in (200, 302)
        for path in (
            "toy/toy.md",
            "toy/figures/.secret",
            "toy/../../nbgrader_config.py",
            "toy/%2e%2e/%2e%2e/nbgrader_config.py",
            "toy//etc/passwd",
            "nosuch/page",
            ".preview/page.html",
            ".preview/events/toy/nosuch",
        ):
            assert preview.get(path)[0] == 404, path
        assert preview.open("/").status == 404
        assert preview.open("/a-guess/toy/toy").status == 404
        assert preview.get("toy/toy", Host="course.example")[0] == 404, "DNS rebinding"
        headers = preview.open(preview.word + "toy/toy").headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        listening = psutil.Process(preview.process.pid).net_connections("inet")
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


@pytest.mark.slow
def test_nothing_of_the_page_comes_from_elsewhere(course):
    with watching(course) as preview:
        _, page = preview.get("toy/toy")
        assert re.findall(r"""(?:src|href)=["'](?!\.\./\.preview|figures|data:)""", page) == []
        for name in ("preview.css", "preview.js"):
            status, text = preview.get(f".preview/{name}")
            assert status == 200
            assert "http" not in text


@pytest.fixture
def page():
    """A page of the Chromium that is installed; none is fetched."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 800, "height": 600})
        page.set_default_timeout(1000 * SECONDS)
        yield page
        browser.close()


@pytest.mark.slow
def test_a_real_browser_keeps_its_place_and_comes_back_after_a_mistake(course, page):
    long = "\n\n".join(f"Paragraph {i}.\n\n\n```python\nx = {i}\n```" for i in range(60))
    with (course.source / "toy/toy.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{long}\n\n\nThe end.\n\n<script>document.title = 'owned'</script>\n")
    outside = []
    with watching(course, "toy") as preview:
        page.on("request", lambda request: outside.append(request.url))
        page.goto(f"http://127.0.0.1:{preview.port}{preview.word}toy/toy")
        page.wait_for_selector("main[data-version]")
        assert page.evaluate("document.querySelector('math') instanceof MathMLElement")
        page.get_by_text("x = 40").scroll_into_view_if_needed()
        place = page.evaluate("window.scrollY")
        assert place > 1000
        page.evaluate("document.querySelector('main').lastElementChild.mine = true")
        edit(
            course, "# Doubling", "# Twice as much, and a title that is so long that it takes lines"
        )
        page.wait_for_selector("h1:has-text('Twice as much')")
        assert page.evaluate("window.scrollY") == pytest.approx(place, abs=120)
        assert page.get_by_text("x = 40").is_visible()
        assert page.evaluate("document.querySelector('main').lastElementChild.mine"), "it was kept"
        edit(course, "points=2", "point=2")
        page.wait_for_selector("#problems:has-text('source/toy/toy.md:16')")
        assert page.title().startswith("✗")
        assert page.get_by_text("x = 40").is_visible()
        edit(course, "point=2", "points=2")
        page.wait_for_selector("#problems:empty", state="attached")
        assert page.title() == "toy: toy", "no script of a source has run"
        preview.process.send_signal(signal.SIGINT)
        page.wait_for_selector("#problems:has-text('The preview has ended')")
    assert {urlsplit(url).hostname for url in outside} == {"127.0.0.1"}
