"""The documentation is run: every ``$`` line of every console block, in a copy of the course."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = [
    "README.md",
    "docs/adopting.md",
    "docs/authoring.md",
    "docs/grading.md",
    "docs/ci.md",
    "docs/printing.md",
    "docs/lms.md",
    "docs/report.md",
    "docs/students.md",
    "docs/tutorial.md",
]
COPIED = (
    "source",
    "release",
    "solutions",
    "nbgrader_config.py",
    "tests/submissions",
    "README.md",
    "environment.yml",
    "requirements.lock",
    "templates",
    "tools",
)
BLOCK = re.compile(r"^```console\n(.*?)^```", re.S | re.M)
FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.S | re.M)
SAVED = re.compile(r"Save this as `(?P<path>[^`]+)`:\n\n(`{3,4})\w+\n(?P<text>.*?)\n\2\n", re.S)


def steps(page):
    """What a reader does, in the order of the page: files to save, and commands to type."""
    blocks = [*BLOCK.finditer(page), *SAVED.finditer(page)]
    for block in sorted(blocks, key=lambda match: match.start()):
        if block.re is SAVED:
            yield "save", (block["path"], block["text"] + "\n")
            continue
        for line in block[1].splitlines():
            if line.startswith("$ "):
                yield "type", line.removeprefix("$ ")


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_command_on_the_page_works_as_typed(course_root, tmp_path, name):
    page = (course_root / name).read_text(encoding="utf-8")
    assert "type" in dict(steps(page)), f"{name} shows no commands"
    for part in COPIED:
        target = tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (course_root / part).is_dir() else shutil.copyfile
        copy(course_root / part, target)
    programs = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([programs, os.environ["PATH"]])}
    for kind, what in steps(page):
        if kind == "save":
            (tmp_path / what[0]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / what[0]).write_text(what[1], encoding="utf-8")
            continue
        ran = subprocess.run(
            what,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode == 0, f"$ {what}\n{ran.stdout}{ran.stderr}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"])
def test_every_local_link_leads_somewhere(course_root, page):
    start = course_root / page
    pages = sorted(start.glob("*.md")) if start.is_dir() else [start]
    assert pages
    for path in pages:
        prose = FENCED.sub(
            "", path.read_text(encoding="utf-8")
        )  # files that are shown have their own
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", prose):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_command_is_documented(course_root):
    import click

    from deltarule.cli import main

    text = "\n".join(path.read_text(encoding="utf-8") for path in course_root.glob("docs/*.md"))
    for name in main.list_commands(click.Context(main)):
        assert f"deltarule {name}" in text, name


def test_every_judge_is_named_where_authors_look_for_it(course_root):
    from deltarule import judging

    text = (course_root / "docs" / "authoring.md").read_text(encoding="utf-8")
    judges = [name for name in judging.__all__ if name.islower() and callable(vars(judging)[name])]
    assert len(judges) > 10
    for name in judges:
        assert f"judging.{name}(" in text, name
