"""What grading found goes into nbgrader's gradebook and ``autograded/``: all of it, or nothing."""

import copy
import csv
import errno
import json
import pickle
import signal
import stat
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta

import nbformat
import numpy as np
import pytest
import sqlalchemy
from filelock import FileLock, Timeout
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.plugins import LateSubmissionPlugin

from deltarule.bridge import gradebook
from deltarule.bridge.feedback import generate_feedback
from deltarule.bridge.gradebook import GradebookWriter, Record
from deltarule.bridge.leaks import autograded_leaks, feedback_leaks
from deltarule.bridge.release import course_directory
from deltarule.errors import MachineryError, UsageError

WHEN = datetime(2026, 3, 1, 12)
RIGHT = "def double(number):\n    return 2 * number"
STUB = "*Your answer here.*"
ANSWER = "Because each number is counted twice."
HIDDEN = "assert double(21) == 42"


class Class:
    """The toy course, what its students handed in, and how it is recorded."""

    def __init__(self, toy):
        self.toy = toy
        self.coursedir, self.config = course_directory(toy.course, "toy")
        self.db_url = f"sqlite:///{toy.course.gradebook}"
        self.autograded = toy.root / "autograded"

    def writer(self, db_url=None):
        return GradebookWriter(
            self.coursedir, self.config, "toy", db_url or self.db_url, self.autograded
        )

    def graded(self, solution=RIGHT, answer=ANSWER):
        """The graded notebook: the test whole again, nothing that the student's metadata says."""
        notebook = nbformat.read(self.toy.course.release / "toy" / "toy.ipynb", as_version=4)
        written = {"solution-double": solution, "why": answer}
        for cell in notebook.cells:
            cell.source = written.get(cell.id) or cell.source
            if cell.id == "double":
                cell.source = self.toy.cell("build/source/toy/toy.ipynb", "double").source
        return notebook

    def result(self, student="ann", score=2.0, *, when=WHEN, files=None, **written):
        scores = {("toy", "double"): score, ("toy", "why"): None}
        return Record(student, {"toy": self.graded(**written)}, scores, when, files)

    def record(self, *records):
        with self.writer() as writer:
            for record in records:
                writer.record(record)

    def folder(self, student="ann"):
        return self.autograded / student / "toy"

    def beside(self, student):
        """What stands in a student's folder, left-overs too."""
        return [path.name for path in (self.autograded / student).iterdir()]

    def rows(self, student="ann"):
        """What the gradebook has of a student, as nbgrader's own objects say it."""
        with Gradebook(self.db_url) as book:
            submission = book.find_submission("toy", student)
            (notebook,) = submission.notebooks
            grades = {grade.name: grade.to_dict() for grade in notebook.grades}
            return {
                "timestamp": submission.timestamp,
                "penalty": notebook.late_submission_penalty,
                "score": submission.score,
                "asks": submission.needs_manual_grade,
                **grades,
                **{f"{one.name} comment": one.comment for one in notebook.comments},
            }

    def give(self, name, student="ann", **values):
        """Grade by hand, as formgrader does."""
        with Gradebook(self.db_url) as book:
            grade = book.find_grade(name, "toy", "toy", student)
            for key, value in {"needs_manual_grade": False, **values}.items():
                setattr(grade, key, value)
            book.db.commit()

    def set_due(self, due, **extension):
        with Gradebook(self.db_url) as book:
            book.update_or_create_assignment("toy", duedate=due)
            if extension:
                book.grant_extension("toy", "ann", **extension)

    def everything(self):
        return self.toy.files("autograded"), self.toy.gradebook_rows()


@pytest.fixture
def class_of(released):
    return Class(released)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """No test waits for what will not come."""
    monkeypatch.setattr(gradebook, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(gradebook, "BUSY_SECONDS", 0.05)


def test_a_submission_is_recorded_as_nbgrader_records_it(class_of, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    (tmp_path / "in" / "toy.ipynb").write_text("what the student handed in")
    class_of.record(class_of.result(files=tmp_path / "in"))
    rows = class_of.rows()
    assert rows["timestamp"] == WHEN
    assert rows["double"]["auto_score"] == 2
    assert rows["double"]["max_score"] == 2
    assert rows["double"]["needs_manual_grade"] is False
    assert rows["double"]["failed_tests"] is False
    assert rows["why"]["auto_score"] is None
    assert rows["why"]["needs_manual_grade"] is True
    assert rows["why comment"] is None
    assert rows["penalty"] is None
    names = sorted(path.name for path in class_of.folder().rglob("*") if path.is_file())
    assert names == ["numbers.csv", "timestamp.txt", "toy.ipynb"]
    assert nbformat.read(class_of.folder() / "toy.ipynb", 4) == class_of.graded()
    assert class_of.beside("ann") == ["toy"]


def test_files_are_read_only_and_folders_open_as_after_autograding(class_of):
    class_of.record(class_of.result())
    for path in class_of.folder().rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o444
    asked = stat.S_IMODE(class_of.folder().stat().st_mode)
    assert asked == stat.S_IMODE((class_of.toy.root / "release").stat().st_mode)


def test_a_shared_course_stays_writable_for_its_group(class_of):
    class_of.coursedir.groupshared = True
    class_of.record(class_of.result())
    assert stat.S_IMODE((class_of.folder() / "toy.ipynb").stat().st_mode) == 0o664
    for folder in (class_of.folder(), class_of.folder().parent, class_of.autograded):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o2770 == 0o2770


def test_formgrader_sees_the_class(class_of):
    for name in ("ann", "bob"):
        (class_of.toy.hand_in(name, RIGHT) / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    class_of.record(class_of.result(), class_of.result("bob", 0.0, answer=STUB))
    interface = NbGraderAPI(class_of.coursedir)
    assert interface.get_autograded_students("toy") == {"ann", "bob"}
    ann, bob = interface.get_submissions("toy")
    assert (ann["student"], ann["score"], ann["max_score"]) == ("ann", 2, 5)
    assert (ann["code_score"], ann["written_score"], ann["needs_manual_grade"]) == (2, 0, True)
    assert (bob["score"], bob["needs_manual_grade"]) == (0, False)
    with Gradebook(class_of.db_url) as book:
        failed = {
            one["student"]: one["failed_tests"]
            for one in book.notebook_submission_dicts("toy", "toy")
        }
        assert failed == {"ann": False, "bob": True}
        assert {one["id"]: one["score"] for one in book.student_dicts()} == {"ann": 2, "bob": 0}
        assert book.average_assignment_score("toy") == 1
    shown = {
        one["student"]: one["score"] for one in interface.get_notebook_submissions("toy", "toy")
    }
    assert shown == {"ann": 2, "bob": 0}


def test_what_people_gave_is_kept_and_they_are_asked_to_look_again(class_of):
    class_of.record(class_of.result())
    class_of.give("why", manual_score=2.5, extra_credit=0.5)
    class_of.give("double", manual_score=1.0)
    with Gradebook(class_of.db_url) as book:
        book.find_comment("why", "toy", "toy", "ann").manual_comment = "Well said."
        book.db.commit()
    class_of.record(class_of.result(score=0.5))
    rows = class_of.rows()
    assert (rows["why"]["manual_score"], rows["why"]["extra_credit"]) == (2.5, 0.5)
    assert (rows["double"]["auto_score"], rows["double"]["manual_score"]) == (0.5, 1.0)
    assert rows["why"]["needs_manual_grade"] is True
    assert rows["double"]["needs_manual_grade"] is True
    assert rows["why comment"] == "Well said."
    assert rows["score"] == 4.0


def test_an_answer_left_as_released_gets_nothing_and_nobody_has_to_look(class_of):
    class_of.record(class_of.result(answer=STUB))
    rows = class_of.rows()
    assert rows["why"]["auto_score"] == 0
    assert rows["why"]["needs_manual_grade"] is False
    assert rows["why comment"] == "No response."
    assert rows["solution-double comment"] is None
    class_of.record(class_of.result())
    rows = class_of.rows()
    assert rows["why"]["auto_score"] is None
    assert rows["why"]["needs_manual_grade"] is True
    assert rows["why comment"] is None


def test_an_answer_whose_cell_was_deleted_goes_to_a_person(class_of):
    record = class_of.result()
    notebook = record.notebooks["toy"]
    notebook.cells = [cell for cell in notebook.cells if cell.id != "why"]
    class_of.record(record)
    assert class_of.rows()["why"]["needs_manual_grade"] is True
    assert class_of.rows()["why comment"] is None


def test_a_test_that_nobody_could_judge_goes_to_a_person(class_of):
    class_of.record(class_of.result(score=None))
    assert class_of.rows()["double"]["auto_score"] is None
    assert class_of.rows()["double"]["needs_manual_grade"] is True


def test_a_notebook_that_is_not_handed_in_any_more_leaves_nothing_behind(class_of):
    class_of.config.LateSubmissionPlugin.penalty_method = "zero"
    class_of.set_due(WHEN - timedelta(hours=1))
    class_of.record(class_of.result(answer=STUB))
    assert class_of.rows()["penalty"] == 2
    class_of.record(Record("ann", {}, {}, WHEN, None))
    rows = class_of.rows()
    assert not (class_of.folder() / "toy.ipynb").exists()
    assert (rows["double"]["auto_score"], rows["why"]["auto_score"]) == (0, 0)
    assert (rows["asks"], rows["penalty"], rows["why comment"]) == (False, None, None)

    class_of.record(class_of.result())
    assert class_of.rows()["why"]["needs_manual_grade"] is True


def test_a_notebook_that_cannot_be_read_may_be_left_to_a_person(class_of):
    class_of.record(Record("ann", {}, {("toy", "double"): 0.0, ("toy", "why"): None}, WHEN, None))
    rows = class_of.rows()
    assert (rows["double"]["auto_score"], rows["double"]["needs_manual_grade"]) == (0, False)
    assert rows["why"]["needs_manual_grade"] is True


def test_without_a_time_the_recorded_one_stays_and_counts(class_of):
    class_of.config.LateSubmissionPlugin.penalty_method = "zero"
    class_of.set_due(WHEN - timedelta(hours=1))
    class_of.record(class_of.result(), class_of.result(when=None))
    assert class_of.rows()["timestamp"] == WHEN
    assert class_of.rows()["penalty"] == 2


class TwoPointsPerHour(LateSubmissionPlugin):
    """Takes off more than there is, sooner or later."""

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        hours = total_seconds_late / 3600
        return None if student_id == "excused" else 2 * (hours - 1)


@pytest.mark.parametrize(
    ("hours", "penalty"), [(-1, None), (0, None), (0.5, 0.0), (1.5, 1.0), (1.75, 1.5), (9, 2.0)]
)
def test_late_submissions_are_penalised_by_the_courses_plugin(class_of, hours, penalty):
    class_of.config.AssignLatePenalties.plugin_class = TwoPointsPerHour
    class_of.set_due(WHEN - timedelta(hours=hours))
    class_of.record(class_of.result())
    assert class_of.rows()["penalty"] == penalty


def test_a_penalty_counts_manual_points_and_extensions(class_of):
    class_of.config.LateSubmissionPlugin.penalty_method = "zero"
    class_of.set_due(WHEN - timedelta(hours=3))
    class_of.record(class_of.result())
    class_of.give("why", manual_score=1.5, extra_credit=1.0)
    class_of.record(class_of.result())
    assert class_of.rows()["penalty"] == 4.5
    class_of.set_due(WHEN - timedelta(hours=3), hours=4)
    class_of.record(class_of.result())
    assert class_of.rows()["penalty"] is None


def test_a_penalty_follows_a_due_time_an_extension_and_points_that_came_later(class_of):
    class_of.config.LateSubmissionPlugin.penalty_method = "zero"
    class_of.record(class_of.result())
    class_of.give("why", manual_score=1.5)

    def penalised(notebooks=("toy",)):
        with class_of.writer() as writer:
            writer.penalise_again("ann", notebooks)
        rows = class_of.rows()
        assert rows["asks"] is False  # what a person gave is not asked about again
        return rows["penalty"]

    assert penalised() is None
    class_of.set_due(WHEN - timedelta(hours=3))
    assert penalised() == 3.5
    assert penalised(notebooks=()) is None
    class_of.give("why", extra_credit=1.0)
    assert penalised() == 4.5
    class_of.set_due(WHEN - timedelta(hours=3), hours=4)
    assert penalised() is None
    class_of.set_due(WHEN - timedelta(hours=5), hours=4)
    assert penalised() == 4.5
    class_of.set_due(None)
    assert penalised() is None


def test_a_penalty_that_stays_as_it_is_writes_nothing(class_of):
    class_of.config.LateSubmissionPlugin.penalty_method = "zero"
    class_of.set_due(WHEN - timedelta(hours=3))
    class_of.record(class_of.result())
    before = class_of.toy.root.joinpath("gradebook.db").read_bytes()
    with class_of.writer() as writer:
        writer.penalise_again("ann", ["toy"])
    assert class_of.toy.root.joinpath("gradebook.db").read_bytes() == before


def test_nobody_is_late_without_a_due_time_even_with_an_extension(class_of):
    class_of.config.LateSubmissionPlugin.penalty_method = "zero"
    class_of.record(class_of.result())
    class_of.set_due(None, hours=4)
    class_of.record(class_of.result())
    assert class_of.rows()["penalty"] is None


def test_a_plugin_that_fails_is_named_and_nothing_is_recorded(class_of, monkeypatch):
    class_of.config.AssignLatePenalties.plugin_class = TwoPointsPerHour
    monkeypatch.setattr(TwoPointsPerHour, "late_submission_penalty", lambda *_: 1 / 0)
    class_of.set_due(WHEN - timedelta(hours=1))
    before = class_of.everything()
    with pytest.raises(MachineryError, match=r"plugin .* failed: ZeroDivisionError"):
        class_of.record(class_of.result())
    assert class_of.everything() == before


def test_a_penalty_that_is_no_number_is_refused(class_of, monkeypatch):
    class_of.config.AssignLatePenalties.plugin_class = TwoPointsPerHour
    monkeypatch.setattr(TwoPointsPerHour, "late_submission_penalty", lambda *_: float("nan"))
    class_of.set_due(WHEN - timedelta(hours=1))
    with pytest.raises(MachineryError, match="the penalty is nan"):
        class_of.record(class_of.result())


def test_a_course_may_switch_penalties_off(class_of):
    class_of.config.AssignLatePenalties.plugin_class = TwoPointsPerHour
    class_of.config.AssignLatePenalties.enabled = False
    class_of.set_due(WHEN - timedelta(hours=2))
    class_of.record(class_of.result())
    assert class_of.rows()["penalty"] is None


def test_a_sum_of_partial_points_is_no_more_than_the_test_gives(class_of):
    class_of.record(class_of.result(score=np.float64(2 + 1e-12)))
    assert class_of.rows()["double"]["auto_score"] == 2


def test_a_plugin_that_is_not_there_is_reported_before_anything_is_graded(class_of):
    class_of.config.AssignLatePenalties.plugin_class = "nowhere.Plugin"
    with pytest.raises(UsageError, match=r"nbgrader_config\.py"):
        class_of.writer()


def test_students_are_added_only_where_the_course_says_so(class_of):
    class_of.config.Autograde.create_student = False
    with pytest.raises(UsageError, match="nbgrader db student add ann"):
        class_of.record(class_of.result())
    assert not class_of.folder().exists()
    with Gradebook(class_of.db_url) as book:
        book.add_student("ann", first_name="Ann", email="ann@example.org")
    class_of.record(class_of.result())
    with Gradebook(class_of.db_url) as book:
        assert book.find_student("ann").first_name == "Ann"


def other_test(record):
    return {**record.scores, ("toy", "triple"): 1.0}, record.notebooks


def no_score(record):
    return {("toy", "why"): None}, record.notebooks


def too_much(record):
    return {**record.scores, ("toy", "double"): 2.5}, record.notebooks


def no_number(record):
    return {**record.scores, ("toy", "double"): float("nan")}, record.notebooks


def other_notebook(record):
    return record.scores, {**record.notebooks, "toys": record.notebooks["toy"]}


def other_cell(record):
    notebook = copy.deepcopy(record.notebooks["toy"])
    for cell in notebook.cells:
        if cell.id == "solution-double":
            cell.metadata.nbgrader.grade_id = "solution-triple"
    return record.scores, {"toy": notebook}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_test, "'triple' is not graded there"),
        (no_score, "'double' has no score"),
        (too_much, r"'double' got 2\.5 points of 2\.0"),
        (no_number, "'double' got nan points"),
        (other_notebook, "toys: no such notebook"),
        (other_cell, "'solution-triple' is not in the gradebook"),
    ],
)
def test_other_cells_than_the_gradebooks_are_refused(class_of, change, said):
    class_of.record(class_of.result())
    before = class_of.everything()
    record = class_of.result(score=1.0)
    scores, notebooks = change(record)
    with pytest.raises(MachineryError, match=said) as refusal:
        class_of.record(Record("ann", notebooks, scores, WHEN, None))
    assert "Make the release again" in str(refusal.value)
    assert class_of.everything() == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda nb: nb.cells[1].update(cell_type="nonsense"), "notebook 'toy' is not valid"),
        (lambda nb: nb.cells[1].pop("id"), "notebook 'toy' is not valid: 'id' is a required"),
        (lambda nb: nb.cells[-1].metadata.nbgrader.pop("points"), "'why' does not have points"),
        (lambda nb: nb.cells.append(copy.deepcopy(nb.cells[-1])), "Duplicate grade id: why"),
        (lambda nb: nb.cells[-1].metadata.nbgrader.update(schema_version=1), "nbgrader update"),
    ],
)
def test_a_notebook_that_formgrader_could_not_open_is_refused(class_of, damage, said):
    record = class_of.result()
    damage(record.notebooks["toy"])
    with class_of.writer() as writer:
        writer.record(class_of.result("bob"))
        with pytest.raises(MachineryError, match=said):
            writer.record(record)
        writer.record(class_of.result("bob", 1.0))
    assert class_of.rows("bob")["double"]["auto_score"] == 1
    assert not class_of.folder().exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../ann", "half \udcff"])
def test_a_name_that_is_no_folder_name_is_refused(class_of, name):
    before = class_of.everything()
    with pytest.raises(MachineryError, match="cannot be a student's name"):
        class_of.record(class_of.result(name))
    assert class_of.everything() == before


def test_half_a_character_in_an_output_costs_nothing(class_of):
    record = class_of.result()
    test = next(cell for cell in record.notebooks["toy"].cells if cell.id == "double")
    test.outputs = [nbformat.v4.new_output("stream", name="stdout", text="\ud800 and \u03b4")]
    class_of.record(record)
    text = class_of.toy.cell("autograded/ann/toy/toy.ipynb", "double").outputs[0].text
    assert text == "? and \u03b4"


def test_plain_dictionaries_are_notebooks_too(class_of):
    record = class_of.result()
    plain = json.loads(json.dumps(record.notebooks["toy"]))
    class_of.record(Record("ann", {"toy": plain}, record.scores, WHEN, None))
    assert nbformat.read(class_of.folder() / "toy.ipynb", 4) == record.notebooks["toy"]


def test_the_gradebook_says_what_it_holds(class_of):
    with class_of.writer() as writer:
        assert writer.scores("ann") == {}
        writer.record(class_of.result())
        class_of.give("why", manual_score=3.0)
        assert writer.scores("ann") == {
            ("toy", "double"): (2.0, None, False),
            ("toy", "why"): (None, 3.0, False),
        }
        assert writer.scores("bob") == {}


def test_an_assignment_that_was_never_released_is_named(class_of):
    with (
        pytest.raises(UsageError, match="deltarule build nothing"),
        GradebookWriter(
            class_of.coursedir, class_of.config, "nothing", class_of.db_url, class_of.autograded
        ),
    ):
        pass


def test_an_address_that_is_none_is_explained(class_of):
    with (
        pytest.raises(UsageError, match="its driver"),
        class_of.writer("oracle+nothing://nowhere/gradebook"),
    ):
        pass


# --- one gradebook, several programs -----------------------------------------------------------


@pytest.fixture
def busy(class_of):
    """Another program that writes into the gradebook and does not end its transaction."""
    engine = sqlalchemy.create_engine(class_of.db_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
    engine.dispose()


def test_a_busy_gradebook_is_reported_and_everything_is_as_it_was(class_of, busy):
    busy.rollback()
    class_of.record(class_of.result())
    before = class_of.everything()
    with class_of.writer() as writer:
        busy.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(MachineryError, match=r"locked[\s\S]*keeps it busy"):
            writer.record(class_of.result(score=0.0))
    busy.rollback()
    assert class_of.everything() == before
    assert class_of.beside("ann") == ["toy"]


def test_a_gradebook_that_is_free_again_is_written(class_of, busy, monkeypatch):
    busy.rollback()
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        busy.rollback()

    monkeypatch.setattr(gradebook.time, "sleep", sleep)
    with class_of.writer() as writer:
        busy.exec_driver_sql("BEGIN IMMEDIATE")
        writer.record(class_of.result())
    assert waited == [0.0]
    assert class_of.rows()["double"]["auto_score"] == 2


def test_tables_are_made_while_no_other_process_makes_any(class_of, monkeypatch):
    original, tried = gradebook.Gradebook, []

    def make(*arguments):
        other = FileLock(class_of.toy.course.build / ".lock", timeout=0)
        try:
            other.acquire()
        except Timeout:
            tried.append("locked")
        return original(*arguments)

    monkeypatch.setattr(gradebook, "Gradebook", make)
    class_of.record(class_of.result())
    assert tried == ["locked"]


def test_whoever_reads_meanwhile_disturbs_nobody(class_of):
    class_of.record(class_of.result())
    with Gradebook(class_of.db_url) as formgrader:
        submission = formgrader.find_submission("toy", "ann")
        assert submission.score == 2
        class_of.record(class_of.result(score=1.0))
        formgrader.db.expire_all()
        assert formgrader.find_submission("toy", "ann").score == 1


def test_nothing_is_written_between_what_was_read_and_the_commit(class_of, monkeypatch):
    """The lock is there before the first row is read."""
    original = gradebook.SubmissionRows.require_cells
    tried = []

    def look(self, *arguments):
        other = sqlalchemy.create_engine(class_of.db_url, connect_args={"timeout": 0.01})
        with other.connect() as connection:
            try:
                connection.exec_driver_sql("DELETE FROM grade_cells")
            except sqlalchemy.exc.OperationalError as error:
                tried.append(str(error.orig))
        other.dispose()
        return original(self, *arguments)

    monkeypatch.setattr(gradebook.SubmissionRows, "require_cells", look)
    class_of.record(class_of.result())
    assert tried == ["database is locked"]


# --- faults ------------------------------------------------------------------------------------


def test_a_full_disk_leaves_files_and_rows_as_they_were(class_of, monkeypatch):
    class_of.record(class_of.result())
    before = class_of.everything()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gradebook, "set_permissions", full)
    with pytest.raises(MachineryError, match=r"No space left[\s\S]*make room"):
        class_of.record(class_of.result(score=0.0, answer=STUB))
    assert class_of.everything() == before
    assert class_of.beside("ann") == ["toy"]


def test_a_gradebook_that_cannot_grow_leaves_files_and_rows_as_they_were(class_of, monkeypatch):
    class_of.record(class_of.result())
    before = class_of.everything()
    made = gradebook.create_engine

    def create_small(*arguments, **settings):
        engine = made(*arguments, **settings)

        @sqlalchemy.event.listens_for(engine, "connect")
        def limit(connection, _):
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        return engine

    monkeypatch.setattr(gradebook, "create_engine", create_small)
    many = (class_of.result(f"student {number}") for number in range(1000))
    with pytest.raises(MachineryError, match="disk is full"):
        class_of.record(*many)
    recorded = {path.parent.name for path in class_of.autograded.glob("*/toy")}
    with Gradebook(class_of.db_url) as book:
        assert recorded == {student.id for student in book.students}
    assert before[0].items() <= class_of.everything()[0].items()


def test_a_failing_commit_gives_the_old_folder_back(class_of, monkeypatch):
    class_of.record(class_of.result())
    before = class_of.everything()
    seen = []

    def fail(connection):
        cell = class_of.toy.cell("autograded/ann/toy/toy.ipynb", "why")
        seen.append(cell.source)
        raise sqlalchemy.exc.OperationalError("COMMIT", {}, Exception("server closed"))

    monkeypatch.setattr(sqlalchemy.Connection, "commit", fail)
    with pytest.raises(MachineryError, match="server closed"):
        class_of.record(class_of.result(score=0.0, answer="Other words."))
    monkeypatch.undo()
    assert seen == ["Other words."] * 3, "the new folder stood there, at every attempt"
    assert class_of.everything() == before


KILLED = """
    import os, pickle, signal, sys
    from pathlib import Path
    import sqlalchemy
    from deltarule.bridge import gradebook, recorded
    from deltarule.bridge.release import course_directory
    from deltarule.config import Course

    def die(*arguments):
        os.kill(os.getpid(), signal.SIGKILL)

    root, place = Path(sys.argv[1]), Path(sys.argv[2])
    coursedir, config = course_directory(Course(root), "toy")
    db_url = f"sqlite:///{{root / 'gradebook.db'}}"
    writer = gradebook.GradebookWriter(coursedir, config, "toy", db_url, root / "autograded")
    with writer:
        {where}
        writer.record(pickle.loads(place.read_bytes()))
"""


def kill(class_of, record, where, tmp_path):
    """Record in a process that kills itself where ``where`` says."""
    place = tmp_path / "record"
    place.write_bytes(pickle.dumps(record))
    program = textwrap.dedent(KILLED).format(where=where)
    done = subprocess.run(
        [sys.executable, "-c", program, class_of.toy.root, place], timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_kill_before_the_commit_is_put_right_by_recording_again(class_of, tmp_path):
    class_of.record(class_of.result())
    rows = class_of.toy.gradebook_rows()
    newer = class_of.result(score=0.5, answer=STUB, when=WHEN + timedelta(hours=1))
    kill(class_of, newer, "sqlalchemy.Connection.commit = die", tmp_path)
    assert class_of.toy.gradebook_rows() == rows, "no score without its notebook"
    assert class_of.toy.cell("autograded/ann/toy/toy.ipynb", "why").source == STUB
    folder = class_of.toy.hand_in("ann", RIGHT)
    (folder / "timestamp.txt").write_text("2026-03-01 13:00:00 UTC")
    interface = NbGraderAPI(class_of.coursedir)
    assert interface.get_autograded_students("toy") == set(), "formgrader says: not graded"

    class_of.record(newer)
    assert interface.get_autograded_students("toy") == {"ann"}
    assert class_of.rows()["double"]["auto_score"] == 0.5
    assert class_of.beside("ann") == ["toy"]


@pytest.mark.slow
def test_a_kill_between_the_two_halves_of_the_exchange_loses_nothing(class_of, tmp_path):
    class_of.record(class_of.result())
    before = class_of.everything()
    where = "move = Path.replace; Path.replace = lambda *two: (move(*two), die())"
    kill(class_of, class_of.result(score=0.5, answer=STUB), where, tmp_path)
    assert not class_of.folder().exists()
    with class_of.writer() as writer, pytest.raises(MachineryError, match="no score"):
        writer.record(Record("ann", class_of.result().notebooks, {}, WHEN, None))
    assert class_of.everything() == before, "the next attempt gave the old folder back"
    class_of.record(class_of.result(score=0.5))
    assert class_of.rows()["double"]["auto_score"] == 0.5
    assert class_of.beside("ann") == ["toy"]


@pytest.mark.slow
def test_feedback_and_export_show_points_and_feedback_hides_hidden_tests(class_of):
    toy = class_of.toy
    toy.hand_in("ann", RIGHT)
    record = class_of.result(score=1.0)
    test = next(cell for cell in record.notebooks["toy"].cells if cell.id == "double")
    shown = [f"----> 3 {HIDDEN}", "AssertionError: that is not the answer"]
    test.outputs = [
        nbformat.v4.new_output("error", ename="AssertionError", evalue="no", traceback=shown)
    ]
    class_of.record(record)
    assert HIDDEN in toy.cell("autograded/ann/toy/toy.ipynb", "double").source
    generate_feedback(toy.course, "toy")
    page = (toy.root / "feedback/ann/toy/toy.html").read_text(encoding="utf-8")
    assert HIDDEN not in page
    assert "toy: 1 of 5 points, 1 answer is not graded yet" in page
    assert ANSWER in page
    assert feedback_leaks(toy.course, "toy", "ann") == []
    assert autograded_leaks(toy.course, "toy", "ann") == []
    done = toy.nbgrader("export")
    assert done.returncode == 0, done.stderr
    with (toy.root / "grades.csv").open() as file:
        exported = {row["assignment"]: row for row in csv.DictReader(file)}
    assert (exported["toy"]["student_id"], exported["toy"]["score"]) == ("ann", "1.0")
    assert (exported["toy"]["raw_score"], exported["toy"]["max_score"]) == ("1.0", "5.0")
