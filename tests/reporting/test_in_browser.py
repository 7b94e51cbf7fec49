"""The pages in a real browser: wide and narrow, light and dark, nothing overlapping or cut off.

Needs Chromium, found as ``chromium``, ``chromium-browser`` or ``google-chrome``; without it these
tests say so and are skipped. ``DELTARULE_SCREENSHOTS=FOLDER`` keeps what they saw there.
"""

import os
import shutil
from pathlib import Path

import pytest
from simulated_class import code_of, gathered, notebooks

from deltarule.reporting.class_report.figures import figures_of
from deltarule.reporting.class_report.page import page_html
from deltarule.reporting.class_report.similar import similar_groups

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no Chromium here: pages are not looked at"
    ),
]

WIDTHS = {"desktop": 1200, "phone": 375}
SEEN = 2.0
"""Pixels by which two texts may share their boxes: those have room above and below the letters."""

OVERLAPS = """() => {
  const boxes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest('title, style') || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width > 1 && box.height > 1)
        boxes.push({text: node.data.trim().slice(0, 40), node,
                    x: box.left, y: box.top, r: box.right, b: box.bottom});
  }
  boxes.sort((one, other) => one.y - other.y);
  const found = [];
  boxes.forEach((one, at) => {
    for (let next = at + 1; next < boxes.length && boxes[next].y < one.b - SEEN; next++) {
      const other = boxes[next];
      if (one.node === other.node) continue;
      const wide = Math.min(one.r, other.r) - Math.max(one.x, other.x);
      const tall = Math.min(one.b, other.b) - Math.max(one.y, other.y);
      if (wide > SEEN && tall > SEEN) found.push(one.text + ' | ' + other.text);
    }
  });
  return found;
}""".replace("SEEN", str(SEEN))

BEYOND = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.tagName + ' ' + one.textContent.slice(0, 30))"""

CONTRAST = """selector => {
  const parts = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = text => {
    const [r, g, b] = parts(text).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/^rgba.*, 0\\)$/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return Math.min(...[...document.querySelectorAll(selector)]
    .filter(one => one.checkVisibility() && one.textContent.trim())
    .map(one => [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => b - a))
    .map(([high, low]) => (high + 0.05) / (low + 0.05)));
}"""
"""The smallest contrast of text and ground, as WCAG 2.1 defines it."""

READABLE = 4.5
"""What WCAG 2.1 asks of text (success criterion 1.4.3)."""


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def look(browser, tmp_path):
    """Open a file as somebody would; whatever it loads or runs into is an error."""
    contexts = []

    def opened(path, size, scheme, *, strict=True):
        context = browser.new_context(
            viewport={"width": WIDTHS[size], "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        if strict:
            page.on("console", lambda message: page.complaints.append(message.text))
            page.on("request", lambda request: page.complaints.append(request.url))
        page.goto(Path(path).as_uri(), wait_until="domcontentloaded")
        page.complaints = [one for one in page.complaints if one != page.url]
        return page

    yield opened
    for context in contexts:
        context.close()


def keep(page, name, height=12_000, side=0):
    """Keep what is seen, up to a height and without so many pixels at each side."""
    folder = os.environ.get("DELTARULE_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        width = page.viewport_size["width"] - 2 * side
        whole = page.evaluate("document.documentElement.scrollHeight")
        clip = {"x": side, "y": 0, "width": width, "height": min(whole, height)}
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, clip=clip)


@pytest.fixture(scope="module")
def report(everybody, tmp_path_factory):
    """The report of 200 students."""
    given = [cell.source for cell in notebooks()[0]["lab04"].cells if cell.cell_type == "code"]
    groups = similar_groups(
        {one.name: code_of(one) for one in everybody if one.copied is not None}, given
    )
    links = {one.name: [("lab04", f"../feedback/{one.name}/lab04.html")] for one in everybody}
    made = gathered(everybody)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page_html(made, figures_of(made), groups, links), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_the_report_fits_reads_and_loads_nothing(look, report, size, scheme):
    page = look(report, size, scheme)
    if (size, scheme) == ("desktop", "light"):  # the picture in docs/report.md
        head = page.evaluate("document.querySelector('#heat').offsetTop")
        keep(page, "report-head", height=head, side=110)
    for state in ("closed", "open"):
        if state == "open":
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate(BEYOND) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[size]
        assert page.evaluate(OVERLAPS) == []
        for selector in ("p", "summary", ".cell", "small", "a", ".tiles li", ".strip i", "code"):
            assert page.evaluate(CONTRAST, selector) >= READABLE, selector
        keep(page, f"report-{size}-{scheme}-{state}")
    assert page.complaints == []


def test_the_overlap_check_can_fail(look, report):
    page = look(report, "desktop", "light")
    page.evaluate("document.querySelector('.tiles li + li').style.marginLeft = '-12rem'")
    assert page.evaluate(OVERLAPS) != []


def test_the_policy_stops_a_script_that_somebody_smuggled_in(look, report, tmp_path):
    text = report.read_text(encoding="utf-8")
    attack = "<script>document.title = 'taken'</script><b style='color:red' id='b'>x</b></body>"
    path = tmp_path / "attacked.html"
    path.write_text(text.replace("</body>", attack), encoding="utf-8")
    page = look(path, "desktop", "light")
    assert page.title() == "lab04: class report"
    colour = page.evaluate("getComputedStyle(document.getElementById('b')).color")
    assert colour != "rgb(255, 0, 0)"
    assert len(page.complaints) == 2


def test_a_row_opens_by_keyboard_and_shows_names_and_hint(look, report):
    page = look(report, "phone", "light")
    row = page.locator(".heat summary.row").first
    row.focus()
    page.keyboard.press("Enter")
    opened = page.locator(".heat details[open]").first
    assert "Hint that students read" in opened.inner_text()
    assert opened.locator(".names li").count() > 10


@pytest.mark.parametrize("size", WIDTHS)
def test_many_tests_and_long_names_fit_as_well(look, tmp_path, size):
    from test_page import a_class, a_test

    told = [
        {
            "name": f"a-misconception-with-a-long-name-{at}",
            "explanation": "It is so. " * 9,
            "hint": "?",
        }
        for at in range(12)
    ]
    tests = [
        a_test(
            f"a_test_with_quite_a_long_name_{at}", 0.0, diagnosis=told[at % 12], message="No. " * 40
        )
        for at in range(18)
    ]
    made = a_class(*[tests] * 130)
    path = tmp_path / "many.html"
    path.write_text(page_html(made, figures_of(made), (), {}), encoding="utf-8")
    page = look(path, size, "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[size]
    assert page.evaluate(OVERLAPS) == []
    keep(page, f"many-{size}")
