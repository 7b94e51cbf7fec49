"""``deltarule build``: bring ``release/`` and ``solutions/`` in step with ``source/``.

Each folder has one writer. The release is nbgrader's own conversion of the compiled notebooks; the
solutions are rendered from the sources and executed, and executed again only when their text
changed. ``check`` makes both anew in a temporary folder, executes nothing, and compares.
"""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deltarule.bridge.compiled import (
    copy_extra_files,
    manifest_entry,
    needs_compiling,
    parse_assignment,
    put_back_interrupted,
    record_build,
    recorded_errors,
)
from deltarule.config import (
    IGNORED_NAMES,
    Course,
    assignment_fingerprint,
    replace_directory,
    source_hash,
)
from deltarule.errors import UsageError

__all__ = [
    "build_assignment",
    "chosen_assignments",
    "require_compiled",
    "require_recorded",
    "stale_files",
    "up_to_date",
]

Say = Callable[[str], None]


def up_to_date(course: Course, assignment: str) -> bool:
    """Whether nothing has to be done; compares hashes, imports no compiler."""
    entry = manifest_entry(course, assignment)
    return (
        course.gradebook.exists()
        and entry.get("released") == assignment_fingerprint(course, assignment)
        and entry.get("built") == _digest(course, assignment)
    )


def _digest(course: Course, assignment: str) -> str:
    """A hash of all files that are generated for one assignment."""
    digest = hashlib.sha256()
    for folder in (course.release, course.solutions):
        for path in sorted((folder / assignment).rglob("*")):
            if path.is_file() and not IGNORED_NAMES & set(path.relative_to(folder).parts):
                digest.update(path.relative_to(course.root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build_assignment(course: Course, assignment: str, say: Say) -> bool:
    """Build one assignment; report whether there was anything to do.

    Args:
        course: the course.
        assignment: its name.
        say: called with a short sentence before each step that takes time.

    Raises:
        AuthoringError: the sources have mistakes; release and solutions are as they were.
        ReleaseRefusedError: the change would orphan submissions.
        MachineryError: nbgrader failed, or the solution does not run.
    """
    course.sources(assignment)
    if up_to_date(course, assignment):
        return False
    put_back_interrupted(course)
    say(f"{assignment}: compiling")
    from deltarule.bridge.release import generate_release, refuse_broken_sources

    refuse_broken_sources(course, assignment)
    with tempfile.TemporaryDirectory(dir=course.build) as scratch:
        # First what can fail by itself: nothing is replaced before the solution has run.
        solutions = Path(scratch) / assignment
        _solve(course, assignment, solutions, say)
        say(f"{assignment}: release")
        generate_release(course, assignment)
        with course.lock():
            replace_directory(solutions, course.solutions / assignment)
    record_build(course, assignment, _digest(course, assignment))
    return True


def _solve(course: Course, assignment: str, folder: Path, say: Say) -> None:
    """Make ``solutions/<assignment>`` anew in ``folder``; run what changed, keep other outputs."""
    import nbformat

    from deltarule.authoring import execute, solution

    digest = source_hash(course, assignment)
    folder.mkdir()
    copy_extra_files(course, assignment, folder)
    for notebook in parse_assignment(course, assignment):
        new = solution(notebook, digest)
        old = _read(course.solutions / assignment / f"{notebook.name}.ipynb")
        if old is not None and _same_text(old, new):
            for cell, kept in zip(new.cells, old.cells, strict=True):
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = kept.outputs, kept.execution_count
        else:
            say(f"{assignment}: running the solution {notebook.name}")
            seconds = notebook.header.limits.get("cell_seconds", 600)
            execute(new, folder, name=str(notebook.path.name), cell_seconds=seconds)
        text = nbformat.writes(new)
        (folder / f"{notebook.name}.ipynb").write_text(text + "\n", encoding="utf-8")
    for made in folder.rglob("*"):  # what the solution itself wrote is not part of it
        known = made.is_dir() or made.suffix == ".ipynb"
        if not known and made.relative_to(folder) not in _extra_names(course, assignment):
            made.unlink()


def _extra_names(course: Course, assignment: str) -> set[Path]:
    base = course.source / assignment
    return {path.relative_to(base) for path in course.extra_files(assignment)}


def _read(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError):
        return None


def _without_outputs(notebook: Any, *, keep_hash: bool) -> Any:
    bare = copy.deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if not keep_hash:
        bare.metadata.get("deltarule", {}).pop("source_sha256", None)
    return bare


def _same_text(old: Any, new: Any, *, keep_hash: bool = False) -> bool:
    return bool(
        _without_outputs(old, keep_hash=keep_hash) == _without_outputs(new, keep_hash=keep_hash)
    )


def stale_files(course: Course, assignment: str) -> list[str]:
    """What ``deltarule build`` would change in ``release/`` and ``solutions/``; executes nothing.

    Returns:
        One sentence for each file that is stale, missing or not made from a source.

    Raises:
        AuthoringError: the sources have mistakes.
    """
    from deltarule.authoring import solution
    from deltarule.bridge.release import generate_release, refuse_broken_sources

    refuse_broken_sources(course, assignment)
    complaints: list[str] = []
    digest = source_hash(course, assignment)
    with tempfile.TemporaryDirectory(dir=course.build) as scratch:
        fresh = Path(scratch) / "release"
        gradebook = f"sqlite:///{Path(scratch) / 'gradebook.db'}"
        generate_release(course, assignment, release=fresh, db_url=gradebook)
        complaints += _compare_folders(fresh / assignment, course.release / assignment, course.root)
        expected = Path(scratch) / "solutions" / assignment
        expected.mkdir(parents=True)
        copy_extra_files(course, assignment, expected)
        for notebook in parse_assignment(course, assignment):
            path = course.solutions / assignment / f"{notebook.name}.ipynb"
            shown = path.relative_to(course.root)
            old = _read(path)
            if old is None:
                complaints.append(f"{shown} is missing")
            elif not _same_text(old, solution(notebook, digest), keep_hash=True):
                complaints.append(f"{shown} is stale")
            (expected / path.name).touch()
        complaints += _compare_folders(
            expected, course.solutions / assignment, course.root, notebooks=False
        )
    return complaints


def _compare_folders(
    fresh: Path, committed: Path, root: Path, *, notebooks: bool = True
) -> list[str]:
    complaints = []
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    there = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    there = {path for path in there if ".ipynb_checkpoints" not in path.parts}
    shown = committed.relative_to(root)
    for path in sorted(wanted | there):
        if path not in there:
            if notebooks or path.suffix != ".ipynb":
                complaints.append(f"{shown / path} is missing")
        elif path not in wanted:
            complaints.append(f"{shown / path} does not come from a source")
        elif path.suffix == ".ipynb":
            if notebooks and _read(fresh / path) != _read(committed / path):
                complaints.append(f"{shown / path} is stale")
        elif (fresh / path).read_bytes() != (committed / path).read_bytes():
            complaints.append(f"{shown / path} is stale")
    return complaints


def chosen_assignments(course: Course, names: tuple[str, ...]) -> list[str]:
    """The assignments that a command is about: the named ones, or all.

    Raises:
        UsageError: one of them does not exist, or there is none at all.
    """
    chosen = list(names) or course.assignments()
    if not chosen:
        raise UsageError(f"there are no sources yet: write {course.source}/<assignment>/<name>.md")
    for name in chosen:
        course.sources(name)
    return chosen


def require_compiled(course: Course, assignment: str) -> None:
    """See that the compiled notebooks are there and current.

    Raises:
        UsageError: there is no such assignment.
        AuthoringError: its sources have mistakes.
    """
    course.sources(assignment)
    if needs_compiling(course, assignment) or recorded_errors(course, assignment):
        from deltarule.bridge.release import refuse_broken_sources

        refuse_broken_sources(course, assignment)


def require_recorded(course: Course, assignment: str) -> None:
    """See that the gradebook knows the assignment as it stands in the sources.

    Raises:
        ReleaseRefusedError: graded cells changed although submissions exist.
    """
    entry = manifest_entry(course, assignment)
    current = entry.get("released") == assignment_fingerprint(course, assignment)
    if current and course.gradebook.exists():
        return
    from deltarule.bridge.release import generate_release

    generate_release(course, assignment)
