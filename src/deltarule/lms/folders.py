"""Who a file of a download belongs to: one folder for every person, and no folder for two."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from deltarule.lms.archive import shown
from deltarule.lms.rosters import Person, Roster
from deltarule.lms.systems import Label, System

__all__ = ["Folders", "folder_problem"]

LONGEST_FOLDER = 120
"""Characters of a student's name; nbgrader's gradebook holds 128."""

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)
"""What no folder can be called on Windows."""

_Found = tuple[str, Person | None] | str
"""A folder's name and who that is in the roster; or why there is no folder."""


class Folders:
    """Gives every person of a download a folder.

    Args:
        system: where the download comes from.
        roster: who is who, if that is known.
        known: students that the course has already; one of these names is taken where several
            would do.
    """

    def __init__(self, system: System, roster: Roster | None, known: Iterable[str]) -> None:
        self.system = system
        self.roster = roster
        self.known = set(known)

    def of(self, labels: Iterable[Label]) -> dict[tuple[str, str], _Found]:
        """The folder and the person by a label's person and name, or why there is none."""
        found: dict[tuple[str, str], _Found] = {}
        claims: dict[str, set[str]] = defaultdict(set)
        for label in labels:
            key = (label.person, label.name)
            if key not in found:
                found[key] = one = self._folder(label)
                if not isinstance(one, str):
                    student, person = one
                    # Without numbers, one name in the roster is one person, whatever else is said.
                    by_row = person is not None and not self.system.number
                    who = str(person.row) if by_row and person else label.person
                    claims[student.casefold()].add(who)
        return {
            key: f"two persons would both be '{one[0]}'; use a roster that tells them apart"
            if not isinstance(one, str) and len(claims[one[0].casefold()]) > 1
            else one
            for key, one in found.items()
        }

    def _folder(self, label: Label) -> _Found:
        person = self.roster.of_label(label) if self.roster is not None else None
        if isinstance(person, str):
            return person
        if person is not None:
            names = person.ids or (person.name,)
            student = next((name for name in names if name in self.known), names[0])
        else:
            lasting = label.number if self.system.number_lasts else ""
            student = lasting or " ".join(label.name.split())
        problem = folder_problem(student)
        if problem:
            return f"'{shown(student)}' {problem}" + ("" if self.roster else "; use --roster")
        return student, person


def folder_problem(student: str) -> str:
    """Why a name cannot be a student's folder, on any system and in any command; "" if it can."""
    if not student.strip():
        return "is no name for a student's folder"
    if student.startswith((".", "-", "~")) or student != student.strip() or student.endswith("."):
        return "begins or ends with what no student's folder may"
    if any(c in '/\\:*?"<>|' or not c.isprintable() for c in student):
        return "has a character that no student's folder may have"
    if len(student) > LONGEST_FOLDER or len(student.encode("utf-8", "replace")) > 250:
        return "is too long for a student's folder"
    return "is no folder's name on Windows" if RESERVED.fullmatch(student) else ""
