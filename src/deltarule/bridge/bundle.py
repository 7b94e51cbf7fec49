"""``deltarule bundle``: one zip file with which Gradescope grades an assignment.

::

    setup.sh             once, for the image: Python, the locked packages, a trial
    run_autograder       for each submission: submission/ in, results/results.json out
    install.sh           what setup.sh and our workflows install packages with
    bundle.json          the assignment and the names of its notebooks
    requirements.lock    the course's
    package/deltarule/   this package, as it is
    course/              source/<assignment> and the configuration

It holds the hidden tests and the solutions, and is for the instructor's eyes: on Gradescope, only
instructors can download it, and a student's code runs in our own sandbox there. The same course
gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path

from deltarule.bridge.archive import Packed, refuse_to_overwrite, write_zip
from deltarule.bridge.compiled import parse_assignment
from deltarule.config import CONFIG_NAME, IGNORED_NAMES, Course
from deltarule.errors import UsageError

__all__ = ["write_bundle"]

MADE_BY = "Made by 'deltarule bundle {assignment}'."
LOCK = "requirements.lock"
PROGRAMS = ("setup.sh", "run_autograder", "install.sh")
BUNDLED = Path(__file__).parent / "bundled"


def write_bundle(course: Course, assignment: str, path: Path, *, force: bool = False) -> Packed:
    """Write the bundle of ``assignment`` to ``path``.

    Raises:
        UsageError: there is no such assignment, the course has no lock, ``path`` is no zip file's
            name, or another file is there.
        AuthoringError: the sources have mistakes.
        MachineryError: the file cannot be written.
    """
    notebooks = [f"{source.stem}.ipynb" for source in course.sources(assignment)]
    comment = MADE_BY.format(assignment=assignment)
    refuse_to_overwrite(path, comment, f"bundle of {assignment}", force=force)
    parse_assignment(course, assignment)
    about = {"assignment": assignment, "notebooks": notebooks}
    files = {
        **{name: (BUNDLED / name).read_bytes() for name in PROGRAMS},
        "bundle.json": json.dumps(about, indent=2).encode() + b"\n",
        LOCK: _lock(course),
        f"course/{CONFIG_NAME}": (course.root / CONFIG_NAME).read_bytes(),
        **_tree(course.source / assignment, f"course/source/{assignment}"),
        **_tree(Path(__file__).parents[1], "package/deltarule"),
    }
    write_zip(path, files, comment, PROGRAMS)
    return Packed(path, assignment, tuple(sorted(files)))


def _lock(course: Course) -> bytes:
    try:
        return (course.root / LOCK).read_bytes()
    except OSError:
        raise UsageError(
            f"{course.root / LOCK} is missing: it lists, one 'name==version' a line, what grading "
            "needs. 'pip freeze --exclude deltarule > requirements.lock' writes what is installed"
        ) from None


def _tree(folder: Path, under: str) -> dict[str, bytes]:
    """All files below a folder but caches, hidden ones and links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            if IGNORED_NAMES & set(parts):
                continue
            found[f"{under}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return found
