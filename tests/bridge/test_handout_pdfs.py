"""``deltarule build --pdf``: only what changed is printed again, and a handout has no old PDF."""

import json
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner

from deltarule.bridge.build import build_assignment
from deltarule.bridge.pdfs import current_student_pdfs
from deltarule.cli import main

pytestmark = pytest.mark.slow

PDF, SOLUTION = "build/pdf/toy/toy.pdf", "build/pdf/toy/toy-solution.pdf"


@pytest.fixture(scope="session")
def _printed(_released, tmp_path_factory):
    root = tmp_path_factory.mktemp("printed") / "course"
    shutil.copytree(_released.root, root)
    toy = type(_released)(type(_released.course)(root))
    shutil.rmtree(root / "source" / "other")
    (root / "environment.yml").write_text("name: toys\ndependencies: [python=3.12]\n")
    toy.edit("deltarule:\n", "deltarule:\n    title: Doubling & more\n")
    build_assignment(toy.course, "toy", lambda step: None)
    from deltarule.bridge.pdfs import print_assignment

    print_assignment(toy.course, "toy", lambda step: None)
    return toy


@pytest.fixture
def course(_printed, tmp_path, monkeypatch):
    """A course whose one assignment is built and printed; we stand in it."""
    shutil.copytree(_printed.root, tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    return type(_printed)(type(_printed.course)(tmp_path / "course"))


def deltarule(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def text_of(path):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def test_student_and_solution_are_printed_apart(course):
    student, solution = text_of(PDF), text_of(SOLUTION)
    assert "your code is missing here" in student
    assert "twice_the_number" not in student
    assert "Your answer here." in student
    assert "twice_the_number = number + number" in solution
    assert "Because a sum of two equal terms" in solution
    for text in (student, solution):
        assert "MARK SCHEME" not in text
        assert "double(21)" not in text
    assert pypdf.PdfReader(PDF).metadata.title == "Doubling & more"


def test_nothing_is_printed_again_while_nothing_changed(course):
    before = {path: Path(path).stat().st_mtime_ns for path in (PDF, SOLUTION)}
    done = deltarule("build", "--pdf")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == ["toy: nothing to do", "toy: no PDF to make"]
    assert {path: Path(path).stat().st_mtime_ns for path in (PDF, SOLUTION)} == before


def test_an_edited_text_is_printed_again(course):
    course.edit("doubles a number", "doubles any number")
    done = deltarule("build", "--pdf", "--json", "built.json")
    assert done.exit_code == 0, done.output
    assert f"toy: {PDF}, {SOLUTION}" in done.stdout
    assert "doubles any number" in text_of(PDF)
    record = json.loads(Path("built.json").read_text())
    assert record == {"built": {"toy": True}, "printed": {"toy": [PDF, SOLUTION]}, "errors": []}


@pytest.mark.parametrize("loss", ["gone", "damaged"])
def test_a_pdf_that_is_gone_or_damaged_is_made_again(course, loss):
    whole = Path(PDF).read_bytes()
    Path(PDF).unlink() if loss == "gone" else Path(PDF).write_bytes(whole[:100])
    done = deltarule("build", "--pdf")
    assert f"toy: {PDF}\n" in done.stdout
    assert Path(PDF).read_bytes() == whole


def test_what_cannot_be_printed_is_named_where_the_author_edits_it(course):
    before = course.files("build/pdf")
    course.edit("Write a function", "Let $\\foo{x}$ be. Write a function")
    line = course.source.read_text(encoding="utf-8").split("$\\foo")[0].count("\n") + 1
    done = deltarule("build", "--pdf")
    assert done.exit_code == 2
    for notebook in ("release/toy/toy.ipynb", "solutions/toy/toy.ipynb"):
        assert f"({notebook})" in done.stderr
    assert f"source/toy/toy.md:{line}: cell 1 (" in done.stderr
    assert "$\\foo{x}$" in done.stderr
    assert course.files("build/pdf") == before, "the last good PDFs stay"
    assert current_student_pdfs(course.course, "toy") == []


def test_an_assignment_that_does_not_build_is_not_printed(course):
    course.break_source()
    done = deltarule("build", "--pdf", "--json", "built.json")
    assert done.exit_code == 2
    assert json.loads(Path("built.json").read_text())["printed"] == {}


def test_check_and_pdf_exclude_each_other(course):
    done = deltarule("build", "--check", "--pdf")
    assert done.exit_code == 2
    assert "choose one of them" in done.stderr


def test_the_pdf_of_a_notebook_that_is_gone_goes_too(course):
    record = Path("build/pdf/toy/printed.json")
    old = json.loads(record.read_text())
    record.write_text(json.dumps(old | {"part2.pdf": old["toy.pdf"]}))
    shutil.copyfile(PDF, "build/pdf/toy/part2.pdf")
    deltarule("build", "--pdf")
    assert not Path("build/pdf/toy/part2.pdf").exists()
    assert json.loads(record.read_text()) == old


def test_a_handout_has_the_student_pdf_while_it_is_current_and_never_the_solution(course):
    assert deltarule("handout", "toy", "toy.zip").exit_code == 0
    with zipfile.ZipFile("toy.zip") as file:
        pdfs = [name for name in file.namelist() if name.endswith(".pdf")]
        assert pdfs == ["toy/toy.pdf"]
        assert "twice_the_number" not in text_of(BytesIO(file.read("toy/toy.pdf")))
        assert "    toy.pdf\n" in file.read("toy/README.txt").decode()

    course.edit("doubles a number", "doubles any number")
    assert deltarule("build").exit_code == 0
    assert deltarule("handout", "toy", "toy.zip").exit_code == 0
    with zipfile.ZipFile("toy.zip") as file:
        assert [name for name in file.namelist() if name.endswith(".pdf")] == []
