"""``deltarule collect``: which file of a download is which student's which notebook.

::

    member ──label──► who, what, when ──cells──► notebook ──the latest──► Taken ──► submitted/
       └────────────────── or Left, with the reason ◄──────────┘

Every member of the archive ends in one of the two lists. A notebook is recognised by its cells, as
the grader recognises a renamed one; its name decides only where cells do not. Nothing is written
to ``submitted/`` here.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from deltarule.errors import UsageError
from deltarule.grading.handed_in import UnusableError, read_notebook
from deltarule.grading.paper import ENOUGH_KNOWN, share_known
from deltarule.grading.plan import AssignmentPlan
from deltarule.lms.archive import Archive, Member, shown
from deltarule.lms.folders import Folders
from deltarule.lms.rosters import Person, Roster
from deltarule.lms.systems import Label, System

__all__ = ["Left", "Sorted", "Taken", "sort_download"]

ENDINGS = (".ipynb", ".ipynb.txt", ".ipynb.json", ".json", ".txt")
"""What a notebook's file may end with; browsers add the others."""

COPY = re.compile(r"(-\d+| ?\(\d+\)|-Copy\d+| - Copy)$")
"""What Canvas, browsers and Jupyter put after the name of a file that is there already."""

RUBBISH = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Taken:
    """A file that counts.

    Attributes:
        student: the folder in ``submitted/``.
        name: of the person, for people; "" if nothing says it.
        notebook: of the assignment, without ``.ipynb``.
        member: the file in the archive.
        path: where it was unpacked.
        digest: SHA-256 of its content.
        when: when it was handed in, with a time zone; None if nothing says so.
        order: grows from one file to the next that came in; None if nothing says so.
        late: whether the system calls it late.
        note: what somebody should know about it.
    """

    student: str
    name: str
    notebook: str
    member: str
    path: Path
    digest: str
    when: datetime | None
    order: int | None
    late: bool
    note: str


@dataclass(frozen=True)
class Left:
    """A file that is not placed.

    Attributes:
        member: the file in the archive.
        why: the reason.
        expected: whether this happens in every download, and nobody has to look.
    """

    member: str
    why: str
    expected: bool = False


@dataclass(frozen=True)
class Sorted:
    """A download, sorted: each member is in one of the two."""

    taken: tuple[Taken, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True)
class _Known:
    """Which notebook of the assignment a file is.

    Attributes:
        notebook: its name.
        fit: 2 for a file whose name is right but for what is put after copies, 1 for another, 0
            for one that cannot be read.
        exact: whether the name is right to the letter; of equal files, this one is taken.
        note: what somebody should know about it.
    """

    notebook: str
    fit: int
    exact: bool
    note: str


@dataclass(frozen=True)
class _File:
    """A file with a student, unpacked and looked at."""

    student: str
    name: str
    member: str
    label: Label
    path: Path
    digest: str
    when: datetime | None
    known: _Known

    @property
    def rank(self) -> tuple[float, int, int]:
        """The latest counts; in one attempt what fits best, then what came in last.

        A copy's name does not count: ``lab04 (1).ipynb`` may be the newer one, or the older.
        """
        when = self.when.timestamp() if self.when is not None else 0.0
        return when, self.known.fit, self.label.order or 0


def sort_download(
    plan: AssignmentPlan,
    archive: Archive,
    system: System,
    scratch: Path,
    *,
    roster: Roster | None,
    known: Iterable[str],
    zone: tzinfo | None,
) -> Sorted:
    """Find out what a download holds.

    Args:
        plan: of the assignment.
        archive: the download.
        system: where it comes from.
        scratch: an empty folder for what is unpacked.
        roster: who is who.
        known: students that the course has already; one of these names is taken where several
            would do.
        zone: of the times in the download; None for this machine's.

    Raises:
        UsageError: not one file is called as in this system's downloads.
        MachineryError: the disk is full.
    """
    labelled, left = _labelled(archive, system)
    files_of_students = [one for one in labelled if not one[1].problem]
    folders = Folders(system, roster, known).of(label for _, label in files_of_students)
    files: list[_File] = []
    for number, (member, label) in enumerate(files_of_students):
        found = folders[label.person, label.name]
        path = scratch / f"{number}.ipynb"
        read = _read(plan, archive, member, label, path) if isinstance(found, tuple) else found
        if isinstance(found, str) or isinstance(read, str):
            left.append(Left(shown(member.name), str(read)))
            continue
        student, person = found
        name = (person.name if person else "") or label.name
        when = _with_zone(label.when, zone) or _listed_time(roster, person, zone)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(_File(student, name, shown(member.name), label, path, digest, when, read))
    taken, passed_over = _latest(files)
    has_files = {"", *(file.label.person for file in files)}
    for member, label in labelled:
        if label.problem:  # a system's own list, or a text that a student typed
            expected = label.person in has_files
            left.append(Left(shown(member.name), label.problem, expected))
    return Sorted(tuple(taken), tuple(sorted([*left, *passed_over], key=lambda one: one.member)))


def _labelled(archive: Archive, system: System) -> tuple[list[tuple[Member, Label]], list[Left]]:
    """The files of a system's making, and those that are not, or must not be unpacked.

    Raises:
        UsageError: not one file is called as in this system's downloads.
    """
    called = False
    labelled: list[tuple[Member, Label]] = []
    left: list[Left] = []
    for member in archive.members():
        label = system.label(member.parts) if member.parts else None
        called |= label is not None
        if RUBBISH & set(member.parts) or (member.parts and member.parts[-1].startswith("._")):
            left.append(Left(shown(member.name), "a computer put it there", expected=True))
        elif member.problem:
            left.append(Left(shown(member.name), member.problem))
        elif label is None:
            left.append(Left(shown(member.name), f"{system.title} calls no file like this"))
        else:
            labelled.append((member, label))
    if not called:
        raise UsageError(
            f"no file in it is called as in a download from {system.title}; is --from right, and "
            "is it the download of one assignment's submissions?"
        )
    return labelled, left


def _read(
    plan: AssignmentPlan, archive: Archive, member: Member, label: Label, path: Path
) -> _Known | str:
    """Which notebook a file is, once it is unpacked at ``path``; or why it is none."""
    if not label.file.lower().endswith(ENDINGS):
        return _not_taken(label.file)
    return archive.unpack(member, path) or _recognised(plan, path, label.file)


def _not_taken(file: str) -> str:
    if file.lower().endswith((".zip", ".gz", ".tar", ".rar", ".7z")):
        return "it is an archive in the archive; ask for the notebook itself, or unpack it yourself"
    return "it is no notebook"


def _with_zone(when: datetime | None, zone: tzinfo | None) -> datetime | None:
    if when is None:
        return None
    return when.replace(tzinfo=zone) if zone is not None else when.astimezone()


def _listed_time(
    roster: Roster | None, person: Person | None, zone: tzinfo | None
) -> datetime | None:
    """When a person handed in, where the roster has a column for it."""
    if roster is None or person is None or not roster.system.handed_in:
        return None
    column = roster.table.column(roster.system.handed_in)
    if column is None:
        return None
    text = " ".join(roster.table.rows[person.row][column].split())
    for form in roster.system.times:
        try:
            return _with_zone(datetime.strptime(text, form), zone)
        except ValueError:
            continue
    return None


def _recognised(plan: AssignmentPlan, path: Path, file: str) -> _Known | str:
    """Which notebook of an assignment a file is, whatever it is called; or why it is none."""
    stem = re.sub(r"(\.ipynb)?(\.txt|\.json)?$", "", Path(file).name, flags=re.I)
    plain = COPY.sub("", stem)
    names = {notebook.name: notebook for notebook in plan.notebooks}
    named = next((name for name in (stem, plain) if name in names), "")
    try:
        cells = read_notebook(path)
    except UnusableError as error:
        if not named:
            return f"it {error}"
        return _Known(named, 0, False, str(error))
    shares = {name: share_known(cells, notebook) for name, notebook in names.items()}
    best = max(shares, key=lambda name: (shares[name], name == named))
    enough = shares[best] >= ENOUGH_KNOWN
    if named and (shares[named] >= ENOUGH_KNOWN or not enough):
        note = "" if enough else "few of its cells are this notebook's"
        return _Known(named, 2, stem == named, note)
    if not enough:
        return f"it is another notebook: fewer than half of its cells are of '{plan.assignment}'"
    if list(shares.values()).count(shares[best]) > 1:
        return "it could be several notebooks of the assignment"
    said = f"recognised by its cells; it was called {shown(Path(file).name)}"
    return _Known(best, 1, False, said)


def _latest(files: Sequence[_File]) -> tuple[list[Taken], list[Left]]:
    """Of each student's files for each notebook the one that counts; the others with reasons."""
    groups: Mapping[tuple[str, str], list[_File]] = defaultdict(list)
    for file in files:
        groups[file.student, file.known.notebook].append(file)
    taken, left = [], []
    for _, group in sorted(groups.items()):
        *others, best = sorted(group, key=lambda file: (file.rank, file.known.exact))
        rivals = [one for one in others if one.rank == best.rank and one.digest != best.digest]
        if rivals:
            why = "several different files of one attempt could be '{}'; keep the right one"
            left += [Left(one.member, why.format(best.known.notebook)) for one in (*rivals, best)]
        else:
            taken.append(_taken(best))
        left += [_passed_over(one, best, not rivals) for one in others if one not in rivals]
    return taken, left


def _passed_over(one: _File, best: _File, counts: bool) -> Left:
    """Why a file is not taken, nor could be; ``best`` counts, or is to be looked at itself."""
    if one.digest == best.digest:
        return Left(one.member, f"the same as {best.member}", expected=True)
    if one.rank[0] < best.rank[0] or one.known.fit == best.known.fit:
        return Left(one.member, f"earlier than {best.member}", expected=True)
    return Left(one.member, f"{best.member} fits better{', and counts' if counts else ''}")


def _taken(file: _File) -> Taken:
    return Taken(
        student=file.student,
        name=file.name,
        notebook=file.known.notebook,
        member=file.member,
        path=file.path,
        digest=file.digest,
        when=file.when,
        order=file.label.order,
        late=file.label.late,
        note=file.known.note,
    )
