"""No line of a solution, hidden test or mark scheme gets out; and a leak of any kind is found."""

import base64
import gzip
import html
import io
import json
import zipfile
from urllib.parse import quote

import nbformat
import pytest

from deltarule.bridge.leaks import (
    SecretKind,
    autograded_leaks,
    feedback_leaks,
    find_leaks,
    release_leaks,
    secret_lines,
)

SOLUTION = "twice_the_number = number + number"
HIDDEN = 'assert double(21) == 42, "that is not the answer"'
SCHEME = "**3 points**: says that each number is *counted* twice."
ANSWER = "Because a sum of two equal terms counts the term twice."


def test_secrets_are_the_lines_of_homework_hidden_tests_and_mark_schemes(toy):
    found = {secret.text: secret.kind for secret in secret_lines([toy.source])}
    assert found == {
        SOLUTION: SecretKind.SOLUTION,
        "return twice_the_number": SecretKind.SOLUTION,
        HIDDEN: SecretKind.HIDDEN_TEST,
        SCHEME: SecretKind.MARK_SCHEME,
        ANSWER: SecretKind.SOLUTION,
    }


def test_a_secret_knows_its_line_in_the_source(toy):
    lines = toy.source.read_text(encoding="utf-8").split("\n")
    for secret in secret_lines([toy.source]):
        assert lines[secret.number - 1].strip() == secret.text


def test_a_line_that_students_see_elsewhere_is_not_secret(toy):
    toy.edit("Write a function", f"Hint: `{SOLUTION}`. Write a function")
    assert SOLUTION not in {secret.text for secret in secret_lines([toy.source])}


def test_a_message_for_students_is_not_secret(toy):
    toy.edit("#!MSG Add it to itself.", "#!MSG Begin with return twice_the_number.")
    assert "return twice_the_number" not in {secret.text for secret in secret_lines([toy.source])}


def test_a_release_holds_no_secret(released):
    assert released.files("release/toy")
    assert release_leaks(released.course, "toy") == []


def test_the_solution_notebook_is_seen_to_hold_the_solution_and_nothing_else(released):
    """The check finds what is there: it is not blind, and it tells the kinds apart."""
    compiled = find_leaks(released.course.compiled / "toy", secret_lines([released.source]))
    assert {leak.secret.kind for leak in compiled} == set(SecretKind)


def plant(released, change):
    """Change the released notebook; nbformat is not asked whether it likes that."""
    path = released.course.release / "toy" / "toy.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook, {cell["id"]: cell for cell in notebook["cells"]})
    path.write_text(json.dumps(notebook), encoding="utf-8")


def output(kind, **content):
    return {"output_type": kind, "metadata": {}, **content}


def png(text):
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\xfftEXt" + text.encode() + b"\xff").decode()


def gzipped(text):
    return gzip.compress(text.encode())


def zipped(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", text)
    return file.getvalue()


CELL = "solution-double"
IN_THE_NOTEBOOK = {
    "cell source": lambda nb, c: c[CELL]["source"].append(f"\n# {SOLUTION}"),
    "cell source, other quotes": lambda nb, c: c[CELL]["source"].append(HIDDEN.replace('"', "'")),
    "cell source, respaced": lambda nb, c: c[CELL]["source"].append(SOLUTION.replace(" ", "  ")),
    "cell metadata": lambda nb, c: c[CELL]["metadata"].update(hint=[{"deep": SOLUTION}]),
    "name of a metadata key": lambda nb, c: c[CELL]["metadata"].update({SOLUTION: 1}),
    "cell tag": lambda nb, c: c[CELL]["metadata"].update(tags=[SCHEME]),
    "notebook metadata": lambda nb, c: nb["metadata"].update(jupytext={"text": HIDDEN}),
    "json inside metadata": lambda nb, c: nb["metadata"].update(
        widgets=json.dumps({"state": [HIDDEN]})
    ),
    "stream": lambda nb, c: c[CELL]["outputs"].append(
        output("stream", name="stdout", text=["fine\n", f"{SOLUTION}\n"])
    ),
    "execute_result": lambda nb, c: c[CELL]["outputs"].append(
        output("execute_result", data={"text/plain": SOLUTION}, execution_count=1)
    ),
    "html result": lambda nb, c: c[CELL]["outputs"].append(
        output("execute_result", data={"text/html": f"<b>{html.escape(HIDDEN)}</b>"})
    ),
    "highlighted html": lambda nb, c: c[CELL]["outputs"].append(
        output(
            "display_data",
            data={"text/html": SOLUTION.replace("number", '<span class="n">number</span>')},
        )
    ),
    "traceback": lambda nb, c: c[CELL]["outputs"].append(
        output("error", ename="E", evalue="", traceback=[f"\x1b[31m----> 1\x1b[0m {HIDDEN}"])
    ),
    "picture": lambda nb, c: c[CELL]["outputs"].append(
        output("display_data", data={"image/png": png(SOLUTION)})
    ),
    "picture in a data address": lambda nb, c: c[CELL]["source"].append(
        f"![plot](data:image/png;base64,{png(SOLUTION)})"
    ),
    "wrapped base64": lambda nb, c: c[CELL]["metadata"].update(
        blob=base64.encodebytes((f"{ANSWER}\n" * 9).encode()).decode()
    ),
    "base64 behind other characters": lambda nb, c: c[CELL]["metadata"].update(
        blob="/files/a" + base64.urlsafe_b64encode(SOLUTION.encode()).decode()
    ),
    "base64 of base64": lambda nb, c: c[CELL]["metadata"].update(
        blob=base64.b64encode(base64.b64encode(SOLUTION.encode())).decode()
    ),
    "url": lambda nb, c: c[CELL]["source"].append(f"https://example.org/?q={quote(SOLUTION)}"),
    "attachment": lambda nb, c: c["why"].update(attachments={"a.png": {"image/png": png(ANSWER)}}),
    "name of an attachment": lambda nb, c: c["why"].update(
        attachments={f"{ANSWER}.png": {"image/png": ""}}
    ),
}


@pytest.mark.parametrize("kind", IN_THE_NOTEBOOK)
def test_a_leak_planted_in_the_notebook_is_found(released, kind):
    plant(released, IN_THE_NOTEBOOK[kind])
    leaks = release_leaks(released.course, "toy")
    assert [leak.file.name for leak in leaks] == ["toy.ipynb"] * len(leaks)
    assert len({leak.secret for leak in leaks}) == 1, leaks


FILES = {
    "text": ("data/notes.txt", f"so\n    {SOLUTION}\n".encode()),
    "windows text": ("data/notes.txt", f"so\r\n{SOLUTION}\r\n".encode("utf-16")),
    "escaped": ("data/notes.json", json.dumps({"a": HIDDEN}).encode()),
    "binary": ("data/weights.bin", b"\x80\x81\0" + SOLUTION.encode() + b"\xff"),
    "base64": ("data/blob.txt", base64.b64encode(HIDDEN.encode())),
    "svg": ("figures/a.svg", f"<svg><text>{html.escape(SCHEME)}</text></svg>".encode()),
    "gzip": ("data/notes.txt.gz", gzipped(SOLUTION)),
    "zip": ("data/notes.zip", zipped(SOLUTION)),
    "a broken notebook": ("draft.ipynb", f'{{"cells": [ "{SOLUTION}"'.encode()),
    "a hidden file": (".toy.md.swp", SOLUTION.encode()),
    "a file name": (f"{SOLUTION}.txt", b"nothing"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_leak_planted_beside_the_notebook_is_found(released, kind):
    name, content = FILES[kind]
    path = released.course.release / "toy" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    leaks = release_leaks(released.course, "toy")
    assert {
        leak.file.relative_to(released.course.release / "toy").as_posix() for leak in leaks
    } == {name}
    assert len({leak.secret for leak in leaks}) == 1, leaks


def test_a_damaged_archive_is_no_leak_and_no_crash(released):
    for name, content in (("a.zip", zipped(SOLUTION)[:40]), ("a.gz", gzipped("x" * 99)[:20])):
        (released.course.release / "toy" / name).write_bytes(content)
    assert release_leaks(released.course, "toy") == []


def test_a_leak_says_where_it_is_and_where_it_comes_from(released):
    plant(released, IN_THE_NOTEBOOK["stream"])
    (leak,) = release_leaks(released.course, "toy")
    assert leak.place == "notebook, cells solution-double, outputs 0, text"
    assert f"{leak.secret.path}:{leak.secret.number}: {SOLUTION}" in str(leak)


@pytest.mark.slow
def test_graded_notebooks_hold_no_solution_and_feedback_no_secret(graded):
    for student in ("ann", "bob"):
        assert graded.files(f"autograded/{student}/toy")
        assert graded.files(f"feedback/{student}/toy")
        assert autograded_leaks(graded.course, "toy", student) == []
        assert feedback_leaks(graded.course, "toy", student) == []


@pytest.mark.slow
def test_graders_read_hidden_tests_and_mark_schemes(graded):
    folder = graded.course.root / "autograded" / "bob" / "toy"
    found = {leak.secret.text for leak in find_leaks(folder, secret_lines([graded.source]))}
    assert found == {HIDDEN, SCHEME}


@pytest.mark.slow
def test_a_solution_planted_where_student_code_runs_is_found(graded):
    folder = graded.course.root / "autograded" / "bob" / "toy"
    (folder / "notes.txt").write_text(ANSWER, encoding="utf-8")
    assert [leak.secret.text for leak in autograded_leaks(graded.course, "toy", "bob")] == [ANSWER]


@pytest.mark.slow
def test_a_solution_that_the_student_wrote_is_no_leak(graded):
    path = graded.hand_in(
        "ann", f"def double(number):\n    {SOLUTION}\n    return twice_the_number"
    )
    notebook = nbformat.read(path / "toy.ipynb", as_version=4)
    target = graded.course.root / "autograded" / "ann" / "toy" / "toy.ipynb"
    target.chmod(0o644)
    nbformat.write(notebook, target)
    assert autograded_leaks(graded.course, "toy", "ann") == []
    assert autograded_leaks(graded.course, "toy", "bob") == []


@pytest.mark.slow
@pytest.mark.parametrize("secret", [HIDDEN, SCHEME, ANSWER])
def test_a_secret_planted_in_feedback_is_found(graded, secret):
    page = graded.course.root / "feedback" / "bob" / "toy" / "toy.html"
    text = page.read_text(encoding="utf-8")
    hidden = "".join(f"<span>{html.escape(word)}</span> " for word in secret.split())
    page.write_text(text.replace("</body>", f"<pre>{hidden}</pre></body>"), encoding="utf-8")
    assert [leak.secret.text for leak in feedback_leaks(graded.course, "toy", "bob")] == [secret]
