"""``deltarule collect``: downloads as Canvas, Moodle and Brightspace make them."""

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from deltarule.cli import main
from deltarule.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
CANVAS_ROSTER = """\
Student,ID,SIS User ID,SIS Login ID,Section,line (7)
    Points Possible,,,,,10
"Lovelace, Ada",101,s1,ada,L1,
"Babbage, Charles",102,s2,charles,L1,
"Şahin, Ömer",103,s3,omer,L1,
"""
WORKSHEET = """\
\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum grade",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 12","Ada Lovelace",ada@uni.edu,Submitted,,10.00,"Friday, 20 November 2026, 11:59 PM",-,
"Participant 13","Charles Babbage",charles@uni.edu,Submitted,,10.00,\
"Saturday, 21 November 2026, 9:05 AM",-,
"Participant 14","Grace Hopper",grace@uni.edu,"No submission",,10.00,-,-,
"""
BRIGHTSPACE_ROSTER = """\
OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator
#1001,#ada,Lovelace,Ada,ada@uni.edu,#
#1002,#charles,Babbage,Charles,charles@uni.edu,#
"""


def reasons(done):
    return {one.member: one.why for one in done.left}


# -- Canvas ---------------------------------------------------------------------------------------


def test_canvas_files_go_to_their_students_by_the_number_in_their_names(school):
    done = school.collect(
        "canvas",
        ("lovelaceada_101_5001_fitting.ipynb", school.notebook("fitting", "Ada's")),
        ("lovelaceada_101_5002_predicting.ipynb", school.notebook("predicting")),
        ("babbagecharles_LATE_102_5003_fitting-1.ipynb", school.notebook("fitting")),
        roster=CANVAS_ROSTER,
    )
    assert sorted(school.submitted()) == [
        "ada/line/fitting.ipynb",
        "ada/line/predicting.ipynb",
        "charles/line/fitting.ipynb",
    ]
    assert "Ada's" in school.submitted()["ada/line/fitting.ipynb"]
    assert done.untimed_late == ["charles"]
    assert done.missing == {"charles": ("predicting",)}
    assert done.absent == ("Şahin, Ömer",)
    assert not done.to_look_at


def test_without_a_roster_the_folder_is_the_number_that_an_export_will_find(school):
    school.collect("canvas", ("lovelaceada_101_5001_fitting.ipynb", school.notebook("fitting")))
    assert list(school.submitted()) == ["101/line/fitting.ipynb"]


def test_a_student_whom_the_course_has_already_keeps_that_name(school):
    (school.course.submitted / "s1" / "other").mkdir(parents=True)
    done = school.collect(
        "canvas",
        ("lovelaceada_101_5001_fitting.ipynb", school.notebook("fitting")),
        roster=CANVAS_ROSTER,
    )
    assert done.students == ["s1"]


def test_a_student_of_the_gradebook_keeps_that_name(school, recorded, graded):
    recorded({"zoe": graded()}, absent=["102"])
    done = school.collect(
        "canvas",
        ("babbagecharles_102_5003_fitting.ipynb", school.notebook("fitting")),
        roster=CANVAS_ROSTER,
    )
    assert done.students == ["102"]


def test_of_several_uploads_to_canvas_the_last_counts(school):
    done = school.collect(
        "canvas",
        ("lovelaceada_101_5009_fitting-2.ipynb", school.notebook("fitting", "last")),
        ("lovelaceada_101_5001_fitting.ipynb", school.notebook("fitting", "first")),
    )
    assert "last" in school.submitted()["101/line/fitting.ipynb"]
    left = reasons(done)["lovelaceada_101_5001_fitting.ipynb"]
    assert left == "earlier than lovelaceada_101_5009_fitting-2.ipynb"


def test_a_later_download_takes_the_place_of_an_earlier_one_and_never_the_reverse(school):
    old = ("lovelaceada_101_5001_fitting.ipynb", school.notebook("fitting", "old"))
    new = ("lovelaceada_101_5009_fitting-1.ipynb", school.notebook("fitting", "new"))
    school.collect("canvas", old)
    assert school.collect("canvas", new).placed[0].outcome == "later"
    again = school.collect("canvas", old)
    assert again.placed[0].outcome == "kept"
    assert again.to_look_at
    assert '"new"' in school.submitted()["101/line/fitting.ipynb"]


def test_a_file_that_somebody_changed_is_written_over_only_by_force(school):
    first = ("lovelaceada_101_5001_fitting.ipynb", school.notebook("fitting"))
    school.collect("canvas", first)
    place = school.course.submitted / "101" / "line" / "fitting.ipynb"
    place.write_text("mended by the instructor", encoding="utf-8")
    later = ("lovelaceada_101_5009_fitting.ipynb", school.notebook("fitting"))
    assert school.collect("canvas", later).placed[0].outcome == "kept"
    assert place.read_text(encoding="utf-8") == "mended by the instructor"
    assert school.collect("canvas", later, force=True).placed[0].outcome == "forced"
    assert place.read_text(encoding="utf-8") == later[1]


def test_the_time_of_an_earlier_attempt_does_not_stay_with_a_later_one(school):
    school.collect("canvas", ("a_1_11_fitting.ipynb", school.notebook("fitting", "old")))
    time = school.course.submitted / "1" / "line" / "timestamp.txt"
    time.write_text("2026-11-09 11:30:00 UTC\n", encoding="utf-8")
    done = school.collect("canvas", ("a_1_12_fitting.ipynb", school.notebook("fitting", "new")))
    assert not time.exists()
    assert "timestamp.txt was of the earlier one" in done.placed[0].why


def test_what_was_typed_into_canvas_or_handed_in_anonymously_is_told_and_not_placed(school):
    done = school.collect(
        "canvas",
        ("lovelaceada_101_text.html", "<p>my answer</p>"),
        ("anon_Ab1_5001_fitting.ipynb", school.notebook("fitting")),
        ("babbagecharles_102_5003_fitting.ipynb", school.notebook("fitting")),
        ("babbagecharles_102_text.html", "see the notebook"),
    )
    assert done.students == ["102"]
    looked_at = " ".join(done.to_look_at)
    assert "lovelaceada_101_text.html" in looked_at
    assert "anon_Ab1_5001_fitting.ipynb" in looked_at
    assert "babbagecharles_102_text.html" not in looked_at


# -- Moodle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["/", ""])
def test_moodle_files_in_folders_and_without(school, between):
    done = school.collect(
        "moodle",
        (
            f"Ada Lovelace_12_assignsubmission_file_{between}fitting.ipynb",
            school.notebook("fitting"),
        ),
        ("Ada Lovelace_12_assignsubmission_onlinetext_/onlinetext.html", "<p>Hello</p>"),
    )
    assert list(school.submitted()) == ["Ada Lovelace/line/fitting.ipynb"]
    assert not done.to_look_at


def test_moodles_worksheet_says_who_is_who_and_when(school):
    school.collect(
        "moodle",
        ("Ada Lovelace_12_assignsubmission_file_/fitting.ipynb", school.notebook("fitting")),
        ("Charles Babbage_13_assignsubmission_file_/fitting.ipynb", school.notebook("fitting")),
        roster=WORKSHEET,
        zone=BERLIN,
    )
    files = school.submitted()
    assert files["ada@uni.edu/line/timestamp.txt"] == "2026-11-20 22:59:00 UTC\n"
    assert files["charles@uni.edu/line/timestamp.txt"] == "2026-11-21 08:05:00 UTC\n"


def test_the_worksheet_of_another_assignment_gives_nobody_somebody_elses_work(school):
    """Participants have other numbers there: the name has to agree."""
    done = school.collect(
        "moodle",
        ("Charles Babbage_12_assignsubmission_file_/fitting.ipynb", school.notebook("fitting")),
        roster=WORKSHEET,
    )
    assert done.students == ["charles@uni.edu"]


def test_where_names_are_hidden_the_participants_number_is_enough(school):
    done = school.collect(
        "moodle",
        ("Participant_13_assignsubmission_file_/fitting.ipynb", school.notebook("fitting")),
        roster=WORKSHEET,
    )
    assert done.students == ["charles@uni.edu"]


def test_two_of_one_name_need_a_roster(school):
    members = [
        (f"Jan Novak_{number}_assignsubmission_file_/fitting.ipynb", school.notebook("fitting"))
        for number in (21, 22)
    ]
    assert not school.collect("moodle", *members).placed
    roster = WORKSHEET + "".join(
        f'"Participant {n}","Jan Novak",jan{n}@uni.edu,x,,10.00,-,-,\n' for n in (21, 22)
    )
    done = school.collect("moodle", *members, roster=roster)
    assert done.students == ["jan21@uni.edu", "jan22@uni.edu"]


def test_who_left_the_course_is_not_taken_for_a_namesake_who_did_not(school):
    text = school.notebook("fitting")
    canvas = [(f"lovelaceada_{n}_50{n}_fitting.ipynb", text) for n in (101, 999)]
    done = school.collect("canvas", *canvas, roster=CANVAS_ROSTER)
    assert [(one.taken.student, one.taken.member) for one in done.placed] == [("ada", canvas[0][0])]
    assert "nobody like 'lovelaceada 999'" in done.left[0].why


def test_two_participants_are_never_one_row_of_the_roster(school):
    text = school.notebook("fitting")
    folder = "_assignsubmission_file_/fitting.ipynb"
    members = [(f"Ada Lovelace_{n}{folder}", text) for n in (12, 99)]
    assert not school.collect("moodle", *members, roster=WORKSHEET).placed


def test_two_files_of_one_attempt_that_could_both_be_it_are_left_to_a_person(school):
    folder = "Ada Lovelace_12_assignsubmission_file_"
    done = school.collect(
        "moodle",
        (f"{folder}/a.ipynb", school.notebook("fitting", "one")),
        (f"{folder}/b.ipynb", school.notebook("fitting", "other")),
    )
    assert not done.placed
    assert len(done.to_look_at) == 2


def test_the_right_name_wins_over_a_renamed_copy_of_one_attempt(school):
    folder = "Ada Lovelace_12_assignsubmission_file_"
    done = school.collect(
        "moodle",
        (f"{folder}/backup.ipynb", school.notebook("fitting", "backup")),
        (f"{folder}/fitting.ipynb", school.notebook("fitting", "real")),
    )
    assert "real" in school.submitted()["Ada Lovelace/line/fitting.ipynb"]
    assert "fits better" in reasons(done)[f"{folder}/backup.ipynb"]
    assert done.to_look_at


def test_of_two_different_files_of_one_attempt_the_exact_name_says_nothing(school):
    """``fitting (1).ipynb`` may be what was handed in last."""
    folder = "Ada Lovelace_12_assignsubmission_file_"
    done = school.collect(
        "moodle",
        (f"{folder}/fitting.ipynb", school.notebook("fitting", "first")),
        (f"{folder}/fitting (1).ipynb", school.notebook("fitting", "mended")),
        (f"{folder}/backup.ipynb", school.notebook("fitting", "backup")),
    )
    assert not done.placed
    why = reasons(done)
    for name in ("fitting.ipynb", "fitting (1).ipynb"):
        assert "keep the right one" in why[f"{folder}/{name}"]
    assert "counts" not in why[f"{folder}/backup.ipynb"]
    assert len(done.to_look_at) == 3


def test_of_two_equal_files_of_one_attempt_the_exact_name_is_taken(school):
    folder, text = "Ada Lovelace_12_assignsubmission_file_", school.notebook("fitting")
    names = (f"{folder}/fitting.ipynb", f"{folder}/fitting (1).ipynb")
    done = school.collect("moodle", *((name, text) for name in names))
    assert [one.taken.member for one in done.placed] == [names[0]]
    assert reasons(done) == {names[1]: f"the same as {names[0]}"}
    assert not done.to_look_at


# -- Brightspace ----------------------------------------------------------------------------------


def brightspace(name, when, file, person=39786):
    return f"{person}-640693 - {name} - {when}/{file}"


def test_brightspaces_attempts_are_told_apart_by_their_times(school):
    members = [
        (brightspace("Ada Lovelace", f"Nov {when}", "fitting.ipynb"), school.notebook("fitting", t))
        for when, t in (
            ("9, 2026 1030 PM", "middle"),
            ("20, 2026 1205 AM", "last"),
            ("9, 2026 930 AM", "first"),
        )
    ]
    done = school.collect("brightspace", *members, ("index.html", "x"), zone=BERLIN)
    assert '"last"' in school.submitted()["Ada Lovelace/line/fitting.ipynb"]
    assert school.submitted()["Ada Lovelace/line/timestamp.txt"] == "2026-11-19 23:05:00 UTC\n"
    assert len(done.left) == 3
    assert not done.to_look_at


def test_two_different_files_of_brightspaces_last_attempt_are_left_to_a_person(school):
    when, text = "Nov 9, 2026 1130 AM", school.notebook("fitting", "first")
    first, copy = (brightspace("Ada Lovelace", when, f"fitting{n}.ipynb") for n in ("", " (2)"))
    other = brightspace("Ada Lovelace", when, "fitting (1).ipynb")
    old = brightspace("Ada Lovelace", "Nov 8, 2026 1130 AM", "fitting.ipynb")
    done = school.collect(
        "brightspace",
        (first, text),
        (copy, text),
        (other, school.notebook("fitting", "mended")),
        (old, school.notebook("fitting", "old")),
    )
    assert not done.placed
    assert {one.member for one in done.left if not one.expected} == {first, other}
    assert reasons(done)[copy] == f"the same as {first}"
    assert reasons(done)[old] == f"earlier than {first}"


def test_notebooks_of_two_attempts_add_up_and_the_last_time_counts(school):
    school.collect(
        "brightspace",
        (
            brightspace("Ada Lovelace", "Nov 9, 2026 930 AM", "fitting.ipynb"),
            school.notebook("fitting"),
        ),
        (
            brightspace("Ada Lovelace", "Nov 9, 2026 1130 AM", "predicting.ipynb"),
            school.notebook("predicting"),
        ),
        roster=BRIGHTSPACE_ROSTER,
        zone=UTC,
    )
    files = school.submitted()
    assert sorted(files) == [
        "ada/line/fitting.ipynb",
        "ada/line/predicting.ipynb",
        "ada/line/timestamp.txt",
    ]
    assert files["ada/line/timestamp.txt"] == "2026-11-09 11:30:00 UTC\n"


def test_nbgrader_and_the_grader_read_the_time(school):
    from nbgrader.utils import parse_utc

    from deltarule.grading.inbox import handed_in_at

    member = brightspace("Ada Lovelace", "Nov 9, 2026 930 AM", "fitting.ipynb")
    school.collect("brightspace", (member, school.notebook("fitting")), zone=BERLIN)
    when, note = handed_in_at(school.course.submitted / "Ada Lovelace" / "line")
    assert note == ""
    assert when == parse_utc("2026-11-09 08:30")


def test_an_earlier_download_does_not_turn_the_clock_back(school):
    for when, text in (("9, 2026 1130 AM", "late"), ("9, 2026 930 AM", "early")):
        member = brightspace("Ada Lovelace", f"Nov {when}", "fitting.ipynb")
        school.collect("brightspace", (member, school.notebook("fitting", text)), zone=UTC)
    files = school.submitted()
    assert '"late"' in files["Ada Lovelace/line/fitting.ipynb"]
    assert files["Ada Lovelace/line/timestamp.txt"] == "2026-11-09 11:30:00 UTC\n"


def collect_attempts(school, *attempts, **how):
    """Collect a download with Ada's files: the day and time, the notebook, and what is in it."""
    members = [
        (
            brightspace("Ada Lovelace", f"Nov {when}", f"{notebook}.ipynb"),
            school.notebook(notebook, text),
        )
        for when, notebook, text in attempts
    ]
    done = school.collect("brightspace", *members, zone=UTC, **how)
    return {one.taken.notebook: one.outcome for one in done.placed}


def time_of_ada(school):
    return school.submitted()["Ada Lovelace/line/timestamp.txt"].removeprefix("2026-11-").strip()


LATE = ("20, 2026 900 AM", "predicting", "late")


def test_an_earlier_notebook_does_not_turn_the_clock_of_a_later_one_back(school):
    collect_attempts(school, LATE)
    collect_attempts(school, ("9, 2026 900 AM", "fitting", "early"))
    assert time_of_ada(school) == "20 09:00:00 UTC"


def test_a_newer_attempt_is_compared_with_its_own_notebooks_time(school):
    collect_attempts(school, ("9, 2026 900 AM", "fitting", "first"), LATE)
    newer = ("10, 2026 900 AM", "fitting", "second")
    assert collect_attempts(school, newer) == {"fitting": "later"}
    assert '"second"' in school.submitted()["Ada Lovelace/line/fitting.ipynb"]
    assert time_of_ada(school) == "20 09:00:00 UTC"
    between = ("9, 2026 1000 AM", "fitting", "between")
    assert collect_attempts(school, between) == {"fitting": "kept"}


def test_force_sets_the_clock_back_to_the_last_of_all_notebooks(school):
    collect_attempts(school, ("9, 2026 900 AM", "fitting", "first"), LATE)
    forced = ("8, 2026 900 AM", "predicting", "forced")
    assert collect_attempts(school, forced, force=True) == {"predicting": "forced"}
    assert time_of_ada(school) == "09 09:00:00 UTC"


def test_the_same_file_of_an_earlier_download_is_no_older_by_it(school):
    collect_attempts(school, ("9, 2026 1100 AM", "fitting", "text"))
    collect_attempts(school, ("9, 2026 900 AM", "fitting", "text"))
    between = ("9, 2026 1000 AM", "fitting", "between")
    assert collect_attempts(school, between) == {"fitting": "kept"}
    assert time_of_ada(school) == "09 11:00:00 UTC"


def test_without_a_noted_time_the_folders_counts(school):
    """As after collecting with an earlier version, which noted no times."""
    collect_attempts(school, ("9, 2026 900 AM", "fitting", "first"), LATE)
    notes = school.course.build / "collected" / "line.json"
    read = json.loads(notes.read_text(encoding="utf-8"))
    earlier = {key: {"order": 1, "sha256": note["sha256"]} for key, note in read.items()}
    for text in (json.dumps(earlier), "{}", '{"Ada Lovelace/line": 3}'):
        notes.write_text(text, encoding="utf-8")
        done = school.collect(
            "brightspace",
            (
                brightspace("Ada Lovelace", "Nov 19, 2026 900 AM", "fitting.ipynb"),
                school.notebook("fitting", "perhaps later"),
            ),
            zone=UTC,
        )
        assert done.placed[0].outcome == "kept"
        assert "timestamp.txt there has a later time" in done.placed[0].why
    forced = ("8, 2026 900 AM", "fitting", "forced")
    assert collect_attempts(school, forced, force=True) == {"fitting": "forced"}
    assert time_of_ada(school) == "20 09:00:00 UTC"
    assert collect_attempts(school, ("21, 2026 900 AM", "predicting", "x")) == {
        "predicting": "later"
    }
    assert time_of_ada(school) == "21 09:00:00 UTC"


def test_of_two_attempts_of_one_minute_none_is_called_later(school):
    when = "9, 2026 900 AM"
    collect_attempts(school, (when, "fitting", "one"))
    member = brightspace("Ada Lovelace", f"Nov {when}", "fitting.ipynb")
    done = school.collect("brightspace", (member, school.notebook("fitting", "two")), zone=UTC)
    assert "nothing says which is later" in done.placed[0].why


def test_a_changed_file_is_not_written_over_by_a_later_time_either(school):
    collect_attempts(school, ("9, 2026 900 AM", "fitting", "first"))
    place = school.course.submitted / "Ada Lovelace" / "line" / "fitting.ipynb"
    place.write_text("mended by the instructor", encoding="utf-8")
    later = ("10, 2026 900 AM", "fitting", "second")
    assert collect_attempts(school, later) == {"fitting": "kept"}
    assert collect_attempts(school, later, force=True) == {"fitting": "forced"}


def test_a_time_written_by_hand_stays_for_what_lies_there_without_one(school):
    canvas = [
        (f"a_1_1{n}_{name}.ipynb", school.notebook(name, str(n)))
        for n, name in enumerate(("fitting", "predicting", "fitting"))
    ]
    school.collect("canvas", *canvas[:2])
    time = school.course.submitted / "1" / "line" / "timestamp.txt"
    time.write_text("2026-11-09 11:30 UTC", encoding="utf-8")
    assert school.collect("canvas", canvas[2]).placed[0].outcome == "later"
    assert time.read_text(encoding="utf-8") == "2026-11-09 11:30 UTC"


# -- what a file is -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("my work.ipynb", "fitting (1).ipynb", "fitting-Copy1.ipynb", "fitting.ipynb.txt"),
        *("a.json", "predicting.ipynb", "FITTING.IPYNB", "решение.ipynb", "fit_ting_7_.ipynb"),
    ],
)
def test_a_renamed_notebook_is_known_by_its_cells(school, name):
    done = school.collect("canvas", (f"x_101_5001_{name}", school.notebook("fitting")))
    assert [one.taken.notebook for one in done.placed] == ["fitting"]
    assert list(school.submitted()) == ["101/line/fitting.ipynb"]


def test_what_is_no_notebook_of_the_assignment_is_listed_with_the_reason(school):
    other = json.dumps({"nbformat": 4, "metadata": {}, "cells": []})
    done = school.collect(
        "canvas",
        ("a_1_11_report.pdf", "%PDF"),
        ("b_2_12_all.zip", "PK"),
        ("c_3_13_other.ipynb", other),
        ("d_4_14_notes.txt", "nothing"),
        ("e_5_15_fitting.ipynb", school.notebook("fitting")),
        ("group photo.png", "PNG"),
    )
    assert done.students == ["5"]
    assert {name: why.split(";")[0].split(":")[0] for name, why in reasons(done).items()} == {
        "a_1_11_report.pdf": "it is no notebook",
        "b_2_12_all.zip": "it is an archive in the archive",
        "c_3_13_other.ipynb": "it is another notebook",
        "d_4_14_notes.txt": "it is damaged (Expecting value)",
        "group photo.png": "Canvas calls no file like this",
    }
    assert len(done.to_look_at) == 5


def test_a_damaged_notebook_of_the_right_name_is_placed_for_the_grader_to_say_so(school):
    done = school.collect("canvas", ("a_1_11_fitting.ipynb", '{"cells": ['))
    assert school.submitted() == {"1/line/fitting.ipynb": '{"cells": ['}
    assert "is damaged" in done.placed[0].taken.note


def test_two_copies_of_one_file_are_one(school):
    text = school.notebook("fitting")
    done = school.collect("canvas", ("a_1_11_fitting.ipynb", text), ("a_1_12_copy.ipynb", text))
    assert len(done.placed) == 1
    assert not done.to_look_at


# -- the command ----------------------------------------------------------------------------------


def run(school, monkeypatch, *arguments):
    monkeypatch.chdir(school.root)
    return CliRunner().invoke(main, ["collect", "line", *arguments])


def test_a_dry_run_writes_nothing_and_says_the_same(school, monkeypatch):
    school.download(("a_1_11_fitting.ipynb", school.notebook("fitting")))
    arguments = ("download.zip", "--from", "canvas")
    dry = run(school, monkeypatch, *arguments, "--dry-run")
    assert (dry.exit_code, school.submitted()) == (0, {})
    assert not (school.course.build / "collected").exists()
    wet = run(school, monkeypatch, *arguments, "--json", "done.json")
    assert wet.exit_code == 0
    assert dry.output.replace("would be placed", "placed") == wet.output
    told = json.loads((school.root / "done.json").read_text(encoding="utf-8"))
    assert [one["outcome"] for one in told["placed"]] == ["new"]


def test_something_that_is_not_placed_ends_in_exit_code_1(school, monkeypatch):
    school.download(("a_1_11_fitting.ipynb", school.notebook("fitting")), ("b_2_12_x.pdf", "x"))
    done = run(school, monkeypatch, "download.zip", "--from", "canvas")
    assert done.exit_code == 1
    assert "b_2_12_x.pdf: it is no notebook" in done.output
    assert list(school.submitted()) == ["1/line/fitting.ipynb"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing.zip", "--from", "canvas"), "there is no file"),
        (("text.zip", "--from", "canvas"), "cannot be opened as a zip file"),
        (("download.zip", "--from", "moodle"), "is --from right"),
        (("download.zip", "--from", "canvas", "--timezone", "Mars/Base"), "no time zone"),
        (("download.zip", "--from", "canvas", "--roster", "moodle.csv"), "like one of Moodle"),
        (("download.zip", "--from", "canvas", "--roster", "text.zip"), "is no roster"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(school, monkeypatch, arguments, said):
    school.download(("a_1_11_fitting.ipynb", school.notebook("fitting")))
    school.save("text.zip", "this is no archive")
    school.save("moodle.csv", WORKSHEET)
    done = run(school, monkeypatch, *arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert school.submitted() == {}


def test_an_assignment_that_is_not_there(school):
    from deltarule.lms.collecting import collect_download

    with pytest.raises(UsageError, match="no assignment"):
        collect_download(school.course, "circle", school.download(("a", "b")), "canvas")
