"""Archives made to do harm: nothing of them leaves ``submitted/<student>/<assignment>``."""

import random
import re
import stat
import struct
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deltarule.errors import UsageError
from deltarule.lms import archive as archives
from deltarule.lms.folders import folder_problem
from deltarule.lms.rosters import name_forms
from deltarule.lms.systems import the_system


def everything(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


def collected(school, system, *members):
    """Collect, and see that only folders of students came into being."""
    before = everything(school.root.parent)
    done = school.collect(system, *members)
    new = {path for path in everything(school.root.parent) - before if path.name != "download.zip"}
    for path in new:
        inside = path.parts[1:]
        assert inside[0] == "submitted" or inside[:2] == ("build", "collected"), path
        if inside[0] == "submitted" and len(inside) > 2:
            assert inside[2] == "line"
            assert len(inside) == 3 or inside[3] in ("fitting.ipynb", "timestamp.txt")
    assert len(done.placed) + len(done.left) == len(members)
    return done


NAMES = [
    "../a_1_11_fitting.ipynb",
    "a/../../a_1_11_fitting.ipynb",
    "/etc/a_1_11_fitting.ipynb",
    "C:\\a_1_11_fitting.ipynb",
    "..\\..\\a_1_11_fitting.ipynb",
    "\\\\server\\share\\a_1_11_fitting.ipynb",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_out_is_named_and_not_followed(school, name):
    good = ("b_2_12_fitting.ipynb", school.notebook("fitting"))
    done = collected(school, "canvas", (name, school.notebook("fitting")), good)
    assert done.students == ["2"]
    assert any("leads out of the folder" in one for one in done.to_look_at)


@pytest.mark.parametrize("name", ["..", ".", "-x", ".git", "~root", " ", "con", "a" * 300, "a/b"])
def test_a_name_that_is_no_folder_of_a_students_is_refused(school, name):
    good = ("Ada_2_assignsubmission_file_/fitting.ipynb", school.notebook("fitting"))
    bad = (f"{name}_1_assignsubmission_file_/fitting.ipynb", school.notebook("fitting"))
    done = collected(school, "moodle", bad, good)
    if name == "a/b":  # a folder around the student's
        assert done.students == ["Ada", "b"]
    else:
        assert done.students == ["Ada"]
        assert len(done.to_look_at) == 1


@pytest.mark.parametrize("name", ["..", "-rf", "../../x"])
def test_ids_of_a_roster_are_not_trusted_either(school, name):
    roster = f"Student,ID,SIS Login ID,Section\nAda,1,{name},L\n"
    member = ("ada_1_11_fitting.ipynb", school.notebook("fitting"))
    assert not school.collect("canvas", member, roster=roster).placed
    assert school.submitted() == {}


def test_a_nul_in_a_name_does_not_end_it(school):
    info = zipfile.ZipInfo("a_1_11_fitting.ipynb")
    info.filename = "a_1_11_fitting.ipynb\0.exe"
    done = collected(school, "canvas", (info, school.notebook("fitting")))
    assert not done.placed
    assert "NUL" in done.left[0].why


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_links_and_devices_are_not_made(school, kind):
    info = zipfile.ZipInfo("a_1_11_fitting.ipynb")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    done = collected(school, "canvas", (info, "/etc/passwd"))
    assert not done.placed
    assert "link" in done.left[0].why


def test_a_link_in_the_place_of_a_students_folder_is_not_followed(school, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    school.course.submitted.mkdir()
    (school.course.submitted / "1").symlink_to(elsewhere, target_is_directory=True)
    done = school.collect("canvas", ("a_1_11_fitting.ipynb", school.notebook("fitting")))
    assert [one.outcome for one in done.placed] == ["kept"]
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_a_notebook_is_not_written_through(school, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious", encoding="utf-8")
    folder = school.course.submitted / "1" / "line"
    folder.mkdir(parents=True)
    (folder / "fitting.ipynb").symlink_to(precious)
    member = ("a_1_11_fitting.ipynb", school.notebook("fitting"))
    assert [one.outcome for one in school.collect("canvas", member, force=True).placed] == ["kept"]
    assert precious.read_text(encoding="utf-8") == "precious"


def test_a_bomb_is_known_by_its_ratio_and_not_unpacked(school):
    done = collected(school, "canvas", ("a_1_11_fitting.ipynb", b" " * (30 * 2**20)))
    assert "bombs" in done.left[0].why


def test_a_header_that_lies_about_the_size_is_not_believed(school):
    """The content is 30 MB, both headers say 100 bytes."""
    file = school.download(("a_1_11_fitting.ipynb", b" " * (30 * 2**20)))
    content = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", content, content.find(signature) + offset, 100)
    file.write_bytes(content)
    done = school.collect_file("canvas", file)
    assert not done.placed
    assert school.submitted() == {}
    assert "damaged" in done.left[0].why


def test_all_members_together_have_a_limit(school, monkeypatch):
    text = school.notebook("fitting")
    monkeypatch.setattr(archives, "MOST_BYTES", len(text) + 10)
    members = [(f"a_{n}_{n}_fitting.ipynb", text) for n in (1, 2)]
    done = collected(school, "canvas", *members)
    assert done.students == ["1"]
    assert "beyond" in done.left[0].why


def test_a_file_that_is_too_large_for_a_notebook(school, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_NOTEBOOK", 1000)
    done = collected(school, "canvas", ("a_1_11_fitting.ipynb", school.notebook("fitting") * 9))
    assert "MB" in done.left[0].why


def test_more_members_than_any_class_hands_in_are_refused_before_they_are_read(school, monkeypatch):
    file = school.download(*((f"a_{n}_{n}_x.ipynb", "") for n in range(300)))
    monkeypatch.setattr(archives, "MOST_MEMBERS", 200)
    with pytest.raises(UsageError, match="more than 200 files"):
        school.collect_file("canvas", file)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    opened = []
    monkeypatch.setattr(zipfile, "ZipFile", lambda *a: opened.append(a))
    with pytest.raises(UsageError, match="far more files"):
        school.collect_file("canvas", file)
    assert opened == []


def test_an_archive_in_the_archive_is_left_alone(school):
    inner = school.download(("../x", "x"), name="inner.zip").read_bytes()
    done = collected(school, "canvas", ("a_1_11_fitting.zip", inner))
    assert "archive in the archive" in done.left[0].why


def test_an_encrypted_member_is_named(school):
    file = school.download(("a_1_11_fitting.ipynb", "{}"))
    content = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(signature) + offset] |= 1
    file.write_bytes(content)
    assert school.collect_file("canvas", file).left[0].why == "it is encrypted"


def test_a_damaged_member_costs_only_itself(school):
    text = school.notebook("fitting")
    file = school.root / "download.zip"
    with zipfile.ZipFile(file, "w") as made:  # stored, so that a byte can be changed
        made.writestr("a_1_11_fitting.ipynb", text)
        made.writestr("b_2_12_fitting.ipynb", text)
    content = bytearray(file.read_bytes())
    content[200] ^= 0xFF
    file.write_bytes(content)
    done = school.collect_file("canvas", file)
    assert done.students == ["2"]
    assert "damaged in the archive" in done.left[0].why


def test_an_archive_with_any_bytes_changed_is_read_or_refused(tmp_path):
    kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    path, target = tmp_path / "x.zip", tmp_path / "x"
    with zipfile.ZipFile(path, "w") as made:
        for number, kind in enumerate(kinds):
            made.writestr(f"a_{number}_1_x.ipynb", b"hello world " * 20, kind)
    content = path.read_bytes()
    drawn = random.Random(1)
    outcomes = set()
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(3):
            changed[drawn.randrange(len(changed))] = drawn.randrange(256)
        path.write_bytes(changed)
        try:
            with archives.Archive(path) as archive:
                for member in archive.members():
                    outcomes.add(bool(member.problem or archive.unpack(member, target)))
        except UsageError:
            outcomes.add("refused")
    assert outcomes == {True, False, "refused"}


def test_an_archive_that_was_cut_off_is_refused(school):
    file = school.download(("a_1_11_fitting.ipynb", school.notebook("fitting")))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(UsageError, match="download it again"):
        school.collect_file("canvas", file)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_one_name_twice_is_two_files(school):
    one, other = (school.notebook("fitting", text) for text in ("one", "other"))
    name = "a_1_11_fitting.ipynb"
    done = collected(school, "canvas", (name, one), (name, other))
    assert not done.placed
    assert len(done.to_look_at) == 2


def test_names_in_utf_8_without_the_flag_are_read_as_they_were_meant(school):
    """Old versions of some systems write them so; the standard would be code page 437."""
    name = "Şahin Ömer_12_assignsubmission_file_/fitting.ipynb"
    file = school.download((name.replace("Ş", "S").replace("Ö", "O"), school.notebook("fitting")))
    # The same length in bytes: two letters of two bytes each take the place of two of one.
    plain, meant = b"Sahin Omer_12_", "Şahin Ömr_1_".encode()
    assert len(plain) == len(meant)
    file.write_bytes(file.read_bytes().replace(plain, meant))
    assert school.collect_file("moodle", file).students == ["Şahin Ömr"]


def test_names_that_differ_only_in_capitals_do_not_share_a_folder(school):
    members = [
        (f"{name}_{n}_assignsubmission_file_/fitting.ipynb", school.notebook("fitting", name))
        for n, name in ((1, "Ada"), (2, "ADA"))
    ]
    done = collected(school, "moodle", *members)
    assert not done.placed
    assert all("two persons" in one.why for one in done.left)


def test_control_characters_of_a_name_reach_no_terminal(school):
    done = collected(school, "canvas", ("a_1_11_\x1b[31mred.ipynb", "{}"))
    assert "\x1b" not in done.left[0].member


def test_names_that_take_a_regular_expression_long_do_not(school):
    began = time.monotonic()
    for system in ("canvas", "moodle", "brightspace"):
        for name in ("_1" * 30_000, "a_LATE" * 9_000, "1-1 - " + " - " * 9_000, "_" * 60_000):
            the_system(system).label((name,))
    assert time.monotonic() - began < 20


# -- any name -------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(names)
@example("..")
@example("-x")
@example("a\0b")
def test_a_folder_that_is_allowed_is_one_plain_name(name):
    if folder_problem(name) == "":
        path = Path("submitted") / name / "line"
        assert path.parts == ("submitted", name, "line")
        assert not name.startswith(("-", "."))
        assert name.isprintable()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, names)
@example("Groß", "ŉ")
@example("İnan", "K")
@example("0", "\u2100")
@example("0", "\u0345")
@example("e\u0301", "")
def test_a_name_is_found_again_in_what_canvas_makes_of_it(last, first):
    """Canvas leaves out all but letters, digits and underscores, and writes small letters."""
    squeezed = re.sub(r"[^\w]", "", f"{last}, {first}".lower())
    forms = name_forms(f"{last}, {first}")
    assert bool(name_forms(squeezed) & forms) == bool(name_forms(squeezed))
