"""Brightspace (D2L): the folders of an assignment's download, and the columns of its grades.

From its help pages: an import needs *OrgDefinedId* or *Username*, columns that end with *Points
Grade*, and *End-of-Line Indicator*; names and e-mail addresses are not to be imported. An export
puts ``#`` before ids, so that spreadsheets leave them alone. Folders of a download are called
``39786-640693 - Ada Lovelace - Oct 10, 2025 1022 AM``; every attempt has one of its own.
"""

from __future__ import annotations

import re
from datetime import datetime

from deltarule.lms.systems import Label, System

__all__ = ["SYSTEM"]

FOLDER = re.compile(
    r"(?P<person>\d+)-\d+ +- +(?P<name>.+?) +- +"
    r"(?P<month>[^\W\d]{3,}) (?P<day>\d{1,2}), (?P<year>\d{4}) (?P<hour>\d{1,2})(?P<minute>\d\d)"
    r"(?: (?P<half>[AP]M))?(?: +- +(?P<file>.+))?",
    re.S,
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _label(parts: tuple[str, ...]) -> Label | None:
    """A folder for each attempt, or all in the file's name; more folders may stand around it."""
    for at, part in enumerate(parts):
        if found := FOLDER.fullmatch(part):
            file = found["file"] or "/".join(parts[at + 1 :])
            *_, name = found["name"].split(" - ")  # some put the id of the person before it
            person = f"{found['person']} {name}"
            problem = "" if file else "it has no name of its own"
            return Label(person, name, "", file, when=_when(found), problem=problem)
    if parts[-1] == "index.html":
        return Label("", "", "", parts[-1], problem="it is Brightspace's own list")
    return None


def _when(found: re.Match[str]) -> datetime | None:
    """``Oct 10, 2025 1022 AM``; None for what no calendar has."""
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] == "PM" else 0)
    try:
        month = MONTHS.index(found["month"][:3].lower()) + 1
        day = int(found["day"])
        return datetime(int(found["year"]), month, day, hour, int(found["minute"]))
    except ValueError:
        return None


SYSTEM = System(
    name="brightspace",
    title="Brightspace",
    ids=("Username", "OrgDefinedId", "Email"),
    number="",
    number_lasts=False,
    names=(("First Name", "Last Name"),),
    kept=("OrgDefinedId", "Username"),
    needed=(frozenset({"OrgDefinedId"}), frozenset({"Username"})),
    grades=re.compile(r"(?P<item>.+) Points Grade(?: <.*?MaxPoints:(?P<points>[\d.,]+).*>)?"),
    label=_label,
    bare=((("Username", "student"),),),
    new_column="{item} Points Grade <Numeric MaxPoints:{points}>",
    last=("End-of-Line Indicator", "#"),
)
