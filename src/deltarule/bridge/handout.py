"""``deltarule handout``: one zip file with all that a student needs for an assignment.

::

    lab04/lab04.ipynb, figures/, data/   what stands in release/lab04
    lab04/lab04.pdf                      the printed student notebook, if there is a current one
    lab04/environment.yml                the course's; requirements.txt is the same for pip
    lab04/README.txt                     how to set up, open, and hand in

Nothing is taken from ``source/`` or ``solutions/``, nor a PDF that does not show this very release.
The same course gives the same bytes, so that a handout that is made again shows whether anything
changed. A zip file of ours is known by its comment; nothing else is overwritten unasked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from deltarule.bridge.archive import Packed, refuse_to_overwrite, write_zip
from deltarule.bridge.build import stale_files
from deltarule.bridge.pdfs import current_student_pdfs
from deltarule.config import IGNORED_NAMES, Course
from deltarule.errors import UsageError

__all__ = ["write_handout"]

MADE_BY = "Made by 'deltarule handout {assignment}'."
README = """\
{title}
{line}

This folder has all that you need for {assignment}:

{contents}

SET UP, ONCE

With conda (Miniforge, https://conda-forge.org/download/, is enough), in this folder:

    conda env create -f environment.yml
    conda activate {environment}
{pip}
START

    jupyter lab

Open {notebooks} in JupyterLab. Replace what says "your code is missing here" and
"Your answer here", and run the cells below. Locked cells stay as they are, and so do the names of
the files: your answers are found by them.

HAND IN

Choose "Kernel > Restart Kernel and Run All Cells", look at the result, save, and hand in
{notebooks}, and nothing else, where your course collects it. Hand it in even if something is
unfinished: every part has points of its own.
"""

PIP = """
Without conda, you need Python {python}. On Linux and macOS:

    python3 -m venv .venv
    source .venv/bin/activate
    python -m pip install -r requirements.txt

On Windows, use "py -m venv .venv" and ".venv\\Scripts\\activate" for the first two lines.
"""


def write_handout(course: Course, assignment: str, path: Path, *, force: bool = False) -> Packed:
    """Write the handout of ``assignment`` to ``path``.

    Raises:
        UsageError: there is no such assignment, its release is stale or missing, the course has
            no usable ``environment.yml``, ``path`` is no zip file's name, or another file is there.
        AuthoringError: the sources have mistakes.
        MachineryError: the file cannot be written.
    """
    course.sources(assignment)
    comment = MADE_BY.format(assignment=assignment)
    refuse_to_overwrite(path, comment, f"handout of {assignment}", force=force)
    _refuse_stale(course, assignment)
    files = _files(course, assignment)
    write_zip(path, files, comment)
    return Packed(path, assignment, tuple(sorted(files)))


def _refuse_stale(course: Course, assignment: str) -> None:
    begins = course.release.name
    stale = [line for line in stale_files(course, assignment) if line.startswith(begins)]
    if stale:
        listed = "\n".join(f"  {line}" for line in stale)
        raise UsageError(
            f"what students would get of '{assignment}' is not what its source says:\n{listed}\n"
            f"Run 'deltarule build {assignment}' first."
        )


def _files(course: Course, assignment: str) -> dict[str, bytes]:
    """Everything in the handout, by name. What an author released wins over what we would add."""
    released = course.release / assignment
    found = {
        path.relative_to(released).as_posix(): path.read_bytes()
        for path in sorted(released.rglob("*"))
        if path.is_file() and not IGNORED_NAMES & set(path.relative_to(released).parts)
    }
    notebooks = [name for name in found if name.endswith(".ipynb")]
    environment = _Environment.of_course(course)
    added = {"environment.yml": environment.text}
    if environment.pip:
        added["requirements.txt"] = "\n".join(environment.pip).encode() + b"\n"
    for pdf in current_student_pdfs(course, assignment):
        added[pdf.name] = pdf.read_bytes()
    readme = _readme(assignment, notebooks, sorted({*found, *added}), environment)
    added["README.txt"] = readme.encode()
    return {f"{assignment}/{name}": data for name, data in (added | found).items()}


@dataclass(frozen=True)
class _Environment:
    """The course's ``environment.yml``: what the README and pip have to know of it."""

    text: bytes
    name: str
    python: str
    pip: tuple[str, ...]

    @classmethod
    def of_course(cls, course: Course) -> _Environment:
        path = course.root / "environment.yml"
        try:
            text = path.read_bytes()
            read = yaml.safe_load(text)
            entries = read["dependencies"]
            pins = [entry for entry in entries if isinstance(entry, str)]
            pip = [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
            python = [pin for pin in pins if re.fullmatch(r"python\s*=.*", pin)]
            version = python[0].partition("=")[2].strip("= ") if python else "3"
            return cls(text, str(read["name"]), version, tuple(map(str, pip)))
        except FileNotFoundError:
            raise UsageError(
                f"{path} is missing: students need it to set up. It lists, in conda's form, what "
                "the notebooks import"
            ) from None
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} cannot be read as a conda environment with 'name' and 'dependencies': "
                f"{error}"
            ) from None


def _readme(
    assignment: str, notebooks: list[str], names: list[str], environment: _Environment
) -> str:
    tops: dict[str, None] = dict.fromkeys(
        name if "/" not in name else name.split("/")[0] + "/" for name in names
    )
    pip = PIP.format(python=environment.python) if environment.pip else ""
    return README.format(
        title=assignment,
        line="=" * len(assignment),
        assignment=assignment,
        contents="\n".join(f"    {top}" for top in tops),
        environment=environment.name,
        pip=pip,
        notebooks=" and ".join(notebooks),
    )
