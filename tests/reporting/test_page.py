"""The class report's page: whole without a network, and harmless whatever students are called."""

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner
from simulated_class import code_of, gathered, notebooks

from deltarule.cli import main
from deltarule.config import Course
from deltarule.grading.results import Result, Stopped, TestResult
from deltarule.reporting.class_report.figures import figures_of
from deltarule.reporting.class_report.page import chart, feedback_links, page_html
from deltarule.reporting.class_report.report import make_report
from deltarule.reporting.class_report.similar import Group, SharedLine, similar_groups
from deltarule.reporting.gathered import Gathered, Person, Submission

MOST_BYTES = 2_000_000
MOST_SECONDS = 10.0

HOSTILE = "<script>alert(1)</script>"
HOSTILES = (
    HOSTILE,
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></svg><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\ud800 half",
    "\u202egnp.exe",
    "&lt;b&gt;",
)


class Page(HTMLParser):
    """What a browser would make of the page: its elements and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(made, groups=None, links=None, **options):
    html = page_html(made, figures_of(made), groups, links or {}, **options)
    return Page(html)


def a_class(*tests_of_each, **more):
    made = [
        Submission(Person(f"s{at}"), Result("lab", f"s{at}", "none", 0, 0.1, {}, tuple(tests)))
        for at, tests in enumerate(tests_of_each)
    ]
    return Gathered("lab", tuple(made), **more)


def a_test(name, score, **more):
    status = "passed" if score == 2 else "partial" if score else "failed"
    return TestResult("lab", name, 2.0, score, status, "grader", **more)


def hostile_class(text):
    """Everything that a student has a hand in says ``text``."""
    told = {"name": text, "explanation": text, "hint": text}
    tests = (
        a_test(text, 0.0, message=text, visible_passed=True, diagnosis=told),
        a_test("other", 0.0, message=text),
    )
    person = Person(f"id{text}", text, text, text)
    stop = Stopped("lab", text, "time", text)
    result = Result(text, person.student, "none", 0, 0.1, {}, tests, (text,), (stop,))
    one = Submission(person, result, penalties={"lab": 1.0})
    return Gathered(text, (one,), (Person(text),), (Person(text),))


def hostile_page(text):
    made = hostile_class(text)
    student = made.submissions[0].student
    groups = [Group((student, student), (0.9, 1.0), (SharedLine(text, 1),))]
    return page_of(made, groups, {student: [(text, "feedback.html")]})


@pytest.fixture(scope="module")
def plain():
    return hostile_page("harmless")


@pytest.mark.parametrize("text", HOSTILES)
def test_what_students_write_makes_no_element_and_no_attribute(text, plain):
    page = hostile_page(text)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert [set(found) for _, found in page.elements] == [set(found) for _, found in plain.elements]


def test_what_students_write_is_shown_as_they_wrote_it():
    page = hostile_page(HOSTILE)
    assert "".join(page.text).count(HOSTILE) >= 10
    assert "49" not in "".join(hostile_page("{{ 7 * 7 }}").text)


def test_every_place_for_students_words_is_covered_by_the_hostile_page():
    """A new section that shows somebody's words must be part of the test above."""
    page = hostile_page("wordofastudent")
    for section in ("heat", "fooled", "limits", "similar", "students", "tests"):
        part = page.html.split(f'<section id="{section}">')[1].split("</section>")[0]
        assert "wordofastudent" in part, section


def test_a_page_with_half_a_character_can_be_written(tmp_path):
    (tmp_path / "page.html").write_text(hostile_page("\ud800").html, encoding="utf-8")


def test_the_page_forbids_scripts_and_loading_and_has_none(everybody):
    page = page_of(gathered(everybody))
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {
        tag for tag, _ in page.elements
    }
    (policy,) = [one["content"] for one in page.all("meta") if "http-equiv" in one]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {"default-src", "style-src", "base-uri", "form-action"}
    style = re.search(r"<style>(.*?)</style>", page.html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert not re.search(r"url\(|@import", style)
    for _, attributes in page.elements:
        assert not {"style", "src", "srcset", "data"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)


def test_links_lead_only_inside_the_page_and_to_feedback(everybody):
    links = {
        one.name: [("lab04", f"../../feedback/{one.name}/lab04/lab04.html")] for one in everybody
    }
    page = page_of(gathered(everybody), links=links)
    targets = {one["href"] for one in page.all("a")}
    ids = {f"#{found['id']}" for _, found in page.elements if "id" in found}
    assert {one for one in targets if one.startswith("#")} <= ids
    assert all(one.startswith(("#", "../../feedback/")) for one in targets)
    assert len(targets) > 200


def test_feedback_is_linked_where_it_is_with_odd_names_escaped(tmp_path):
    made = a_class([a_test("a", 2.0)], [a_test("a", 0.0)])
    odd = replace(made.submissions[0], person=Person("a b#?ä%"))
    made = replace(made, submissions=(odd, made.submissions[1]))
    there = tmp_path / "feedback" / "a b#?ä%" / "lab" / "lab.html"
    there.parent.mkdir(parents=True)
    there.write_text("feedback")
    page = tmp_path / "build" / "reports" / "lab.html"
    links = feedback_links(Course(tmp_path), made, page)
    assert links["s1"] == []
    ((title, address),) = links["a b#?ä%"]
    assert title == "lab"
    assert not set("#? ") & set(address)
    assert (page.parent / unquote(address)).resolve() == there


def test_the_numbers_on_the_page_are_those_of_the_figures(everybody):
    made = gathered(everybody)
    figures = figures_of(made)
    page = page_of(made)
    rows = re.findall(r'<div class="test" role="row">(.*?)</div>', page.html, re.S)
    assert len(rows) == len(figures.tests) == 7
    for row, test in zip(rows, figures.tests, strict=True):
        words = " ".join(re.sub(r"<[^>]*>", " ", row).split())
        assert f"passed {100 * test.pass_rate:.0f} %" in words
        assert f"discrimination {test.discrimination:.2f}" in words
        widths = [float(width) for width in re.findall(r'<rect[^>]*width="(\d+)"', row)]
        assert sum(widths) == 200
    cells = re.findall(r'<span class="cell h\d" title="backward: (\d+)">', page.html)
    assert [int(count) for count in cells] == [
        len(row.students[("lab04", "backward")]) for row in figures.misconceptions
    ]


def test_columns_of_the_chart_are_as_high_as_their_numbers(everybody):
    scores = figures_of(gathered(everybody)).automatic
    for width in (340, 720):
        made = chart(scores, width)
        heights = [bar.height for bar in made.bars]
        scale = max(heights) / max(scores.counts)
        assert heights == pytest.approx([count * scale for count in scores.counts], abs=0.01)
        for bar in made.bars:
            assert 0 <= bar.x <= bar.x + bar.width <= width
            assert bar.y + bar.height == pytest.approx(made.base, abs=0.02)
        edges = [bar.x for bar in made.bars]
        assert edges == sorted(edges)


def test_the_darkest_cell_is_the_most_frequent_and_an_empty_one_has_no_shade():
    def told(name):
        return {"name": name, "explanation": "", "hint": "Look."}

    often = [[a_test("a", 0.0, diagnosis=told("x")), a_test("b", 2.0)]] * 9
    once = [[a_test("a", 2.0), a_test("b", 0.0, diagnosis=told("y"))]]
    page = page_of(a_class(*often, *once))
    cells = re.findall(r'class="cell h(\d)" title="(\w): (\d)"', page.html)
    assert cells == [("5", "a", "9"), ("0", "b", "0"), ("0", "a", "0"), ("1", "b", "1")]


def test_a_hint_with_its_students_opens_at_the_row():
    told = {"name": "sum", "explanation": "It sums.", "hint": "Where is the mean?"}
    page = page_of(a_class([a_test("a", 0.0, diagnosis=told)], [a_test("a", 2.0)]))
    row = re.search(r'<details><summary class="row">.*?</div></details>', page.html, re.S)[0]
    assert "Where is the mean?" in row
    assert "<li>s0</li>" in row
    assert "s1" not in row


@pytest.mark.parametrize("score", [0.0, 2.0])
def test_a_class_that_is_all_right_or_all_wrong_has_a_page(score):
    page = page_of(a_class(*[[a_test("a", score), a_test("b", score)]] * 12))
    words = "".join(page.text)
    assert "None was diagnosed." in words
    assert ("was hardest" in words) == (score == 0.0)


def test_one_student_and_no_tests_have_a_page():
    written = TestResult("lab", "essay", 5.0, None, "manual", "grader")
    words = "".join(page_of(a_class([written])).text)
    assert "1 of 1 written answers wait for points." in words


def test_written_answers_that_are_graded_in_part_are_said_to_wait():
    def written(name, score):
        return TestResult("lab", name, 5.0, score, "manual", "grader")

    made = a_class([a_test("a", 2.0), written("w", 4.0), written("v", None)])
    page = page_of(made)
    assert "1 of 2 written answers wait" in "".join(page.text)
    assert "All points, less what came late" not in page.html
    done = page_of(a_class([a_test("a", 2.0), written("w", 4.0)]))
    assert "All points, less what came late" in done.html


def test_the_same_test_name_in_two_notebooks_stays_two():
    told = {"name": "sum", "explanation": "", "hint": "Look."}
    first = TestResult("line", "error", 1.0, 0.0, "failed", "grader", diagnosis=told)
    second = replace(first, notebook="curve", diagnosis=None, score=1.0, status="passed")
    page = page_of(a_class([first, second]))
    assert page.html.count("line/error") >= 3
    assert 'title="line/error: 1"' in page.html
    assert 'title="curve/error: 0"' not in page.html


def test_without_names_no_student_is_on_the_page(everybody):
    made = gathered(everybody)
    groups = [Group(tuple(one.name for one in everybody[:2]), (0.95, 1.0), ())]
    page = page_of(made, groups, {everybody[0].name: [("lab04", "x.html")]}, names=False)
    for one in everybody:
        assert one.name not in page.html
        assert one.person.last_name not in page.html
    assert "2 submissions" in "".join(page.text)


def test_absent_and_ungraded_students_are_named():
    made = a_class([a_test("a", 2.0)], absent=(Person("ann"),), ungraded=(Person("ben"),))
    words = "".join(page_of(made).text)
    assert "1 on the list handed nothing in" in words
    assert {"ann", "ben"} <= set(page_of(made).text)


@pytest.mark.slow
def test_a_class_of_200_takes_less_than_ten_seconds_and_two_megabytes(all_on_record, everybody):
    page = all_on_record.build / "reports" / "lab04.html"
    began = time.process_time()
    made = make_report(all_on_record, "lab04", page)
    assert time.process_time() - began < MOST_SECONDS
    assert 50_000 < len(made.html.encode()) < MOST_BYTES
    assert [one.student for one in made.gathered.submissions] == [one.name for one in everybody]
    assert made.figures == figures_of(gathered(everybody))
    assert made.groups is not None
    assert sum(len(group.students) for group in made.groups) == 5
    assert json.loads(json.dumps(made.as_json()))["submissions"] == 200


@pytest.mark.slow
def test_the_command_writes_page_and_numbers_and_says_where(few_on_record, monkeypatch, tmp_path):
    course, students = few_on_record
    monkeypatch.chdir(course.root)
    numbers, page = tmp_path / "report.json", tmp_path / "deep" / "report.html"
    ran = CliRunner().invoke(main, ["report", "lab04", "--html", str(page), "--json", str(numbers)])
    assert ran.exit_code == 0, ran.output
    assert "lab04: 12 submissions" in ran.output
    assert str(page) in ran.output
    record = json.loads(numbers.read_text(encoding="utf-8"))
    assert record["schema"] == "deltarule/report/v1"
    assert record["tests"][4]["name"] == "backward"
    scores = sorted(one.result.score for one in students)
    assert record["automatic"]["points"] == scores
    assert "<h1>lab04</h1>" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_nothing_on_record_is_wrong_usage(few_on_record, monkeypatch, tmp_path):
    course, _ = few_on_record
    for name in ("nbgrader_config.py",):
        (tmp_path / name).write_bytes((course.root / name).read_bytes())
    (tmp_path / "source" / "lab04").mkdir(parents=True)
    source = (course.root / "source" / "lab04" / "lab04.md").read_bytes()
    (tmp_path / "source" / "lab04" / "lab04.md").write_bytes(source)
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(main, ["report", "lab04"])
    assert ran.exit_code == 2
    assert "run 'deltarule grade lab04' first" in ran.output
    assert not Path("build/reports").exists()


def test_code_of_the_simulated_class_is_compared_without_what_was_given(everybody):
    given = [cell.source for cell in notebooks()[0]["lab04"].cells if cell.cell_type == "code"]
    untouched = [one for one in everybody if one.written.base == "release"][:6]
    assert similar_groups({one.name: code_of(one) for one in untouched}, given) == ()
