"""A roster: who is who in a system, from its own export; and the search for one person in it.

Identity is never guessed. A search goes from what is surely one person's to what is so only
perhaps (an id, the part of an id before ``@``, a name), stops where anything is found, and says so
if that is more than one person.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deltarule.errors import UsageError
from deltarule.lms.systems import NAMES, Label, System, the_system
from deltarule.lms.tables import Table, read_table

__all__ = ["Person", "Roster", "name_forms", "read_roster"]

NUMBER_AT_END = re.compile(r"(\d+)$")


@dataclass(frozen=True)
class Person:
    """A row of a roster.

    Attributes:
        row: its place in the table.
        ids: what identifies the person, the best name of a folder first.
        name: for people.
        number: as in a label; "" if the roster has none.
        forms: the name as it may be written elsewhere.
    """

    row: int
    ids: tuple[str, ...]
    name: str
    number: str
    forms: frozenset[str]

    @property
    def all_names(self) -> set[str]:
        """Ids and name."""
        return {*self.ids, self.name}


class Roster:
    """The persons of a table.

    Args:
        path: where it was read, for messages.
        system: whose export it is.
        table: its content.
    """

    def __init__(self, path: Path, system: System, table: Table) -> None:
        self.path = path
        self.system = system
        self.table = table
        self.people = tuple(self._people())
        self._by_id: dict[str, set[int]] = defaultdict(set)
        self._by_part: dict[str, set[int]] = defaultdict(set)
        self._by_name: dict[str, set[int]] = defaultdict(set)
        self._by_number: dict[str, set[int]] = defaultdict(set)
        for at, person in enumerate(self.people):
            for one in person.ids:
                self._by_id[_key(one)].add(at)
                if "@" in one:
                    self._by_part[_key(one.split("@")[0])].add(at)
            for form in person.forms:
                self._by_name[form].add(at)
            if person.number:
                self._by_number[person.number].add(at)

    def _people(self) -> Iterable[Person]:
        columns = [self.table.column(name) for name in self.system.ids]
        number = self.table.column(self.system.number) if self.system.number else None
        sets = [[self.table.column(one) for one in names] for names in self.system.names]
        name_columns = next((found for found in sets if None not in found), [])
        for at, row in enumerate(self.table.rows):
            if self.is_points_row(row):
                continue
            ids = [row[column].strip().lstrip("#") for column in columns if column is not None]
            found = NUMBER_AT_END.search(row[number]) if number is not None else None
            name = " ".join(row[column] for column in name_columns if column is not None)
            known = tuple(dict.fromkeys(one for one in ids if one))
            if known or name.strip():
                number_shown = found[1] if found else ""
                yield Person(at, known, name.strip(), number_shown, name_forms(name))

    def is_points_row(self, row: Sequence[str]) -> bool:
        """Whether a row says how many points there are, and is no person."""
        marker = self.system.points_row
        return bool(marker) and marker in row[0]

    def of_label(self, label: Label) -> Person | str:
        """The person that a file's name in a download means, or why nobody can be found."""
        numbered = self._by_number.get(label.number, set()) if label.number else set()
        forms = name_forms(label.name)
        if self.system.number_lasts and label.number and self._by_number:
            return self._only(numbered, f"{label.name} {label.number}")
        # A number of another assignment's may be anybody's here: the name has to agree.
        agreed = {at for at in numbered if not forms or forms & self.people[at].forms}
        if len(agreed) == 1:
            return self.people[next(iter(agreed))]
        named = {at for form in forms for at in self._by_name.get(form, ())}
        return self._only(named, label.name or label.number)

    def of_student(self, ids: Iterable[str], name: str) -> Person | str:
        """The person that a student of the gradebook is, or why nobody can be found.

        Args:
            ids: of the student, of whatever kind.
            name: of the student; "" if it is not known.
        """
        keys = [_key(one) for one in ids if one]
        forms = name_forms(name) or frozenset(form for one in keys for form in name_forms(one))
        surely = {at for one in keys for at in self._by_id.get(one, ())}
        known = name_forms(name)
        by_part = {at for one in keys for at in self._by_part.get(one, ())}
        perhaps = {at for at in by_part if not known or known & self.people[at].forms}
        named = {at for form in forms for at in self._by_name.get(form, ())}
        return self._only(surely or perhaps or named, keys[0])

    def _only(self, found: set[int], wanted: str) -> Person | str:
        if len(found) == 1:
            return self.people[next(iter(found))]
        if not found:
            return f"{self.path.name} has nobody like '{wanted}'"
        names = ", ".join(sorted(self.people[at].name or "?" for at in found)[:3])
        return f"{self.path.name} has {len(found)} persons like '{wanted}' ({names})"


def read_roster(path: Path, system: System) -> Roster:
    """Read a system's own export of its gradebook.

    Raises:
        UsageError: it is no CSV file, not of this system, or has a column twice that the system
            knows persons by, or that says when they handed in or what they can get.
    """
    table = read_table(path)
    if not _is_of(system, table):
        other = next((n for n in NAMES if n != system.name and _is_of(the_system(n), table)), "")
        needed = " or ".join("+".join(sorted(one)) for one in system.needed)
        hint = f"; it looks like one of {the_system(other).title}" if other else ""
        raise UsageError(
            f"{path} is no roster of {system.title}{hint}: it needs the columns {needed}, and has "
            f"{', '.join(table.header[:8])}"
        )
    for name in (*system.ids, *system.kept, system.points_column, system.handed_in):
        if name:
            table.column(name)  # refused here, before anything is done by the wrong one
    roster = Roster(path, system, table)
    if not roster.people:
        raise UsageError(f"{path} lists no students")
    return roster


def _is_of(system: System, table: Table) -> bool:
    return any(all(table.has(name) for name in columns) for columns in system.needed)


def _key(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def name_forms(name: str) -> frozenset[str]:
    """A name without what systems leave out of names of files, in both orders of a comma's sides.

    ``Lovelace, Ada`` may come back as ``lovelaceada`` and as ``Ada Lovelace``. Signs go before
    letters that look alike become one, since some would become letters; an accent that is written
    as a sign of its own may be lost on the way.
    """
    letters = "".join(c for c in name if c == "," or unicodedata.category(c)[0] not in "SP")
    bare = "".join(c for c in letters if unicodedata.category(c)[0] != "M")
    plain = []
    for one in (letters, bare):
        last, comma, first = unicodedata.normalize("NFKC", one).casefold().partition(",")
        orders = (last + first, first + last) if comma else (last,)
        plain += ["".join(c for c in order if c.isalnum()) for order in orders]
    return frozenset(one for one in plain if one)
