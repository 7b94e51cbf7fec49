"""Canvas: the names in *Download Submissions*, and the columns of its gradebook's CSV.

Its source is open (``lib/content_zipper.rb``, ``lib/gradebook_importer.rb``), and says what its
help pages do not: a download holds the last attempt only and no times; the person's number stands
before the file's; an *empty* cell clears a grade; and rows that are not there change nothing.
"""

from __future__ import annotations

import re

from deltarule.lms.systems import Label, System

__all__ = ["SYSTEM"]

FILE = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<number>\d+)_(?P<order>\d+)_(?P<file>.+)", re.S
)
PAGE = re.compile(r"(?P<name>.+?)(?P<late>_LATE)?_(?P<number>\d+)_(text|link)\.html")
ANONYMOUS = re.compile(r"(LATE_)?anon_[^_]+_.+")


def _label(parts: tuple[str, ...]) -> Label | None:
    """``lovelaceada_LATE_123_4567_lab04-1.ipynb``, in a folder or not."""
    name = parts[-1]
    if ANONYMOUS.fullmatch(name):
        problem = "Canvas grades this assignment anonymously; download again when names are shown"
        return Label(name, "", "", name, problem=problem)
    if page := PAGE.fullmatch(name):
        problem = "it was typed or linked in Canvas, and is no file of the student's"
        return Label(page["number"], page["name"], page["number"], name, problem=problem)
    if found := FILE.fullmatch(name):
        return Label(
            person=found["number"],
            name=found["name"],
            number=found["number"],
            file=found["file"],
            order=int(found["order"]),
            late=bool(found["late"]),
        )
    return None


SYSTEM = System(
    name="canvas",
    title="Canvas",
    ids=("SIS Login ID", "SIS User ID", "ID"),
    number="ID",
    number_lasts=True,
    names=(("Student",), ("FirstName", "LastName")),
    kept=(
        *("Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID"),
        *("Integration ID", "Root Account", "Section"),
    ),
    needed=(frozenset({"Student", "ID", "Section"}), frozenset({"LastName", "ID", "Section"})),
    grades=re.compile(r"(?P<item>.+) \(\d+\)"),
    points_row="Points Possible",
    label=_label,
    bare=(
        (
            ("Student", "sortable_name"),
            ("ID", "lms_user_id"),
            ("SIS Login ID", "student"),
            ("Section", ""),
        ),
    ),
)
