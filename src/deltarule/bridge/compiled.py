"""Keep ``build/source`` in step with ``source``: compile an assignment when its hash changed.

The manifest records, for each assignment, the fingerprint that was compiled, whether it compiled,
and the limits from the headers. Importing this module is cheap; the compiler is imported when an
assignment is compiled.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from deltarule.config import (
    Course,
    assignment_fingerprint,
    replace_directory,
    source_hash,
    write_atomic,
)
from deltarule.errors import AuthoringError, Problem

__all__ = [
    "changed_assignments",
    "compile_assignment",
    "copy_extra_files",
    "manifest_entry",
    "needs_compiling",
    "parse_assignment",
    "put_back_interrupted",
    "record_build",
    "record_release",
    "recorded_errors",
]

ASIDE = ".*-old-*"
"""How ``replace_directory`` names the folder in which it puts the old one aside."""


def changed_assignments(course: Course) -> list[str]:
    """Assignments whose compiled notebooks are missing or older than their sources.

    Compiled notebooks of assignments whose sources are gone are removed on the way.
    """
    existing = course.assignments()
    for gone in set(course.read_manifest()) - set(existing):
        _forget(course, gone)
    changed = []
    for assignment in existing:
        try:
            if needs_compiling(course, assignment):
                changed.append(assignment)
        except OSError:  # one that cannot be read says so when it is compiled; others go on
            changed.append(assignment)
    return changed


def needs_compiling(course: Course, assignment: str) -> bool:
    """Whether the outcome of the last compilation is missing, or older than the sources.

    Raises:
        OSError: a source cannot be read.
    """
    entry = manifest_entry(course, assignment)
    if entry.get("fingerprint") != assignment_fingerprint(course, assignment):
        return True
    if not entry.get("compiled"):
        return not recorded_errors(course, assignment)
    folder = course.compiled / assignment
    return not all((folder / f"{p.stem}.ipynb").is_file() for p in course.sources(assignment))


def recorded_errors(course: Course, assignment: str) -> str:
    """The authoring errors of the last compilation of an assignment, or ""."""
    path = course.errors / f"{assignment}.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def parse_assignment(course: Course, assignment: str) -> list[Any]:
    """Parse every source of an assignment.

    Raises:
        AuthoringError: with the mistakes of all its files.
    """
    from deltarule.authoring import parse

    problems: list[Problem] = []
    notebooks = []
    for path in course.sources(assignment):
        try:
            notebook, _ = parse(path, shown=path.relative_to(course.root))
            notebooks.append(notebook)
        except AuthoringError as error:
            problems += error.problems
    if problems:
        raise AuthoringError(problems)
    return notebooks


def compile_assignment(course: Course, assignment: str) -> bool:
    """Compile one assignment into ``build/source``; report whether it compiled.

    Where it did not, its compiled notebooks are removed, so that nbgrader refuses the assignment,
    and the errors stand in ``build/errors/<assignment>.txt``.
    """
    with course.lock():
        fingerprint = assignment_fingerprint(course, assignment)
        errors = course.errors / f"{assignment}.txt"
        limits: dict[str, float] = {}
        try:
            notebooks = parse_assignment(course, assignment)
        except AuthoringError as error:
            _take_notebooks_away(course.compiled / assignment)
            write_atomic(errors, f"{error}\n")
            compiled = False
        else:
            _write_notebooks(course, assignment, notebooks)
            errors.unlink(missing_ok=True)
            for notebook in notebooks:
                for key, value in notebook.header.limits.items():
                    limits[key] = max(limits.get(key, 0.0), value)
            compiled = True
        _record(course, assignment, fingerprint=fingerprint, compiled=compiled, **limits)
    return compiled


def _take_notebooks_away(folder: Path) -> None:
    """Leave nbgrader a folder, which formgrader lists, and no notebook to convert."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.ipynb"):
        stale.unlink()


def _write_notebooks(course: Course, assignment: str, notebooks: list[Any]) -> None:
    import nbformat

    from deltarule.authoring import master

    course.build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=course.build) as scratch:
        folder = Path(scratch) / assignment
        folder.mkdir()
        copy_extra_files(course, assignment, folder)
        for notebook in notebooks:
            text = nbformat.writes(master(notebook, source_hash(course, assignment)))
            (folder / f"{notebook.name}.ipynb").write_text(text + "\n", encoding="utf-8")
        replace_directory(folder, course.compiled / assignment)


def copy_extra_files(course: Course, assignment: str, folder: Path) -> None:
    """Copy an assignment's data and figures into ``folder``."""
    for path in course.extra_files(assignment):
        target = folder / path.relative_to(course.source / assignment)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def put_back_interrupted(course: Course) -> None:
    """Finish what a process left undone that was killed while it exchanged two folders.

    ``replace_directory`` moves the old folder aside before it moves the new one in. If nothing
    followed, the old one goes back to its place.
    """
    folders = (course.release, course.solutions, course.compiled)
    if not any(aside for folder in folders for aside in folder.glob(ASIDE)):
        return
    with course.lock():  # nobody is exchanging folders now
        for aside in [aside for folder in folders for aside in folder.glob(ASIDE)]:
            for old in aside.iterdir():
                if not (aside.parent / old.name).exists():
                    old.replace(aside.parent / old.name)
            shutil.rmtree(aside, ignore_errors=True)


def manifest_entry(course: Course, assignment: str) -> dict[str, Any]:
    """What the manifest records of one assignment; empty where that is nothing, or damaged."""
    entry = course.read_manifest().get(assignment)
    return entry if isinstance(entry, dict) else {}


def record_release(course: Course, assignment: str) -> None:
    """Note in the manifest that ``release/`` and the gradebook have the compiled notebooks."""
    with course.lock():
        entry = manifest_entry(course, assignment)
        _record(course, assignment, **{**entry, "released": entry.get("fingerprint", "")})


def record_build(course: Course, assignment: str, digest: str) -> None:
    """Note in the manifest what ``deltarule build`` left in ``release/`` and ``solutions/``."""
    with course.lock():
        _record(course, assignment, **{**manifest_entry(course, assignment), "built": digest})


def _record(course: Course, assignment: str, **entry: Any) -> None:
    manifest = course.read_manifest()
    manifest[assignment] = entry
    write_atomic(course.manifest, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _forget(course: Course, assignment: str) -> None:
    with course.lock():
        shutil.rmtree(course.compiled / assignment, ignore_errors=True)
        (course.errors / f"{assignment}.txt").unlink(missing_ok=True)
        manifest = course.read_manifest()
        manifest.pop(assignment, None)
        write_atomic(course.manifest, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
