"""From raw cells to a :class:`~deltarule.authoring.cells.Notebook`: what the tags of a file mean.

All mistakes of a file are collected and reported together. ``strict`` is for course sources;
without it (``deltarule convert``, sources from anywhere) untidiness is a warning, and only what
cannot be given a meaning is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from deltarule.authoring.cells import Cell, Given, Homework, Notebook, Part, Role, Secret
from deltarule.authoring.names import name_cells, name_tasks
from deltarule.authoring.questions import place_questions, split_at_homework
from deltarule.authoring.render import judges
from deltarule.authoring.source import Line, RawCell, RawSource, read_source
from deltarule.authoring.stubs import NoStubError, student_text
from deltarule.authoring.syntax import imports, syntax_error
from deltarule.authoring.tags import Tag, TagKind, classify, graded_arguments
from deltarule.errors import AuthoringError, Problem

__all__ = ["Report", "parse"]

TOP_TAGS = {TagKind.SKIP, TagKind.TEST, TagKind.ANSWER, TagKind.DEMO}
REGION_ENDS = {TagKind.HIDDEN_BEGIN: TagKind.HIDDEN_END, TagKind.SCHEME_BEGIN: TagKind.SCHEME_END}

SMALLEST_POINT = 1e-9
"""Sums of points that are nearer than this are equal."""


@dataclass
class Report:
    """Collects what is wrong with a file: errors, and warnings where not ``strict``."""

    path: Path
    strict: bool
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, line: Line, message: str) -> None:
        """Record a mistake that leaves the line without a meaning."""
        self.errors.append(Problem(self.path, line.number, message, line.text))

    def untidy(self, line: Line, message: str) -> None:
        """Record a mistake that has an obvious meaning: an error only in course sources."""
        kept = self.errors if self.strict else self.warnings
        kept.append(Problem(self.path, line.number, message, line.text))


def parse(path: Path, *, strict: bool = True, shown: Path | None = None) -> tuple[Notebook, Report]:
    """Parse one source file.

    Args:
        path: the file.
        strict: whether untidiness is an error (course sources) or a warning.
        shown: how messages name the file; ``path`` by default.

    Returns:
        The notebook, and the report with the warnings.

    Raises:
        AuthoringError: with every mistake of the file.
    """
    raw = read_source(path, shown)
    report = Report(shown or path, strict)
    report.errors += raw.problems
    cells = _Reader(report).read(raw.cells)
    cells = [part for cell in cells for part in split_at_homework(cell)]
    cells = name_cells(cells, report)
    cells = place_questions(cells)
    cells = [name_tasks(cell) for cell in cells]
    notebook = Notebook(path, path.stem, raw.header, raw.kernelspec, tuple(cells))
    _check_code(notebook, report)
    if not report.errors:  # the sums are wrong where a tag is
        _check_points(notebook, raw, report)
    if report.errors:
        raise AuthoringError(report.errors)
    return notebook, report


@dataclass
class _Draft:
    """A cell while its lines are being read."""

    raw: RawCell
    role: Role = Role.PLAIN
    role_line: Line | None = None
    name: str = ""
    points: float | None = None
    skip: bool = False
    parts: list[Part] = field(default_factory=list)
    given: list[Line] = field(default_factory=list)
    secret: list[Line] = field(default_factory=list)
    secret_end: TagKind | None = None
    began: bool = False  # an ordinary line was seen: top tags are over

    def flush(self) -> None:
        """Close the run of given lines."""
        if self.given:
            self.parts.append(Given(tuple(self.given)))
            self.given = []


@dataclass
class _Region:
    """A homework region that is open; it may go on over several cells."""

    begin: Line
    name: str
    lines: list[Line] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    continued: bool = False

    def close(self) -> Homework:
        text = self.begin.text
        return Homework(
            lines=tuple(self.lines),
            messages=tuple(self.messages),
            line=self.begin.number,
            indent=text[: len(text) - len(text.lstrip())],
            name=self.name,
            continued=self.continued,
        )


class _Reader:
    """Walks through the lines of all cells once, with at most one homework region open."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.region: _Region | None = None

    def read(self, raw_cells: Iterable[RawCell]) -> list[Cell]:
        cells = [self._read_cell(raw) for raw in raw_cells]
        if self.region is not None:
            self.report.error(
                self.region.begin,
                "this homework region never ends; write '#!TAG HWEND' on a line of its own",
            )
        return cells

    def _read_cell(self, raw: RawCell) -> Cell:
        draft = _Draft(raw)
        for line in raw.lines:
            tag = classify(line.text)
            if tag is None or (raw.kind == "raw" and self.region is None):
                if tag is not None:
                    self.report.error(
                        line, "a tag in a raw cell has no effect; write a Markdown or code cell"
                    )
                self._ordinary(draft, line)
            else:
                self._tag(draft, line, tag)
        if draft.secret_end is not None:
            self.report.error(draft.secret[0], f"this never ends; write '{draft.secret_end.value}'")
        if self.region is not None:
            draft.flush()
            draft.parts.append(self.region.close())
            self.region = _Region(self.region.begin, self.region.name, continued=True)
        draft.flush()
        return self._finish(draft)

    def _finish(self, draft: _Draft) -> Cell:
        cell = Cell(
            kind=draft.raw.kind,
            role=draft.role,
            parts=tuple(draft.parts),
            line=draft.raw.first_line,
            name=draft.name,
            points=draft.points,
            skip=draft.skip,
            tags=draft.raw.tags,
            tag=draft.role_line,
        )
        if cell.homework and cell.role in (Role.TEST, Role.DEMO) and draft.role_line:
            self.report.error(
                draft.role_line,
                f"a {cell.role} cell holds no homework; put the homework in a cell before it",
            )
        if cell.role is Role.TEST and not cell.master.strip() and draft.role_line:
            self.report.error(
                draft.role_line, "this test cell is empty and would test nothing; write the test"
            )
        if cell.homework and cell.role is Role.PLAIN and cell.kind == "code":
            return replace(cell, role=Role.SOLUTION)
        return cell

    def _ordinary(self, draft: _Draft, line: Line) -> None:
        if draft.secret_end is not None:
            draft.secret.append(line)
        elif self.region is not None:
            self.region.lines.append(line)
        else:
            draft.given.append(line)
        magic = draft.raw.lines[0] is line and line.text.startswith("%%")  # it must stay on top
        if line.text.strip() and not magic:
            draft.began = True

    def _tag(self, draft: _Draft, line: Line, tag: Tag) -> None:
        if tag.mistake:
            (self.report.error if tag.fatal else self.report.untidy)(line, tag.mistake)
        if tag.kind is None:
            if not tag.fatal:
                self._ordinary(draft, line)
        elif draft.secret_end is not None and tag.kind is not draft.secret_end:
            self.report.error(
                line,
                f"'{tag.kind.value}' inside a region that '"
                f"{draft.secret_end.value}' has not closed yet",
            )
        elif tag.kind in TOP_TAGS:
            self._top_tag(draft, line, tag)
        elif tag.kind in (TagKind.HOMEWORK_BEGIN, TagKind.HOMEWORK_END, TagKind.MESSAGE):
            self._homework_tag(draft, line, tag)
        else:
            self._secret_tag(draft, line, tag)

    def _top_tag(self, draft: _Draft, line: Line, tag: Tag) -> None:
        kind = tag.kind
        assert kind is not None
        if draft.raw.kind != "code" and kind is not TagKind.ANSWER:
            self.report.error(
                line,
                f"'{kind.value}' belongs at the top of a code cell, "
                f"and this is a {draft.raw.kind} cell",
            )
            return
        if self.region is not None and self.region.continued and kind is not TagKind.SKIP:
            self.report.error(
                line,
                "this cell lies in the homework region that began in line "
                f"{self.region.begin.number}; write '#!TAG HWEND' before it",
            )
            return
        opened_here = self.region is not None and not self.region.continued
        if draft.began or draft.parts or opened_here:
            self.report.untidy(line, f"'{kind.value}' stands at the top of its cell; move it up")
        if kind is TagKind.SKIP:
            draft.skip = True
            return
        if draft.role_line is not None:
            self.report.error(
                line,
                f"this cell is already tagged in line {draft.role_line.number}; "
                "one cell is one of TEST, ANSWER and DEMO",
            )
            return
        draft.role_line = line
        draft.role = Role(kind.value.split()[1].lower())
        if kind is not TagKind.DEMO:
            try:
                draft.name, draft.points = graded_arguments(tag.argument)
            except ValueError as error:
                self.report.error(line, str(error))

    def _homework_tag(self, draft: _Draft, line: Line, tag: Tag) -> None:
        if tag.kind is TagKind.MESSAGE:
            if self.region is None:
                self.report.untidy(
                    line,
                    "'#!MSG' outside a homework region shows nothing; move it "
                    "between '#!TAG HWBEGIN' and '#!TAG HWEND'",
                )
            else:
                self.region.messages.append(tag.argument)
        elif tag.kind is TagKind.HOMEWORK_BEGIN:
            if self.region is not None:
                self.report.error(
                    line,
                    "a homework region inside the one that began in line "
                    f"{self.region.begin.number}; close that one first",
                )
                return
            draft.flush()
            self.region = _Region(line, tag.argument)
        elif self.region is None:
            self.report.error(
                line,
                "HWEND without HWBEGIN; write '#!TAG HWBEGIN' where the "
                "homework begins, or remove this line",
            )
        else:
            draft.parts.append(self.region.close())
            self.region = None

    def _secret_tag(self, draft: _Draft, line: Line, tag: Tag) -> None:
        assert tag.kind is not None
        if tag.kind is draft.secret_end:
            draft.parts.append(Secret((*draft.secret, Line(line.number, tag.kind.value))))
            draft.secret, draft.secret_end = [], None
            return
        if tag.kind not in REGION_ENDS:
            self.report.error(line, f"'{tag.kind.value}' without its BEGIN line")
            return
        hidden = tag.kind is TagKind.HIDDEN_BEGIN
        wanted = Role.TEST if hidden else Role.ANSWER
        if draft.role is not wanted:
            tag_name = TagKind.TEST.value if hidden else TagKind.ANSWER.value
            self.report.error(
                line,
                f"'{tag.kind.value}' outside {'a test' if hidden else 'an answer'} cell, where it "
                f"would reach students; put '{tag_name} name points=N' at the cell's top",
            )
        if self.region is not None:
            self.report.error(
                line, f"'{tag.kind.value}' inside a homework region; close that first"
            )
        draft.flush()
        draft.secret = [Line(line.number, tag.kind.value)]
        draft.secret_end = REGION_ENDS[tag.kind]


def _check_code(notebook: Notebook, report: Report) -> None:
    """Every code cell parses, as the solution, with its tests, and as what students get."""
    for cell in notebook.cells:
        if cell.kind != "code":
            continue
        lines = [line for part in cell.parts for line in part.lines]
        text = "\n".join(line.text for line in lines)
        if text.strip() and (found := syntax_error(text)):
            row, message = found
            where = lines[min(max(row, 1), len(lines)) - 1]
            # Sources from anywhere may break on purpose, to show students what an error is.
            report.untidy(where, f"this cell does not parse: {message}")
            continue
        _check_imports(cell, report)
        if not cell.homework:
            continue
        try:
            student_text(cell)
        except NoStubError as error:
            report.error(
                error.region.begin,
                "nothing can stand in for this region so that the student's cell "
                "parses; let the region cover whole statements or whole items",
            )


def _check_imports(cell: Cell, report: Report) -> None:
    """Students have no ``deltarule``; hidden tests that judge run at the cell's top level."""
    visible = "\n".join(line.text for line in cell.solution_lines)
    if imports(visible, "deltarule"):
        shown = [line for line in cell.solution_lines if "deltarule" in line.text]
        report.untidy(
            shown[0] if shown else Line(cell.line, ""),
            "students have no 'deltarule' to import; put this between "
            "'### BEGIN HIDDEN TESTS' and '### END HIDDEN TESTS'",
        )
    if not judges(cell):
        return
    for part in cell.parts:
        first = next((line for line in part.lines if _is_code(line)), None)
        if isinstance(part, Secret) and first and first.text[0] in " \t":
            report.error(
                first,
                "hidden tests that call deltarule.judging stand at the left margin, in no "
                "function and no 'if'; the points are worked out where they end",
            )


def _is_code(line: Line) -> bool:
    return bool(line.text.strip()) and not line.text.lstrip().startswith("#")


def _check_points(notebook: Notebook, raw: RawSource, report: Report) -> None:
    for key, role in (("automatic", Role.TEST), ("manual", Role.ANSWER)):
        expected = notebook.header.points.get(key)
        if expected is not None and abs(expected - notebook.total(role)) > SMALLEST_POINT:
            report.error(
                raw.setting(key),
                f"the header expects {expected:g} {key} points, the cells have "
                f"{notebook.total(role):g}; mend the header or the cells",
            )
