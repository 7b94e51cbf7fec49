"""What Canvas, Moodle and Brightspace do with a file that is uploaded to them.

Written from their documentation and, for the first two, from what their own importers are seen to
do; nothing here knows the exporter. Each reader gets the people of a system and says which grades
it has afterwards. What a system would refuse, or would take for something that nobody meant, raises
:class:`RefusedError`.
"""

import csv
import io
import re


class RefusedError(Exception):
    """The system would not take the file, or would take it for something else."""


def rows_of(content):
    text = content.decode("utf-8").removeprefix("\ufeff")
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def canvas(content, people, grades):
    """Canvas goes by positions: Student, ID, [SIS User ID, SIS Login ID], Section, assignments.

    Args:
        content: the file.
        people: dictionaries with ``id``, ``sis``, ``login`` and ``name``.
        grades: by assignment's heading and person's id; changed. A heading that is not there makes
            a new assignment, an empty cell takes a grade away.

    Returns:
        The points possible by heading.
    """
    header, *rows = rows_of(content)
    if len(header) < 4 or "Student" not in header[0] or "ID" not in header[1]:
        raise RefusedError("invalid header row")
    at, columns = 2, {}
    if re.search(r"SIS\s+User\s+ID", header[at]) and re.search(r"SIS\s+Login\s+ID", header[at + 1]):
        columns, at = {"sis": at, "login": at + 1}, at + 2
    elif re.search(r"SIS\s+Login\s+ID", header[at]):
        columns, at = {"login": at}, at + 1
    if "Section" not in header[at]:
        raise RefusedError("invalid header row")
    assignments = list(enumerate(header))[at + 1 :]
    possible = {}
    for row in rows:
        if "Points Possible" in row[0]:
            assignments = [one for one in assignments if "read only" not in row[one[0]]]
            possible = {name: float(row[place]) for place, name in assignments}
            continue
        person = next((one for one in people if one["id"] == row[1]), None)
        for what, place in columns.items():
            if person is None and row[place]:
                person = next((one for one in people if one[what] == row[place]), None)
        if person is None:
            person = next((one for one in people if one["name"] == row[0]), None)
        if person is None:
            raise RefusedError(f"{row[0]} would be a new student")
        for place, name in assignments:
            cell = row[place].strip()
            if cell:
                grades.setdefault(name, {})[person["id"]] = float(cell)
            else:
                grades.get(name, {}).pop(person["id"], None)
    return possible


def moodle_worksheet(content, people, grades, most):
    """Moodle's offline grading worksheet; English headings, letter by letter.

    Args:
        content: the file.
        people: when a grade was last changed, by the number of the participant.
        grades: by number; changed.
        most: the assignment's maximum. What is above it is left out without a word.
    """
    header, *rows = rows_of(content)
    places = {name: at for at, name in enumerate(header)}
    if any(name not in places for name in ("Identifier", "Grade", "Last modified (grade)")):
        raise RefusedError("invalid grade import")
    if "Feedback comments" in places:
        raise RefusedError("that would write over every comment")
    for row in rows:
        number = row[places["Identifier"]][len("Participant ") :]
        if number not in people or row[places["Last modified (grade)"]] != people[number]:
            continue  # nobody, or graded since
        grade = row[places["Grade"]].strip()
        if grade and 0 <= float(grade) <= most:
            grades[number] = float(grade)


def moodle_grades(content, people, key, column):
    """Moodle's gradebook import from CSV: one column is mapped to people, one to a grade item.

    Args:
        content: the file.
        people: the values that Moodle knows of ``key``; matched to the letter.
        key: the heading of the column that is mapped to people.
        column: the heading of the column that is mapped to a grade item.
    """
    header, *rows = rows_of(content)
    header = [name.strip() for name in header]
    if key not in header or column not in header:
        raise RefusedError(f"no column {key} or {column} to be mapped")
    found = {}
    for row in rows:
        who = row[header.index(key)]
        if who not in people:
            raise RefusedError(f"user mapping error: {who}")  # nothing at all is imported then
        found[who] = float(row[header.index(column)])
    return found


def brightspace(content, people):
    """Brightspace: OrgDefinedId or Username, *Points Grade* columns, the indicator at the end.

    Args:
        content: the file.
        people: dictionaries with ``org`` and ``user``.

    Returns:
        Grades by item and user, and the maximum of each item where its heading says it.
    """
    header, *rows = rows_of(content)
    keys = [name for name in header[:2] if name in ("OrgDefinedId", "Username")]
    if not keys:
        raise RefusedError("no key column")
    if header[-1] != "End-of-Line Indicator" or any(row[-1] != "#" for row in rows):
        raise RefusedError("no end-of-line indicator")
    items = {}
    for place in range(len(keys), len(header) - 1):
        found = re.fullmatch(
            r"(.+) Points Grade(?: <Numeric MaxPoints:([\d.]+)(?: [^>]*)?>)?", header[place]
        )
        if found is None:
            raise RefusedError(f"'{header[place]}' is not to be imported")
        items[place] = (found[1], float(found[2]) if found[2] else None)
    grades, most = {}, dict(items.values())
    for row in rows:
        said = {name: row[at].removeprefix("#") for at, name in enumerate(keys)}
        fits = [
            one
            for one in people
            if said.get("OrgDefinedId", one["org"]) == one["org"]
            and said.get("Username", one["user"]) == one["user"]
        ]
        if len(fits) != 1:
            raise RefusedError(f"{len(fits)} persons are {said}")
        for place, (item, _) in items.items():
            grades.setdefault(item, {})[fits[0]["user"]] = float(row[place])
    return grades, most
