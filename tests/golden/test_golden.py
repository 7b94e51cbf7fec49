"""Golden pairs: ``<name>.md`` is a source, ``<name>.student.txt`` and so on what comes of it.

A new case is a new ``.md`` file. After a change that is meant, write the pairs anew with::

    DELTARULE_UPDATE_GOLDEN=1 pytest tests/golden

and read the difference before it is committed.
"""

import os
from pathlib import Path

import pytest

from deltarule.authoring import master, parse, solution, student
from deltarule.authoring.syntax import compiles

FOLDER = Path(__file__).parent
SOURCES = sorted(FOLDER.glob("*.md"))
UPDATE = os.environ.get("DELTARULE_UPDATE_GOLDEN") == "1"
VERSIONS = {"student": student, "solution": solution, "master": master}


def dump(notebook):
    """A notebook as text: every cell under a line that says what it is."""
    shown = []
    for cell in notebook.cells:
        about = [cell.cell_type, cell.id]
        if "nbgrader" in cell.metadata:
            settings = cell.metadata.nbgrader
            kinds = [kind for kind in ("grade", "solution", "locked") if settings[kind]]
            points = f" points={settings.points}" if "points" in settings else ""
            about.append(f"[{' '.join(kinds)}{points}]")
        if cell.metadata.get("tags"):
            about.append(f"tags={','.join(cell.metadata.tags)}")
        if cell.metadata.get("deltarule", {}).get("skip"):
            about.append("skipped")
        shown.append(f"# ──── {' '.join(about)}\n{cell.source}\n")
    return "\n".join(shown)


def versions_of(source):
    notebook, report = parse(source, strict=False)
    made = {version: dump(render(notebook)) for version, render in VERSIONS.items()}
    made["warnings"] = "".join(
        f"{problem.line}: {problem.message}\n" for problem in report.warnings
    )
    return made


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_source_gives_what_its_golden_files_say(source):
    for version, text in versions_of(source).items():
        golden = FOLDER / f"{source.stem}.{version}.txt"
        if UPDATE:
            golden.unlink(missing_ok=True)
            if text:
                golden.write_text(text, encoding="utf-8")
            continue
        wanted = golden.read_text(encoding="utf-8") if golden.is_file() else ""
        assert text == wanted, f"{golden.name} differs; see the head of {Path(__file__).name}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_cell_of_a_golden_student_version_parses(source):
    notebook = student(parse(source, strict=False)[0])
    assert all(compiles(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def test_every_golden_file_belongs_to_a_source():
    stems = {source.stem for source in SOURCES}
    kinds = {*VERSIONS, "warnings"}
    strays = [
        path.name
        for path in FOLDER.glob("*.txt")
        if path.name.split(".")[0] not in stems or path.name.split(".")[1] not in kinds
    ]
    assert strays == []


def test_there_are_golden_pairs():
    assert len(SOURCES) >= 8
