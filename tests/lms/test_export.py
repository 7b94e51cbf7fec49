"""``deltarule export``: each file is read back as the system that imports it would read it."""

import csv
import json
from datetime import datetime

import pytest
from click.testing import CliRunner

from deltarule.cli import main
from deltarule.errors import UsageError
from deltarule.grading.inbox import content_hash
from deltarule.grading.kept import kept_path
from deltarule.lms.exporting import Wishes, make_export

from . import importers

CANVAS = '''\
Student,ID,SIS User ID,SIS Login ID,Section,older (5),line (7),Final Score
    Points Possible,,,,,20,10.00,(read only)
"Lovelace, Ada",101,s1,ada,L1,18,4,90
"Babbage, Charles",102,s2,charles@uni.edu,L1,17,,85
"=Şahin, ""Ömer""",103,s3,omer,L1,16,1,80
"Student, Test",999,,,L1,,,
'''
CANVAS_PEOPLE = [
    {"id": "101", "sis": "s1", "login": "ada", "name": "Lovelace, Ada"},
    {"id": "102", "sis": "s2", "login": "charles@uni.edu", "name": "Babbage, Charles"},
    {"id": "103", "sis": "s3", "login": "omer", "name": '=Şahin, "Ömer"'},
]
WORKSHEET = """\
\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum grade",\
"Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 12","Ada Lovelace",ada@uni.edu,Submitted,4.00,10.00,Yes,"Friday, 20 November 2026, \
11:59 PM","Monday, 23 November 2026, 8:00 AM","<p>Well done</p>"
"Participant 13","Charles Babbage",charles@uni.edu,Submitted,,10.00,Yes,-,-,
"""
MOODLE = """\
"First name","Last name","ID number","Email address","Assignment: Line (Real)",\
"Course total (Real)","Last downloaded from this course"
Ada,Lovelace,1001,ada@uni.edu,4.00,20.00,1764000000
Charles,Babbage,1002,charles@uni.edu,-,20.00,1764000000
"""
BRIGHTSPACE = """\
OrgDefinedId,Username,Last Name,First Name,Email,\
line Points Grade <Numeric MaxPoints:10 Weight:5 Category:Labs CategoryWeight:30>,\
End-of-Line Indicator
#1001,#ada,Lovelace,Ada,ada@uni.edu,4,#
#1002,#charles,Babbage,Charles,charles@uni.edu,,#
"""
BRIGHTSPACE_PEOPLE = [{"org": "1001", "user": "ada"}, {"org": "1002", "user": "charles"}]


@pytest.fixture
def export(school):
    """Makes an export; a ``roster`` and an earlier file are given as texts."""

    def made(target, **wishes):
        for name in ("roster", "against"):
            if name in wishes:
                content = wishes[name]
                text = content.decode("utf-8") if isinstance(content, bytes) else content
                wishes[name] = school.save(f"{name}.csv", text)
        return make_export(school.course, "line", target, Wishes(**wishes))

    return made


# -- the readers ----------------------------------------------------------------------------------


def test_a_reader_refuses_what_its_system_would_refuse():
    canvas, moodle, brightspace = (text.encode() for text in (CANVAS, WORKSHEET, BRIGHTSPACE))
    for content in (moodle, brightspace, canvas):  # the last has only people whom nobody knows
        with pytest.raises(importers.RefusedError):
            importers.canvas(content, [], {})
    for content in (moodle, canvas, b"Username,x Points Grade\nada,1\n"):
        with pytest.raises(importers.RefusedError):
            importers.brightspace(content, BRIGHTSPACE_PEOPLE)
    with pytest.raises(importers.RefusedError, match="every comment"):
        importers.moodle_worksheet(moodle, {}, {}, 10)
    with pytest.raises(importers.RefusedError, match="user mapping"):
        importers.moodle_grades(b"Username,line\neve,1\n", {"ada"}, "Username", "line")


# -- Canvas ---------------------------------------------------------------------------------------


def test_canvas_imports_it_and_other_grades_stay_as_they_are(recorded, graded, export):
    recorded({"ada": graded(6, 3.5), "s2": graded(2, 1), "omer": graded(0, 0)})
    grades = {"older (5)": {"101": 18.0}, "line (7)": {"101": 4.0}}
    possible = importers.canvas(export("canvas", roster=CANVAS).content, CANVAS_PEOPLE, grades)
    assert grades["line (7)"] == {"101": 9.5, "102": 3.0, "103": 0.0}
    assert grades["older (5)"] == {"101": 18.0}
    assert possible == {"line (7)": 10.0}


def test_a_student_who_is_held_back_keeps_the_grade_that_canvas_has(recorded, graded, export):
    recorded({"ada": graded(6, None), "s2": graded(2, 1)})
    made = export("canvas", roster=CANVAS)
    grades = {"line (7)": {"101": 4.0}}
    importers.canvas(made.content, CANVAS_PEOPLE, grades)
    assert grades["line (7)"] == {"101": 4.0, "102": 3.0}
    assert made.held == {"ada": "waiting for points: why"}


def test_the_rosters_names_go_back_as_they_came_formulas_too(recorded, graded, export):
    recorded({"omer": graded()})
    made = export("canvas", roster=CANVAS)
    assert importers.rows_of(made.content)[2] == ['=Şahin, "Ömer"', "103", "s3", "omer", "L1", "5"]


def test_without_a_roster_canvas_finds_students_by_their_login(recorded, graded, export):
    recorded({"ada": graded(6, 3), "omer": graded(1, 1)})
    grades = {}
    possible = importers.canvas(export("canvas").content, CANVAS_PEOPLE, grades)
    assert grades == {"line": {"101": 9.0, "103": 2.0}}
    assert possible == {"line": 10.0}


def test_a_new_column_of_canvas_says_what_it_is_out_of(recorded, graded, export):
    recorded({"ada": graded(6, 3)})
    made = export("canvas", roster=CANVAS, new_column="Line again")
    grades = {}
    assert importers.canvas(made.content, CANVAS_PEOPLE, grades) == {"Line again": 10.0}
    assert grades == {"Line again": {"101": 9.0}}


def test_semicolons_and_a_byte_order_mark_of_the_roster_stay(recorded, graded, export):
    recorded({"ada": graded(6, 3.5)})
    roster = (
        "\ufeffStudent;ID;SIS User ID;SIS Login ID;Section;line (7)\n"
        "    Points Possible;;;;;10,00\nLovelace, Ada;101;s1;ada;L1;\n"
    )
    made = export("canvas", roster=roster)
    assert made.content.decode("utf-8").startswith("\ufeffStudent;ID")
    assert importers.rows_of(made.content)[-1] == ["Lovelace, Ada", "101", "s1", "ada", "L1", "9.5"]


# -- Moodle ---------------------------------------------------------------------------------------


def test_moodles_worksheet_imports_it_and_comments_stay(recorded, graded, export):
    recorded({"ada@uni.edu": graded(6, 3), "Charles Babbage": graded(2, 1)})
    content = export("moodle", roster=WORKSHEET).content
    grades = {"12": 4.0}
    people = {"12": "Monday, 23 November 2026, 8:00 AM", "13": "-"}
    importers.moodle_worksheet(content, people, grades, 10)
    assert grades == {"12": 9.0, "13": 3.0}


def test_moodles_gradebook_imports_it_by_e_mail_address(recorded, graded, export):
    recorded({"1001": graded(6, 3), "charles": graded(2, 1)})
    made = export("moodle", roster=MOODLE)
    people = {"ada@uni.edu", "charles@uni.edu"}
    found = importers.moodle_grades(made.content, people, "Email address", made.column)
    assert made.column == "Assignment: Line (Real)"
    assert found == {"ada@uni.edu": 9.0, "charles@uni.edu": 3.0}


def test_without_a_roster_moodle_gets_e_mail_addresses_where_all_are_known(
    recorded, graded, export
):
    recorded({"a": graded(email="ada@uni.edu"), "b": graded(1, 1, email="charles@uni.edu")})
    people = {"ada@uni.edu", "charles@uni.edu"}
    content = export("moodle").content
    found = importers.moodle_grades(content, people, "Email address", "line")
    assert found == {"ada@uni.edu": 5.0, "charles@uni.edu": 2.0}


def test_without_e_mail_addresses_moodle_gets_user_names(recorded, graded, export):
    recorded({"a": graded(email="ada@uni.edu"), "b": graded(1, 1)})
    found = importers.moodle_grades(export("moodle").content, {"a", "b"}, "Username", "line")
    assert found == {"a": 5.0, "b": 2.0}


# -- Brightspace ----------------------------------------------------------------------------------


def test_brightspace_imports_it_under_the_same_item(recorded, graded, export):
    recorded({"ada": graded(6, 3), "1002": graded(2, 1)})
    made = export("brightspace", roster=BRIGHTSPACE)
    grades, most = importers.brightspace(made.content, BRIGHTSPACE_PEOPLE)
    assert grades == {"line": {"ada": 9.0, "charles": 3.0}}
    assert most == {"line": 10.0}


def test_without_a_roster_brightspace_gets_a_new_item(recorded, graded, export):
    recorded({"ada": graded(6, 3)})
    made = export("brightspace", new_column="Lab 1: a line")
    grades, most = importers.brightspace(made.content, BRIGHTSPACE_PEOPLE)
    assert grades == {"Lab 1: a line": {"ada": 9.0}}
    assert most == {"Lab 1: a line": 10.0}


# -- what counts ----------------------------------------------------------------------------------


def test_a_late_penalty_is_taken_off_and_said(recorded, graded, export):
    recorded({"ada": graded(6, 3, penalty=1.5), "charles": graded(1, 0, penalty=1)})
    made = export("brightspace", roster=BRIGHTSPACE)
    grades, _ = importers.brightspace(made.content, BRIGHTSPACE_PEOPLE)
    assert grades["line"] == {"ada": 7.5, "charles": 0.0}
    ada = made.as_json()["exported"][0]
    assert (ada["automatic"], ada["manual"], ada["penalty"], ada["score"]) == (6, 3, 1.5, 7.5)


def test_the_score_is_the_one_that_nbgrader_exports(school, recorded, graded, export):
    from nbgrader.api import Gradebook

    recorded({"ada": graded(5.25, 3, penalty=0.5), "charles": graded(1, 0, penalty=1)})
    ours = {one.grade.student: one.grade.score for one in export("csv").changes}
    with Gradebook(f"sqlite:///{school.course.gradebook}") as gradebook:
        theirs = {
            one.student.id: max(0.0, one.score - one.late_submission_penalty)
            for one in gradebook.assignment_submissions("line")
        }
    assert ours == theirs


def test_what_is_not_final_goes_out_only_on_demand_and_says_so(recorded, graded, export):
    recorded({"ada": graded(6, None), "charles": graded(2, 1)})
    made = export("brightspace", roster=BRIGHTSPACE, provisional=True)
    grades, _ = importers.brightspace(made.content, BRIGHTSPACE_PEOPLE)
    assert grades["line"] == {"ada": 6.0, "charles": 3.0}
    told = {one["student"]: one["provisional"] for one in made.as_json()["exported"]}
    assert told == {"ada": "waiting for points: why", "charles": None}


def test_a_later_submission_that_waits_to_be_graded_holds_the_grade_back(
    school, recorded, graded, export
):
    recorded({"ada": graded(timestamp=datetime(2026, 11, 9, 12, 0))})
    folder = school.course.submitted / "ada" / "line"
    folder.mkdir(parents=True)
    time = folder / "timestamp.txt"
    time.write_text("2026-11-09 12:00:00 UTC", encoding="utf-8")
    assert export("csv").held == {}
    time.write_text("2026-11-09 13:00:00 UTC", encoding="utf-8")
    assert export("csv").held == {"ada": "handed in again, and that is not graded yet"}


def test_what_was_handed_in_without_a_time_is_compared_with_what_was_graded(
    school, recorded, graded, export
):
    recorded({"ada": graded()})
    folder = school.course.submitted / "ada" / "line"
    folder.mkdir(parents=True)
    (folder / "fitting.ipynb").write_text("{}", encoding="utf-8")
    kept = kept_path(school.course, "line", "ada")
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"content": content_hash(folder)}), encoding="utf-8")
    assert export("csv").held == {}
    (folder / "fitting.ipynb").write_text("{ }", encoding="utf-8")
    assert export("csv").held == {"ada": "handed in again, and that is not graded yet"}


def test_somebody_who_handed_in_and_is_not_graded_at_all_is_never_exported(
    school, recorded, graded, export
):
    recorded({"ada": graded()})
    folder = school.course.submitted / "charles" / "line"
    folder.mkdir(parents=True)
    (folder / "fitting.ipynb").write_text("{}", encoding="utf-8")
    made = export("brightspace", roster=BRIGHTSPACE, provisional=True)
    assert made.held == {"charles": "handed in, and not graded yet"}
    grades, _ = importers.brightspace(made.content, BRIGHTSPACE_PEOPLE)
    assert list(grades["line"]) == ["ada"]


# -- points that do not fit -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "roster"),
    [
        ("canvas", CANVAS.replace("20,10.00", "20,100")),
        ("moodle", WORKSHEET.replace("10.00", "100.00")),
        ("brightspace", BRIGHTSPACE.replace("MaxPoints:10", "MaxPoints:100")),
    ],
)
def test_nine_of_ten_is_never_nine_of_a_hundred(recorded, graded, export, target, roster):
    recorded({"ada@uni.edu" if target == "moodle" else "ada": graded(6, 3)})
    with pytest.raises(UsageError, match=r"out of 100 points in .*--out-of 100"):
        export(target, roster=roster)
    made = export(target, roster=roster, out_of=100)
    assert [one.cell for one in made.changes] == ["90"]


def test_a_maximum_with_a_decimal_comma_is_read_whole(recorded, graded, export):
    recorded({"ada": graded(6, 3)})
    heading = next(line for line in BRIGHTSPACE.splitlines()[0].split(",") if "MaxPoints" in line)
    comma = f'"{heading.replace("MaxPoints:10", "MaxPoints:10,5")}"'
    with pytest.raises(UsageError, match=r"out of 10\.5 points"):
        export("brightspace", roster=BRIGHTSPACE.replace(heading, comma))


def test_more_than_all_points_is_said_because_moodle_would_leave_it_out(
    school, recorded, graded, monkeypatch
):
    recorded({"ada@uni.edu": graded(6, 5)})
    school.save("moodle.csv", WORKSHEET)
    done = run(school, monkeypatch, "out.csv", "--to", "moodle", "--roster", "moodle.csv")
    assert "above 10 points: ada@uni.edu" in done.output
    grades = {}
    people = {"12": "Monday, 23 November 2026, 8:00 AM", "13": "-"}
    importers.moodle_worksheet((school.root / "out.csv").read_bytes(), people, grades, 10)
    assert grades == {}


# -- who is who -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("student", "how"),
    [
        ("101", {}),
        ("s1", {}),
        ("ADA", {}),
        ("Lovelace, Ada", {}),
        ("Ada Lovelace", {}),
        ("x7", {"first_name": "Ada", "last_name": "Lovelace"}),
        ("x7", {"lms_user_id": "101"}),
        ("x7", {"email": "ada"}),
    ],
)
def test_a_student_is_found_by_id_login_e_mail_or_name(recorded, graded, export, student, how):
    recorded({student: graded(6, 3, **how)})
    grades = {}
    importers.canvas(export("canvas", roster=CANVAS).content, CANVAS_PEOPLE, grades)
    assert grades == {"line (7)": {"101": 9.0}}


def test_whoever_is_not_in_the_roster_is_listed_and_nothing_is_made(recorded, graded, export):
    recorded({"ada": graded(), "eve": graded(), "mallory": graded(6, None)})
    with pytest.raises(UsageError, match=r"(?s)2 of the students.*eve.*mallory"):
        export("canvas", roster=CANVAS)
    made = export("canvas", roster=CANVAS, allow_unmatched=True)
    assert [one.grade.student for one in made.changes] == ["ada"]
    assert set(made.unmatched) == {"eve", "mallory"}


def test_a_name_that_two_persons_have_is_nobodys(recorded, graded, export):
    recorded({"Lovelace, Ada": graded()})
    roster = CANVAS + '"Lovelace, Ada",104,s4,ada2,L2,,,\n'
    with pytest.raises(UsageError, match="2 persons like 'lovelace, ada'"):
        export("canvas", roster=roster)


def test_two_students_who_would_be_one_person_are_both_refused(recorded, graded, export):
    recorded({"ada": graded(), "101": graded()})
    with pytest.raises(UsageError, match="101 and ada would be the same person"):
        export("canvas", roster=CANVAS)


def test_the_part_before_the_at_sign_does_not_make_two_names_one_person(recorded, graded, export):
    recorded({"charles": graded(first_name="Charles", last_name="Darwin")})
    with pytest.raises(UsageError, match="nobody like 'charles'"):
        export("canvas", roster=CANVAS)


# -- columns --------------------------------------------------------------------------------------


def test_an_assignment_of_another_name_is_chosen_and_never_guessed(recorded, graded, export):
    recorded({"ada": graded(6, 3)})
    roster = CANVAS.replace("line (7)", "Lab 1 (7)")
    with pytest.raises(UsageError, match=r"(?s)no column for 'line'.*older \(5\).*Lab 1 \(7\)"):
        export("canvas", roster=roster)
    for title in ("Lab 1", "Lab 1 (7)"):
        assert export("canvas", roster=roster, column=title).column == "Lab 1 (7)"


def test_two_columns_of_one_title_are_told_apart_by_the_whole_heading(recorded, graded, export):
    recorded({"ada": graded(6, 3)})
    roster = CANVAS.replace("older (5)", "line (5)").replace("20,10.00", "10,10")
    with pytest.raises(UsageError, match=r"(?s)several columns.*line \(5\).*line \(7\)"):
        export("canvas", roster=roster)
    assert export("canvas", roster=roster, column="line (5)").column == "line (5)"


def test_a_needed_column_that_stands_twice_is_refused(school, recorded, graded, export):
    recorded({"ada": graded(6, 3)})
    for name in ("SIS Login ID", "ID", "Section"):
        twice = "".join(f"{line},x\n" for line in CANVAS.splitlines()).replace(",x", f",{name}", 1)
        with pytest.raises(UsageError, match=rf"roster.csv has the column '{name}' twice"):
            export("canvas", roster=twice)
    twice = CANVAS.replace("older (5)", "Final Score")  # nobody needs that one
    assert export("canvas", roster=twice).changes
    first = export("csv").content.decode("utf-8")
    with pytest.raises(UsageError, match=r"against.csv has the column 'score' twice"):
        export("csv", against=first.replace("max_score", "Score"))


@pytest.mark.parametrize(("said", "most"), [("1,010.00", "1010"), ("10,50", "10.5")])
def test_what_a_column_is_out_of_may_have_a_comma(recorded, graded, export, said, most):
    recorded({"ada": graded(6, 3)})
    roster = CANVAS.replace("10.00", f'"{said}"')
    with pytest.raises(UsageError, match=f"is out of {most} points"):
        export("canvas", roster=roster)


def test_points_that_may_be_ten_or_ten_thousand_are_not_guessed(recorded, graded, export):
    """As None they would be what nothing is compared with."""
    recorded({"ada": graded(6, 3), "ada@uni.edu": graded(6, 3)})
    for target, roster in (("canvas", CANVAS), ("moodle", WORKSHEET)):
        for said in ("10,000", "1.010,5"):
            with pytest.raises(UsageError, match=f"'{said}', which may have a decimal comma"):
                export(target, roster=roster.replace("10.00", f'"{said}"'))


# -- changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "roster"), [("canvas", CANVAS), ("moodle", MOODLE), ("brightspace", BRIGHTSPACE)]
)
def test_against_an_earlier_export_only_what_changed_is_written(
    school, recorded, graded, export, target, roster
):
    from nbgrader.api import Gradebook

    recorded({"ada@uni.edu" if target == "moodle" else "ada": graded(6, 3), "charles": graded()})
    first = export(target, roster=roster)
    assert len(first.changes) == 2
    assert export(target, roster=roster, against=first.content).changes == ()
    with Gradebook(f"sqlite:///{school.course.gradebook}") as gradebook:
        gradebook.find_grade("why", "fitting", "line", "charles").manual_score = 4
        gradebook.db.commit()
    second = export(target, roster=roster, against=first.content)
    assert [(one.grade.student, one.was, one.cell) for one in second.changes] == [
        ("charles", 5.0, "7")
    ]
    assert len(importers.rows_of(second.content)) == (3 if target == "canvas" else 2)


def test_a_grade_that_is_no_longer_final_is_missed(school, recorded, graded, export):
    from nbgrader.api import Gradebook

    recorded({"ada": graded(6, 3), "charles": graded()})
    first = export("brightspace", roster=BRIGHTSPACE)
    with Gradebook(f"sqlite:///{school.course.gradebook}") as gradebook:
        grade = gradebook.find_grade("why", "fitting", "line", "charles")
        grade.manual_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()
    second = export("brightspace", roster=BRIGHTSPACE, against=first.content)
    assert second.gone == ("charles",)
    assert set(second.held) == {"charles"}


def test_the_rosters_own_grades_say_what_an_import_would_change(recorded, graded, export):
    recorded({"ada": graded(3, 1), "s2": graded(2, 1), "omer": graded(6, 4)})
    changes = {one.grade.student: one for one in export("canvas", roster=CANVAS).changes}
    assert {name: (one.was, one.changed) for name, one in changes.items()} == {
        "ada": (4.0, False),
        "s2": (None, True),
        "omer": (1.0, True),
    }


# -- plain CSV ------------------------------------------------------------------------------------


def test_plain_csv_has_everything_and_everybody(recorded, graded, export):
    recorded(
        {
            "ada": graded(5.5, 3, penalty=1, first_name="Ada", last_name="Lovelace"),
            "charles": graded(2, None),
        },
        absent=["grace"],
    )
    rows = list(csv.DictReader(export("csv").content.decode("utf-8").splitlines()))
    ada, charles, grace = rows
    assert (ada["automatic"], ada["manual"], ada["penalty"]) == ("5.5", "3", "1")
    assert (ada["score"], ada["max_score"], ada["status"]) == ("7.5", "10", "final")
    assert (charles["score"], charles["status"]) == ("", "waiting for points: why")
    assert (grace["score"], grace["status"]) == ("", "nothing handed in")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_plain_csv_is_a_formula(recorded, graded, export, sign):
    recorded({"ada": graded(first_name=f"{sign}HYPERLINK(1)", last_name=f"{sign}5")})
    row = importers.rows_of(export("csv").content)[1]
    assert row[2] == f"'{sign}HYPERLINK(1)"
    assert row[1] == (f"{sign}5" if sign in "+-" else f"'{sign}5")


def test_an_apostrophe_that_we_wrote_does_not_hide_a_student_from_comparison(
    recorded, graded, export
):
    recorded({"@da": graded()})
    first = export("csv")
    assert importers.rows_of(first.content)[1][0] == "'@da"
    assert export("csv", against=first.content).changes == ()


# -- the command ----------------------------------------------------------------------------------


def run(school, monkeypatch, *arguments):
    monkeypatch.chdir(school.root)
    return CliRunner().invoke(main, ["export", "line", *arguments])


def test_a_dry_run_writes_nothing_and_names_each_change(school, recorded, graded, monkeypatch):
    recorded({"ada": graded(6, 3), "s2": graded(2, None)})
    school.save("canvas.csv", CANVAS)
    arguments = ("out.csv", "--to", "canvas", "--roster", "canvas.csv")
    dry = run(school, monkeypatch, *arguments, "--dry-run", "--json", "told.json")
    assert dry.exit_code == 0
    assert "4 -> 9  (6 automatic, 3 by hand)" in dry.output
    assert "s2: waiting for points: why" in dry.output
    assert not (school.root / "out.csv").exists()
    told = json.loads((school.root / "told.json").read_text(encoding="utf-8"))
    assert (told["file"], told["held_back"]) == (None, {"s2": "waiting for points: why"})
    assert run(school, monkeypatch, *arguments).exit_code == 0
    assert (school.root / "out.csv").exists()


def test_files_that_are_there_are_not_written_over_unasked(school, recorded, graded, monkeypatch):
    recorded({"ada": graded()})
    school.save("canvas.csv", CANVAS)
    own = run(school, monkeypatch, "canvas.csv", "--to", "canvas", "--roster", "./canvas.csv")
    assert own.exit_code == 2
    forced = run(
        school, monkeypatch, "canvas.csv", "--to", "canvas", "--roster", "canvas.csv", "--force"
    )
    assert forced.exit_code == 2
    other = school.save("other.csv", "precious")
    assert run(school, monkeypatch, "other.csv", "--to", "csv").exit_code == 2
    assert other.read_text(encoding="utf-8") == "precious"
    assert run(school, monkeypatch, "other.csv", "--to", "csv", "--force").exit_code == 0


def test_unmatched_students_end_in_exit_code_2_and_no_file(school, recorded, graded, monkeypatch):
    recorded({"ada": graded(), "eve": graded()})
    school.save("canvas.csv", CANVAS)
    done = run(school, monkeypatch, "out.csv", "--to", "canvas", "--roster", "canvas.csv")
    assert done.exit_code == 2
    assert "eve: canvas.csv has nobody like 'eve'" in done.output
    assert not (school.root / "out.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "canvas", "--column", "x"), "give one"),
        (("--to", "csv", "--roster", "canvas.csv"), "takes no roster"),
        (("--to", "moodle", "--roster", "canvas.csv"), "looks like one of Canvas"),
        (("--to", "canvas", "--roster", "latin.csv"), "not in UTF-8"),
        (("--to", "canvas", "--roster", "none.csv"), "cannot be read"),
        (("--to", "csv", "--against", "canvas.csv"), "is no file of"),
    ],
)
def test_wrong_usage_is_one_sentence(school, recorded, graded, monkeypatch, arguments, said):
    recorded({"ada": graded()})
    school.save("canvas.csv", CANVAS)
    (school.root / "latin.csv").write_bytes("Student,ID,Section\nÖ,1,\n".encode("latin-1"))
    done = run(school, monkeypatch, "out.csv", *arguments)
    assert (done.exit_code, said in done.output) == (2, True), done.output


def test_nothing_on_record_says_what_to_do(school, export):
    with pytest.raises(UsageError, match="deltarule grade line"):
        export("csv")
