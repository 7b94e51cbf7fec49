"""Results that are kept in ``build/graded/<assignment>/``, one file for each submission.

A file holds a result, a hash of what was graded, and the key that decides whether the result is
still good; who grades looks at the key, who reports does not: what is kept is what is on record.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from deltarule.config import Course
from deltarule.grading.results import Result

__all__ = ["kept_content", "kept_path", "kept_results"]

LONGEST_NAME = 200
"""Bytes of a student's name that a file's name, with its ending, certainly has room for."""


def kept_path(course: Course, assignment: str, student: str) -> Path:
    """Where the result of a student's submission is kept."""
    name = student
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return course.build / "graded" / assignment / f"{name}.json"


def kept_content(course: Course, assignment: str, student: str) -> str:
    """The hash of what was graded (:func:`~deltarule.grading.inbox.content_hash`), or ""."""
    try:
        text = kept_path(course, assignment, student).read_text(encoding="utf-8")
        return str(json.loads(text)["content"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def kept_results(course: Course, assignment: str) -> dict[str, Result]:
    """All results of an assignment that are kept and can be read, by student.

    What a person has graded since is not in them.
    """
    found = {}
    for path in sorted((course.build / "graded" / assignment).glob("*.json")):
        try:
            result = Result.from_json(json.loads(path.read_text(encoding="utf-8"))["result"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a file that is damaged, or of another version: it is graded again anyway
        found[result.student] = result
    return found
