"""All that is on record of an assignment, read back for reports and exports."""

import os
import shutil

import pytest
from nbgrader.api import Gradebook

from deltarule.config import Course
from deltarule.errors import UsageError
from deltarule.grading.kept import kept_path
from deltarule.reporting.gathered import Person, gather

pytestmark = pytest.mark.slow  # nbgrader makes a gradebook


@pytest.fixture
def course(few_on_record, tmp_path):
    """A copy that the test may change."""
    made, _ = few_on_record
    shutil.copytree(made.root, tmp_path, dirs_exist_ok=True)
    return Course(tmp_path)


@pytest.fixture
def student(few_on_record):
    """One with points in every test and without a graded answer."""
    return next(one for one in few_on_record[1] if one.result.everything_passed)


def one_of(course, student):
    (found,) = (one for one in gather(course, "lab04").submissions if one.student == student.name)
    return found


def give(course, student, name, **values):
    """Grade by hand, as formgrader does."""
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        grade = book.find_grade(name, "lab04", "lab04", student.name)
        for key, value in {"needs_manual_grade": False, **values}.items():
            setattr(grade, key, value)
        book.db.commit()


def test_every_submission_comes_back_with_its_result_and_person(few_on_record):
    course, students = few_on_record
    found = gather(course, "lab04")
    assert [one.person for one in found.submissions] == [one.person for one in students]
    for one, student in zip(found.submissions, students, strict=True):
        assert one.result.automatic == student.result.automatic
        assert one.automatic == student.result.score
        assert one.handed_in is not None


def test_written_answers_wait_until_a_person_graded_them(course, student):
    before = one_of(course, student)
    assert [test.name for test in before.waiting] == [f"eq{n}" for n in range(1, 9)]
    give(course, student, "eq1", manual_score=0.5)
    after = one_of(course, student)
    assert "eq1" not in [test.name for test in after.waiting]
    assert (after.manual, after.total) == (0.5, 12.5)
    assert after.result.manual_score is None  # seven wait still


def test_all_written_answers_together_make_the_total(course, student):
    for number in range(1, 9):
        give(course, student, f"eq{number}", manual_score=1.0)
    found = one_of(course, student)
    assert (found.waiting, found.total, found.max_total) == ((), 20.0, 20.0)


def test_what_a_person_gives_for_a_test_counts_in_its_place(course, student):
    give(course, student, "backward", manual_score=1.5)
    found = one_of(course, student)
    assert found.overruled == {("lab04", "backward"): 1.5}
    assert found.automatic == 12 - 4 + 1.5
    (test,) = (test for test in found.result.tests if test.name == "backward")
    assert (test.status, test.score) == ("passed", 4.0)  # what the test said stays


def test_extra_credit_and_penalties_count_as_nbgrader_counts_them(course, student):
    give(course, student, "eq1", manual_score=1.0, extra_credit=2.0)
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        submission = book.find_submission("lab04", student.name)
        submission.notebooks[0].late_submission_penalty = 3.0
        book.db.commit()
        nbgraders = submission.score - submission.late_submission_penalty
    found = one_of(course, student)
    assert (found.extra_credit, found.penalty) == (2.0, 3.0)
    assert found.total == pytest.approx(nbgraders)
    assert found.total == 12.0


def test_a_penalty_takes_no_more_than_there_is(course, few_on_record):
    poor = next(one for one in few_on_record[1] if one.result.score < 12)
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.find_submission("lab04", poor.name).notebooks[0].late_submission_penalty = 50.0
        book.db.commit()
    assert one_of(course, poor).total == 0.0


def test_without_a_kept_result_the_gradebooks_points_stand_without_messages(course, student):
    kept_path(course, "lab04", student.name).unlink()
    found = one_of(course, student)
    assert found.automatic == 12.0
    assert {test.message for test in found.result.tests} == {""}
    assert len(found.waiting) == 8
    assert "no messages" in found.result.notes[0]


def test_a_damaged_kept_result_is_as_good_as_none(course, student):
    kept_path(course, "lab04", student.name).write_text('{"result": {"tests": 3}}')
    assert one_of(course, student).automatic == 12.0


def test_where_the_gradebook_has_other_points_they_count_and_the_message_goes(course, student):
    give(course, student, "forward", auto_score=0.0)
    found = one_of(course, student)
    (test,) = (test for test in found.result.tests if test.name == "forward")
    assert (test.score, test.status, test.message) == (0.0, "failed", "")
    assert found.automatic == 10.0
    assert "forward: the gradebook holds other points" in found.result.notes[-1]


def test_who_is_on_the_list_and_handed_nothing_in_is_absent(course):
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.add_student("zzz", first_name="Zoe", last_name="Late")
    (absent,) = gather(course, "lab04").absent
    assert (absent.student, absent.last_name) == ("zzz", "Late")


def test_what_was_handed_in_and_not_graded_is_named(course):
    folder = course.submitted / "newcomer" / "lab04"
    folder.mkdir(parents=True)
    (folder / "lab04.ipynb").write_text("{}")
    assert gather(course, "lab04").ungraded == (Person("newcomer"),)


def test_who_is_not_graded_yet_keeps_the_names_that_the_gradebook_knows(course):
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.add_student("newcomer", email="new@uni.edu", lms_user_id="77")
    (course.submitted / "newcomer" / "lab04" / "lab04.ipynb").mkdir(parents=True)
    found = gather(course, "lab04")
    assert found.ungraded == (Person("newcomer", email="new@uni.edu", lms_user_id="77"),)
    assert found.absent == ()


def test_a_folder_whose_name_is_no_text_is_named_so_that_every_file_can_hold_it(course):
    folder = course.submitted / os.fsdecode(b"M\xfcller") / "lab04"
    folder.mkdir(parents=True)
    (folder / "lab04.ipynb").write_text("{}")
    (found,) = gather(course, "lab04").ungraded
    assert found.student == "M\ufffdller"


def test_a_test_that_is_worth_other_points_now_counts_as_the_gradebook_says(course, student):
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.find_graded_cell("forward", "lab04", "lab04").max_score = 5.0
        book.db.commit()
    found = one_of(course, student)
    (test,) = (test for test in found.result.tests if test.name == "forward")
    assert (test.points, test.score, test.status) == (5.0, 2.0, "partial")
    assert found.max_total == 23.0
    assert "forward: the gradebook holds other points" in found.result.notes[-1]


def test_a_kept_test_that_the_gradebook_does_not_know_counts_nothing(course, student):
    path = kept_path(course, "lab04", student.name)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"name": "forward"', '"name": "older"'), encoding="utf-8")
    found = one_of(course, student)
    assert "older" not in [test.name for test in found.result.tests]
    assert (found.automatic, found.max_total) == (12.0, 20.0)
    assert "forward, older: the gradebook holds other points" in found.result.notes[-1]


def test_a_result_of_somebody_whom_the_gradebook_forgot_is_not_there(course, student):
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.remove_submission("lab04", student.name)
    found = gather(course, "lab04")
    assert student.name not in [one.student for one in found.submissions]
    assert student.name in [person.student for person in found.absent]


def test_without_a_gradebook_nothing_is_made_and_the_command_to_run_is_named(course):
    course.gradebook.unlink()
    with pytest.raises(UsageError, match="run 'deltarule grade lab04' first"):
        gather(course, "lab04")
    assert not course.gradebook.exists()


def test_an_unknown_assignment_is_an_error(course):
    with pytest.raises(UsageError):
        gather(course, "lab99")
