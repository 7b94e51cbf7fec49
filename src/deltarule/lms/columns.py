"""The column of an assignment in a system's gradebook, and the rows that go back to it.

Only rows with a grade are written: an empty cell clears a grade in Canvas, and may do so in Moodle,
while a row that is not there changes nothing anywhere. Identity columns are the roster's own, as
they came; feedback is not among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from deltarule.errors import UsageError
from deltarule.lms.grades import Grade
from deltarule.lms.rosters import Person, Roster, name_forms
from deltarule.lms.systems import System
from deltarule.lms.tables import NUMBER, Table, as_number, harmless, project, shown_points

__all__ = ["Column", "assignment_column", "bare_table", "roster_table"]

SAME = 1e-6


@dataclass(frozen=True)
class Column:
    """Where grades go.

    Attributes:
        header: as the system writes it.
        place: in the roster; None for a new one.
        most: points in the system; None if it does not say.
    """

    header: str
    place: int | None
    most: float | None


def assignment_column(
    roster: Roster, assignment: str, wanted: str | None, new: str | None, points: float
) -> Column:
    """Find an assignment's column in a roster, or the heading of a new one.

    Args:
        roster: the system's export.
        assignment: its name in the course.
        wanted: what the system calls it, if that is something else.
        new: the title of a column to be made.
        points: what a new column is out of.

    Raises:
        UsageError: none or several could be meant, or nobody can tell what it is out of.
    """
    system = roster.system
    found = {}
    for place, header in enumerate(roster.table.header):
        match = system.grades.fullmatch(header.strip())
        if match is not None:
            found[place] = match
    if new is not None:
        return Column(new_header(system, new, points), None, None)
    named = {}
    for place, match in found.items():
        item = match["item"]
        texts = {roster.table.header[place], item or ""}
        by_name = name_forms(wanted or assignment) & {f for t in texts for f in name_forms(t)}
        if by_name or (item is None and wanted is None):  # the worksheet of just this assignment
            named[place] = match
    if len(named) == 1:
        ((place, match),) = named.items()
        return Column(
            roster.table.header[place],
            place,
            _most(roster, place, match["points"] if "points" in match.groupdict() else None),
        )
    listed = "".join(f"\n  {roster.table.header[place]}" for place in (named or found))
    if named:
        raise UsageError(
            f"several columns of {roster.path} could be it; choose by --column:{listed}"
        )
    what = f"'{wanted or assignment}'"
    if not found:
        raise UsageError(
            f"{roster.path} has no column of grades for {what}; let {system.title} make one: "
            "--new-column TITLE"
        )
    raise UsageError(
        f"{roster.path} has no column for {what}; say which it is by --column, or let "
        f"{system.title} make one by --new-column TITLE. There are:{listed}"
    )


def new_header(system: System, title: str, points: float) -> str:
    """The heading by which a system makes a new column."""
    return system.new_column.format(item=title, points=shown_points(points))


def _most(roster: Roster, place: int, said: str | None) -> float | None:
    """What a column is out of, wherever the system says it.

    Raises:
        UsageError: it says a number that can be read in two ways.
    """
    if said is not None:
        return _points(roster, said)
    table = roster.table
    for row in table.rows:
        if roster.is_points_row(row):
            return _points(roster, row[place])
    column = table.column(roster.system.points_column) if roster.system.points_column else None
    if column is None:
        return None
    most = {_points(roster, table.rows[one.row][column]) for one in roster.people}
    return most.pop() if len(most) == 1 else None


def _points(roster: Roster, text: str) -> float | None:
    """A number that grades are compared with; None where there is none, and nothing to compare."""
    points = as_number(text)
    if points is None and NUMBER.fullmatch(text.strip()):
        raise UsageError(
            f"{roster.path} says that all points are '{text.strip()}', which may have a decimal "
            "comma or thousands; write it there without a comma, as 1000 or 1.0"
        )
    return points


def roster_table(
    roster: Roster, column: Column, cells: Iterable[tuple[Person, str]], points: float
) -> Table:
    """The file to import: the roster's own identity columns, and one of grades."""
    table = roster.table
    kept = {name.casefold() for name in roster.system.kept}
    places = [at for at, name in enumerate(table.header) if name.strip().casefold() in kept]
    before = [at for at in places if column.place is None or at < column.place]
    after = [at for at in places if at not in before]
    last = roster.system.last

    def line(row: Sequence[str], cell: str, end: str) -> tuple[str, ...]:
        made = (*project(row, before), cell, *project(row, after))
        return (*made, end) if last is not None else made

    header = line(table.header, column.header, last[0] if last else "")
    rows = []
    for row in table.rows:
        if roster.is_points_row(row):
            cell = shown_points(points) if column.place is None else row[column.place]
            rows.append(line(row, cell, ""))
    if roster.system.points_row and not rows:
        blank = ("",) * len(table.header)
        rows.append(line((f"    {roster.system.points_row}", *blank[1:]), shown_points(points), ""))
    ordered = sorted(cells, key=lambda one: one[0].row)
    rows += [line(table.rows[who.row], cell, last[1] if last else "") for who, cell in ordered]
    return replace(table, header=header, rows=tuple(rows))


def bare_table(
    system: System, header: str, cells: Sequence[tuple[Grade, str]], points: float
) -> Table:
    """The file to import without a roster: students by the ids that the course has."""
    end = system.last[1] if system.last else ""
    made = next(one for one in system.bare if _filled(one[0][1], cells) or one is system.bare[-1])
    rows = [
        (*harmless(grade.said(what) for _, what in made), cell, *((end,) if end else ()))
        for grade, cell in cells
    ]
    if system.points_row:
        blank = ("",) * (len(made) - 1)
        rows.insert(0, (f"    {system.points_row}", *blank, shown_points(points)))
    names = (name for name, _ in made)
    return Table((*names, header, *((system.last[0],) if system.last else ())), tuple(rows))


def _filled(what: str, cells: Sequence[tuple[Grade, str]]) -> bool:
    return all(grade.said(what) for grade, _ in cells)
