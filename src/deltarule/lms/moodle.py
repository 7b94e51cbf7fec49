"""Moodle: *Download all submissions*, the grading worksheet, and the gradebook's CSV.

Its source is open (``mod/assign``, ``grade/import/csv``), and says what its help pages do not: a
download has no times, which the worksheet has; a participant's number is another one in each
assignment; the worksheet is taken only with *Identifier*, *Grade* and *Last modified (grade)*; a
grade above the maximum is left out without a word; and an empty *Feedback comments* erases what
somebody wrote there.
"""

from __future__ import annotations

import re

from deltarule.lms.systems import Label, System

__all__ = ["SYSTEM"]

FILE = re.compile(
    r"(?P<name>.*)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_(?P<file>.*)", re.S
)
BLIND = "participant"


def _label(parts: tuple[str, ...]) -> Label | None:
    """``Ada Lovelace_123_assignsubmission_file_/lab04.ipynb``, or all of that in one name."""
    for at, part in enumerate(parts):
        if found := FILE.fullmatch(part):
            file = found["file"] or "/".join(parts[at + 1 :])
            name = found["name"] if found["name"].casefold() != BLIND else ""
            kind = found["kind"]
            problem = "" if kind == "file" and file else f"it is Moodle's '{kind}', and no file"
            return Label(found["number"], name, found["number"], file, problem=problem)
    return None


SYSTEM = System(
    name="moodle",
    title="Moodle",
    ids=("Username", "ID number", "Email address", "Identifier"),
    number="Identifier",
    number_lasts=False,
    names=(("Full name",), ("First name", "Last name"), ("First name", "Surname")),
    kept=(
        *("Identifier", "Full name", "First name", "Last name", "Surname", "Username"),
        *("ID number", "Email address", "Last modified (grade)"),
    ),
    needed=(
        frozenset({"Identifier", "Grade", "Last modified (grade)"}),
        frozenset({"Email address"}),
        frozenset({"ID number"}),
        frozenset({"Username"}),
    ),
    grades=re.compile(r"(?P<worksheet>Grade)|(?:[^:]+: ?)?(?P<item>.+) \(Real\)"),
    points_column="Maximum grade",
    handed_in="Last modified (submission)",
    times=(
        "%A, %d %B %Y, %I:%M %p",
        "%A, %d %B %Y, %H:%M",
        "%A, %B %d, %Y, %I:%M %p",
        "%d %B %Y, %I:%M %p",
        "%d %B %Y, %H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ),
    label=_label,
    bare=((("Email address", "email"),), (("Username", "student"),)),
)
