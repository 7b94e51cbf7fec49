"""A class: which submissions have to be graded, grading them, and putting the outcome on record.

::

    submitted/ ──► what has changed ──► pool of workers ──► one writer ──► gradebook, autograded/
                        │                                       └──► kept results (build/graded)
                        └──────────────── kept results ────────────► results

A submission is graded again only if its files, the assignment's tests, the judging code, the
packages or the settings have changed. A result is kept after it is on record, never before: a run
that is killed loses at most what was under way, and the next one goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from deltarule.config import Course, package_hash, write_atomic
from deltarule.errors import MachineryError, UsageError
from deltarule.grading.child.settings import Limits
from deltarule.grading.inbox import (
    content_hash,
    handed_in_at,
    obstacle,
    shown_name,
    students_of,
)
from deltarule.grading.kept import kept_path
from deltarule.grading.plan import AssignmentPlan, plan_assignment
from deltarule.grading.pool import Team, grade_all
from deltarule.grading.results import Result
from deltarule.grading.submission import Allowance, Graded, given_up
from deltarule.grading.worker import Job, Task, environment_versions

__all__ = ["Grading", "GradingSettings", "grade_notebooks", "set_limits"]

Schedule = Callable[[Team, Iterable[Task], int], Iterator[Graded]]
"""Grades tasks somewhere; :func:`~deltarule.grading.pool.grade_all` does it on this machine."""

MB = 2**20
SECONDS = ("cell_seconds", "test_seconds", "submission_seconds")
SIZES = {
    "memory_mb": "memory_bytes",
    "address_mb": "address_bytes",
    "disk_mb": "disk_bytes",
    "file_mb": "file_bytes",
    "output_mb": "output_bytes",
}
COUNTS = ("processes", "open_files")
LIMIT_NAMES = (*SECONDS, *SIZES, *COUNTS)


@dataclass(frozen=True)
class GradingSettings:
    """How a class is graded.

    Attributes:
        seed: of the secret inputs; drawn for each run where None.
        force: grade again what has not changed.
        jobs: how many submissions are graded at a time.
        sandbox: the tier, or ``auto``.
        run_demos: whether cells that only show something are run.
        limits: by name (:data:`LIMIT_NAMES`), over what the source's header says.
    """

    seed: int | None = None
    force: bool = False
    jobs: int = 1
    sandbox: str = "auto"
    run_demos: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)


def set_limits(given: Mapping[str, float]) -> tuple[Limits, Allowance]:
    """Limits of the sandbox and of time, from their published names.

    Raises:
        UsageError: a name is not known, or a number is not positive.
    """
    sizes: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for name, value in given.items():
        if not 0 < value < float("inf"):
            raise UsageError(f"the limit {name} must be positive, not {value:g}")
        if name in SECONDS:
            seconds[name] = float(value)
        elif name in SIZES:
            sizes[SIZES[name]] = int(value * MB)
        elif name in COUNTS:
            sizes[name] = int(value)
        else:
            raise UsageError(f"there is no limit '{name}'; there are {', '.join(LIMIT_NAMES)}")
    limits = Limits(**sizes)
    needed = limits.memory_bytes + Limits().address_bytes - Limits().memory_bytes
    if "address_bytes" not in sizes and needed > limits.address_bytes:
        limits = replace(limits, address_bytes=needed)
    allowance = Allowance(**seconds)
    if "test_seconds" not in seconds and allowance.cell_seconds > allowance.test_seconds:
        allowance = replace(allowance, test_seconds=allowance.cell_seconds)
    return limits, allowance


@dataclass(frozen=True)
class Grading:
    """One grading run: where submissions come from and where the records go.

    Attributes:
        course: the course.
        assignment: its name.
        submitted: ``<student>/<assignment>/<notebook>.ipynb`` below this folder.
        autograded: the graded notebooks.
        db_url: the gradebook.
        settings: how.
        schedule: where.
    """

    course: Course
    assignment: str
    submitted: Path
    autograded: Path
    db_url: str
    settings: GradingSettings = GradingSettings()
    schedule: Schedule = grade_all

    @classmethod
    def of_course(
        cls,
        course: Course,
        assignment: str,
        submitted: Path | None = None,
        settings: GradingSettings | None = None,
        schedule: Schedule = grade_all,
    ) -> Grading:
        """Grade into the course's own gradebook and ``autograded/``."""
        from deltarule.bridge.release import course_directory

        coursedir, _ = course_directory(course, assignment)
        return cls(
            course,
            assignment,
            (submitted or course.submitted).resolve(),
            course.root / "autograded",
            coursedir.db_url,
            settings or GradingSettings(),
            schedule,
        )

    def students(self) -> list[str]:
        """The students who handed something in for the assignment.

        Raises:
            UsageError: nobody did.
        """
        found = students_of(self.submitted, self.assignment)
        if not found:
            place = self.submitted / "<student>" / self.assignment
            raise UsageError(f"no submissions: expected {place}/*.ipynb")
        return found

    def grade(self) -> Iterator[Result]:
        """Grade the class; results come as they are ready, those that are kept first.

        Raises:
            UsageError: there is nothing to grade, or a limit is not known.
            MachineryError: no sandbox holds, the gradebook cannot be written, or the disk is full.
                What was graded before is on record.
        """
        try:
            yield from self._results()
        except OSError as error:
            raise MachineryError(
                f"{error}\nMake room on the disk, or see who may write there. What was graded is "
                "on record; run the same command to go on."
            ) from error

    def _results(self) -> Iterator[Result]:
        from deltarule.bridge.gradebook import GradebookWriter
        from deltarule.bridge.release import course_directory, see_recorded

        students = self.students()
        see_recorded(self.course, self.assignment, self.db_url)
        plan = plan_assignment(self.course, self.assignment)
        coursedir, config = course_directory(self.course, self.assignment)
        job = _job(self.course, plan, self.settings)
        with GradebookWriter(
            coursedir, config, self.assignment, self.db_url, self.autograded
        ) as writer:
            stale = []
            for student in students:
                problem = obstacle(self._folder(student))
                if problem:
                    yield self._given_up(student, job, problem)
                    continue
                kept = None if self.settings.force else self._kept(student, job, writer)
                if kept is None:
                    stale.append(student)
                else:
                    yield kept
            if stale:
                yield from self._grade(stale, job, writer)

    def _grade(self, students: Sequence[str], job: Job, writer: Any) -> Iterator[Result]:
        with Team(job) as team:
            team.go_on_with(_decided(self.course, team))
            yield from self._graded_by(team, students, writer)

    def _graded_by(self, team: Team, students: Sequence[str], writer: Any) -> Iterator[Result]:
        job = team.job
        keys = {}

        def noted() -> Iterator[Task]:
            for student in students:
                content = content_hash(self._folder(student))
                keys[student] = self._key(content, job), content
                yield Task(student, self._folder(student), self._seed)

        for graded in self.schedule(team, noted(), self.settings.jobs):
            student = graded.result.student
            key, content = keys.pop(student)
            kept = self._kept_path(student)
            kept.unlink(missing_ok=True)
            if not graded.lasting:
                yield graded.result
                continue
            try:
                result = self._record(graded, writer)
            except UsageError as error:  # this student is not in the gradebook; others are
                yield self._given_up(student, job, str(error))
                continue
            record = {"key": key, "content": content, "result": result.as_json()}
            write_atomic(kept, json.dumps(record, indent=1))
            yield self._with_manual_scores(result, writer)

    def _folder(self, student: str) -> Path:
        return self.submitted / student / self.assignment

    @cached_property
    def _seed(self) -> int:
        """One for all: everybody meets the same inputs, and the engine is asked about them once."""
        return secrets.randbits(32) if self.settings.seed is None else self.settings.seed

    def _given_up(self, student: str, job: Job, why: str) -> Result:
        name = shown_name(student)
        return given_up(job.plan, name, self._seed, job.environment, why).result

    def _record(self, graded: Graded, writer: Any) -> Result:
        """Put a submission on record; the result, with a note if its time cannot be read."""
        from deltarule.bridge.gradebook import Record

        result = graded.result
        folder = self._folder(result.student)
        scores = {
            (test.notebook, test.name): None if test.status == "manual" else test.score
            for test in result.tests
        }
        when, note = handed_in_at(folder)
        writer.record(Record(result.student, graded.notebooks, scores, when, folder))
        return replace(result, notes=(*result.notes, note)) if note else result

    # -- what is kept -----------------------------------------------------------------------------

    def _kept_path(self, student: str) -> Path:
        return kept_path(self.course, self.assignment, student)

    def _kept(self, student: str, job: Job, writer: Any) -> Result | None:
        """The result of an unchanged submission that is still on record."""
        try:
            record = json.loads(self._kept_path(student).read_text(encoding="utf-8"))
            if record["key"] != self._key(content_hash(self._folder(student)), job):
                return None
            result = Result.from_json(record["result"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        graded = self.autograded / student / self.assignment
        if not graded.is_dir() or not writer.scores(student):
            return None
        writer.penalise_again(student, {path.stem for path in graded.glob("*.ipynb")})
        return self._with_manual_scores(result, writer)

    def _with_manual_scores(self, result: Result, writer: Any) -> Result:
        """A result with the points that people have given since."""
        if not result.manual:
            return result
        scores = writer.scores(result.student)
        tests = []
        for test in result.tests:
            if test.status == "manual":
                auto, manual, open_ = scores.get((test.notebook, test.name), (None, None, True))
                points = manual if manual is not None else None if open_ else auto
                test = replace(test, score=points)
            tests.append(test)
        return replace(result, tests=tuple(tests))

    def _key(self, content: str, job: Job) -> str:
        """A hash of all that decides a result: answers, tests, packages, settings, places."""
        settings = self.settings
        judge = package_hash("engine", "exchange", "judging", "grading")
        parts: list[Any] = [job.plan.key, job.environment, judge, self.db_url, settings.seed]
        parts += [settings.sandbox, job.run_demos, asdict(job.limits), asdict(job.allowance)]
        parts.append(content)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _job(course: Course, plan: AssignmentPlan, settings: GradingSettings) -> Job:
    given: dict[str, float] = {}
    for notebook in plan.limits.values():
        for name, value in notebook.items():
            given[name] = max(given.get(name, 0.0), value)
    limits, allowance = set_limits({**given, **settings.limits})
    return Job(
        plan,
        settings.sandbox,
        limits,
        allowance,
        environment_versions(),
        settings.run_demos,
        (str(course.root.resolve()),),
    )


def _decided(course: Course, team: Team) -> AssignmentPlan:
    """The plan with the place of each test; found out once for a state of the assignment."""
    job = team.job
    path = course.build / "plans" / f"{job.plan.assignment}.json"
    key = hashlib.sha256(
        json.dumps([job.plan.key, job.environment, package_hash("exchange", "grading")]).encode()
    ).hexdigest()
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        places = record["places"] if record["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        places = None
    if places is None:
        found = team.decide()
        places = {
            f"{notebook.name}/{cell.grade_id}": cell.verdict_in
            for notebook in found.notebooks
            for cell in notebook.cells
            if cell.kind == "test"
        }
        write_atomic(path, json.dumps({"key": key, "places": places}, indent=1))
    notebooks = tuple(
        replace(
            notebook,
            cells=tuple(
                replace(cell, verdict_in=places.get(f"{notebook.name}/{cell.grade_id}", "grader"))
                for cell in notebook.cells
            ),
        )
        for notebook in job.plan.notebooks
    )
    return replace(job.plan, notebooks=notebooks)


def grade_notebooks(
    course: Course,
    assignment: str,
    files: Sequence[Path],
    student: str,
    settings: GradingSettings | None = None,
) -> Result:
    """Grade loose notebook files as one submission, without any gradebook.

    Args:
        course: where the assignment is.
        assignment: its name.
        files: one for each notebook, with its name; a single file may have any name if the
            assignment has one notebook.
        student: shown in the result.
        settings: how.

    Raises:
        UsageError: a file is not there, does not belong to the assignment, or is there twice.
        MachineryError: no sandbox holds.
    """
    settings = settings or GradingSettings()
    masters = sorted((course.source / assignment).glob("*.ipynb"))
    names = [path.stem for path in (masters or course.sources(assignment))]
    chosen = _matched(names, files, assignment)
    plan = plan_assignment(course, assignment)
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    course.build.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=course.build, prefix="grade-") as scratch,
        Team(_job(course, plan, settings)) as team,
    ):
        for name, file in chosen.items():
            # A link stays one, and is refused: in a student's repository it may lead anywhere.
            shutil.copyfile(file, Path(scratch) / f"{name}.ipynb", follow_symlinks=False)
        team.go_on_with(_decided(course, team))
        (graded,) = grade_all(team, [Task(student, Path(scratch), seed)], jobs=1)
        return graded.result


def _matched(names: Sequence[str], files: Sequence[Path], assignment: str) -> dict[str, Path]:
    """The file of each notebook, by the notebook's name."""
    complaints = [f"{file} does not exist" for file in files if not file.is_file()]
    if len(names) == len(files) == 1:
        chosen = {names[0]: files[0]}
    else:
        known = ", ".join(f"{name}.ipynb" for name in names)
        chosen = {}
        for file in files:
            if file.suffix != ".ipynb" or file.stem not in names:
                complaints.append(
                    f"{file} is not a notebook of '{assignment}' ({known}); rename it"
                )
            elif file.stem in chosen:
                complaints.append(f"{chosen[file.stem]} and {file} are the same notebook")
            else:
                chosen[file.stem] = file
    if complaints:
        raise UsageError("\n".join(complaints))
    return chosen
