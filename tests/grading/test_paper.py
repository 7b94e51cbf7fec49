"""A submission is read without trusting it, and comes out as the assignment with answers."""

import copy
import json
import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltarule.errors import MachineryError
from deltarule.grading.handed_in import LARGEST_NOTEBOOK, MOST_CELLS
from deltarule.grading.paper import read_papers
from deltarule.grading.plan import AssignmentPlan, NotebookPlan, PlannedCell

SECRET = "the_hidden_truth"
"""Stands in every hidden test, mark scheme and solution, and nowhere else."""


def planned(name, kind, visible, *, text=False, demo=False, points=0.0):
    named = kind not in ("plain", "text")
    source = visible if kind in ("plain", "text") else f"{visible}\n{SECRET}('{name}')"
    cell_type = "markdown" if text else "code"
    return PlannedCell(
        f"id-{name}",
        name if named else "",
        kind,
        source,
        visible,
        points,
        demo=demo,
        cell_type=cell_type,
    )


CELLS = (
    planned("intro", "text", "# A lab", text=True),
    planned("imports", "plain", "import math"),
    planned("double", "solution", "def double(n):\n    raise NotImplementedError"),
    planned("t-double", "test", "assert double(1) == 2", points=2),
    planned("look", "plain", "print(double(3))", demo=True),
    planned("q-why", "locked", "Why?", text=True),
    planned("why", "manual", "*Your answer here.*", text=True, points=3),
    planned("given", "locked", "double = lambda n: n + n"),
    planned("halve", "solution", "def halve(n):\n    raise NotImplementedError"),
    planned("t-halve", "test", "assert halve(2) == 1", points=2),
    PlannedCell("id-gone", "gone", "solution", SECRET, "", released=False),
    planned("t-both", "test", "assert halve(double(1)) == 1", points=1),
    planned("reset", "locked", "halve = None"),
    planned("plot", "task", "Make a plot.", text=True, points=4),
    planned("end", "text", "The end.", text=True),
)
SOLVED = {"double": "def double(n):\n    return 2 * n", "why": "Because."}
FIXED = [cell for cell in CELLS if cell.kind in ("test", "locked", "task")]
STUDENTS = [cell for cell in CELLS if cell.released and cell not in FIXED]


def plan_of(*names):
    notebooks = tuple(NotebookPlan(name, CELLS, {}, ()) for name in names)
    return AssignmentPlan("lab", notebooks, (), {}, "key")


PLAN = plan_of("lab")


def released(**answers):
    """The released notebook as JSON, with some answers."""
    cells = []
    for cell in CELLS:
        if not cell.released:
            continue
        made = {
            "cell_type": cell.cell_type,
            "id": cell.id,
            "metadata": {},
            "source": answers.get(cell.grade_id or cell.id, cell.visible),
        }
        if cell.grade_id:
            made["metadata"]["nbgrader"] = {"grade_id": cell.grade_id, "schema_version": 3}
        if cell.cell_type == "code":
            made |= {"outputs": [], "execution_count": None}
        cells.append(made)
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def own(source, cell_type="code", **more):
    return {"cell_type": cell_type, "id": "mine", "metadata": {}, "source": source, **more}


def at(notebook, name):
    """Where the cell of a planned one stands."""
    ids = [cell["id"] for cell in notebook["cells"]]
    return ids.index(f"id-{name}")


def take(notebook, name):
    return notebook["cells"].pop(at(notebook, name))


def hand_in(folder, notebook, name="lab.ipynb"):
    if isinstance(notebook, dict | list):
        notebook = json.dumps(notebook)
    content = notebook if isinstance(notebook, bytes) else notebook.encode()
    (folder / name).write_bytes(content)
    return folder


def read(folder, notebook=None, plan=PLAN, run_demos=False):
    if notebook is not None:
        hand_in(folder, notebook)
    (paper,) = read_papers(plan, folder, run_demos=run_demos)
    return paper


def names(paper):
    return [cell.id.removeprefix("id-") for cell in paper.cells]


def cell_of(paper, name):
    (found,) = [cell for cell in paper.cells if cell.id == f"id-{name}"]
    return found


def runs(paper):
    return [cell.run for cell in paper.cells if cell.run is not None]


IN_ORDER = [cell.id.removeprefix("id-") for cell in CELLS if cell.released]


# -- an honest submission -------------------------------------------------------------------------


def test_an_honest_submission_is_the_assignment_with_its_answers(tmp_path):
    paper = read(tmp_path, released(**SOLVED))
    assert (paper.problem, paper.notes, names(paper)) == ("", (), IN_ORDER)
    assert [cell.planned for cell in paper.cells] == [cell for cell in CELLS if cell.released]
    assert cell_of(paper, "double").source == cell_of(paper, "double").run == SOLVED["double"]
    assert cell_of(paper, "why").source == "Because."
    assert cell_of(paper, "why").run is None


def test_tests_are_recorded_whole_and_run_as_students_see_them(tmp_path):
    paper = read(tmp_path, released())
    for cell in FIXED:
        made = cell_of(paper, cell.grade_id)
        assert made.source == cell.source
        assert made.run == (cell.visible if cell.cell_type == "code" else None)


def test_demos_run_if_they_were_changed_or_are_asked_for(tmp_path):
    assert cell_of(read(tmp_path, released()), "look").run is None
    assert cell_of(read(tmp_path, run_demos=True), "look").run == "print(double(3))"
    unsettled = released(**{"id-look": "print(double(3))  \r\n"})
    assert cell_of(read(tmp_path, unsettled), "look").run is None
    changed = released(**{"id-look": "print(double(4))"})
    assert cell_of(read(tmp_path, changed), "look").run == "print(double(4))"


def test_a_source_may_be_a_list_of_lines(tmp_path):
    notebook = released()
    notebook["cells"][at(notebook, "double")]["source"] = ["def double(n):\n", "    return n"]
    assert cell_of(read(tmp_path, notebook), "double").run == "def double(n):\n    return n"


def test_the_students_own_cells_stay_where_they_are(tmp_path):
    notebook = released(**SOLVED)
    notebook["cells"].insert(at(notebook, "t-double"), own("helper = 1"))
    notebook["cells"].insert(0, own("Notes", "markdown", id="n"))
    paper = read(tmp_path, notebook)
    assert names(paper)[:5] == ["n", "intro", "imports", "double", "mine"]
    assert paper.cells[4].run == "helper = 1"
    assert paper.cells[0].planned is None
    assert paper.notes == ()


def test_nothing_but_types_ids_and_sources_is_believed(tmp_path):
    notebook = released(**SOLVED)
    plain = read(tmp_path, notebook)
    for cell in notebook["cells"]:
        cell["metadata"] |= {"tags": ["demo", "skip-execution"], "deltarule": {"student": None}}
        flags = {"grade": False, "solution": True, "locked": False, "points": 100}
        cell["metadata"].setdefault("nbgrader", {}).update(flags)
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "2.0"}]
    notebook["metadata"] = {"kernelspec": {"name": "evil"}}
    assert read(tmp_path, notebook) == plain


# -- what was changed, deleted, copied or moved ---------------------------------------------------


@pytest.mark.parametrize("cell", FIXED, ids=lambda cell: cell.grade_id)
def test_what_students_must_not_change_comes_back(tmp_path, cell):
    paper = read(tmp_path, released(**{cell.grade_id: "pass"}))
    made = cell_of(paper, cell.grade_id)
    assert (made.source, made.planned) == (cell.source, cell)
    assert paper.notes == (f"{cell.title} was changed, and has its own text again",)
    assert names(paper) == IN_ORDER


@pytest.mark.parametrize("cell", FIXED, ids=lambda cell: cell.grade_id)
def test_what_was_deleted_comes_back_in_its_place(tmp_path, cell):
    notebook = released(**SOLVED)
    take(notebook, cell.grade_id)
    paper = read(tmp_path, notebook)
    assert names(paper) == IN_ORDER
    assert cell_of(paper, cell.grade_id).source == cell.source
    assert paper.notes == (f"{cell.title} was missing and came back",)


def test_what_the_student_added_to_an_answer_runs_before_the_test_that_comes_back(tmp_path):
    notebook = released(**SOLVED)
    notebook["cells"][at(notebook, "t-double")] = own("double = helped(double)")
    assert names(read(tmp_path, notebook))[2:5] == ["double", "mine", "t-double"]


def test_an_empty_notebook_has_all_tests_in_order(tmp_path):
    paper = read(tmp_path, {**released(), "cells": []})
    assert names(paper) == [n for n in IN_ORDER if n in {c.grade_id for c in FIXED} | {"why"}]


def test_a_deleted_answer_of_code_is_not_put_back(tmp_path):
    notebook = released()
    take(notebook, "double")
    paper = read(tmp_path, notebook)
    assert "double" not in names(paper)
    assert paper.notes == ("the solution cell 'double' was not found, and is not put back",)


def test_a_written_answer_that_is_gone_is_for_a_person_to_find(tmp_path):
    notebook = released()
    take(notebook, "why")
    paper = read(tmp_path, notebook)
    assert paper.notes == ("the answer 'why' was not found",)
    answer = cell_of(paper, "why")
    assert answer.source != answer.planned.visible  # for which nbgrader gives 0, unseen
    assert "'why' was not found" in answer.source
    assert names(paper) == IN_ORDER


def test_an_unchanged_copy_of_a_test_is_left_out(tmp_path):
    notebook = released(**SOLVED)
    test = notebook["cells"][at(notebook, "t-double")]
    notebook["cells"] += [{**test, "id": "copy"}, {**test, "id": "copy"}]
    paper = read(tmp_path, notebook)
    assert names(paper) == IN_ORDER
    assert paper.notes == ("the test cell 't-double' was there 3 times, and counts once",)


def test_the_text_of_a_planned_cell_is_the_students_too(tmp_path):
    notebook = released()
    notebook["cells"].insert(0, own("import math"))
    notebook["cells"].insert(0, own("assert double(1) == 2", id="more"))
    paper = read(tmp_path, notebook)
    assert names(paper) == ["more", "mine", *IN_ORDER]
    assert runs(paper)[:2] == ["assert double(1) == 2", "import math"]


def test_a_copy_of_a_test_with_a_students_code_is_a_cell_of_the_student(tmp_path):
    notebook = released()
    test = notebook["cells"][at(notebook, "t-double")]
    notebook["cells"].insert(2, {**test, "id": "copy", "source": "def double(n): return 2 * n"})
    paper = read(tmp_path, notebook)
    assert paper.cells[2].run == "def double(n): return 2 * n"
    assert paper.cells[2].planned is None
    assert sum(cell.planned == cell_of(paper, "t-double").planned for cell in paper.cells) == 1


def test_of_two_cells_with_one_name_the_original_is_the_test(tmp_path):
    notebook = released(**SOLVED)
    test = notebook["cells"][at(notebook, "t-double")]
    notebook["cells"].insert(0, {**test, "id": "copy"})
    assert names(read(tmp_path, notebook)) == IN_ORDER


def test_a_solution_that_was_split_runs_in_order(tmp_path):
    notebook = released()
    place = at(notebook, "double")
    cell = notebook["cells"][place]
    halves = ("def help(n): return n", "def double(n): return 2 * help(n)")
    notebook["cells"][place : place + 1] = [
        {**cell, "source": halves[0]},
        {**cell, "id": "second", "source": halves[1]},
    ]
    paper = read(tmp_path, notebook)
    assert runs(paper)[1:3] == list(halves)
    assert [c.planned.grade_id for c in paper.cells if c.run in halves and c.planned] == ["double"]
    assert len({cell.id for cell in paper.cells}) == len(paper.cells)


def test_of_two_written_answers_the_one_that_says_something_counts(tmp_path):
    notebook = released()
    place = at(notebook, "why")
    copied = {**notebook["cells"][place], "id": "copy", "source": "It is so."}
    notebook["cells"].insert(place + 1, copied)
    paper = read(tmp_path, notebook)
    assert cell_of(paper, "why").source == "It is so."
    assert [c.source for c in paper.cells if c.id == "own-1"] == ["*Your answer here.*"]
    assert paper.notes == ("the answer 'why' was there 2 times, and is there with its copies",)


def test_a_cell_that_became_text_by_accident_is_code_again(tmp_path):
    notebook = released(**SOLVED)
    for name in ("double", "t-double"):
        notebook["cells"][at(notebook, name)]["cell_type"] = "markdown"
    paper = read(tmp_path, notebook)
    assert cell_of(paper, "double").run == SOLVED["double"]
    assert cell_of(paper, "t-double").run == "assert double(1) == 2"
    assert paper.notes == ("the solution cell 'double' is a code cell again",)


def test_given_code_that_became_text_is_not_run(tmp_path):
    notebook = released()
    notebook["cells"][at(notebook, "imports")]["cell_type"] = "markdown"
    assert "import math" not in runs(read(tmp_path, notebook))


def test_a_test_moved_among_cells_of_the_student_stays_there(tmp_path):
    notebook = released(**SOLVED)
    test = take(notebook, "t-double")
    notebook["cells"].insert(at(notebook, "look") + 1, test)
    paper = read(tmp_path, notebook)
    assert names(paper)[2:5] == ["double", "look", "t-double"]
    assert paper.notes == ()


def test_a_test_cannot_hide_behind_code_that_gives_the_answer(tmp_path):
    notebook = released()
    notebook["cells"].append(take(notebook, "t-double"))
    paper = read(tmp_path, notebook)
    assert names(paper).index("t-double") == names(paper).index("given") - 1
    assert paper.notes == ("the test cell 't-double' stood out of order and was moved",)


def test_a_test_cannot_run_before_what_it_relies_on(tmp_path):
    notebook = released()
    notebook["cells"].insert(0, take(notebook, "t-both"))
    moved = names(read(tmp_path, notebook))
    assert moved.index("t-both") == moved.index("t-halve") + 1
    notebook = released()
    notebook["cells"].append(take(notebook, "given"))
    moved = names(read(tmp_path, notebook))
    assert moved[-4:] == ["given", "t-halve", "t-both", "reset"]


def test_locked_code_keeps_its_order(tmp_path):
    notebook = released(**SOLVED)
    notebook["cells"].insert(0, take(notebook, "reset"))
    paper = read(tmp_path, notebook)
    code = [cell.grade_id for cell in FIXED if cell.cell_type == "code"]
    assert [name for name in names(paper) if name in code] == code
    assert cell_of(paper, "reset").run == "halve = None"


def test_a_part_done_later_moves_as_a_whole(tmp_path):
    notebook = released(**SOLVED)
    part = [take(notebook, "halve"), take(notebook, "t-halve")]
    place = at(notebook, "reset")
    notebook["cells"][place:place] = part
    moved = names(read(tmp_path, notebook))
    start = moved.index("halve")
    assert moved[start : start + 4] == ["halve", "t-halve", "t-both", "reset"]


# -- cells without nbgrader's metadata ------------------------------------------------------------


def stripped(notebook, *keys):
    """As other programs write it: no metadata, and perhaps no ids."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        for key in keys:
            del cell[key]
    return notebook


def test_without_metadata_cells_are_known_by_their_ids(tmp_path):
    paper = read(tmp_path, stripped(released(**SOLVED)))
    assert paper == read(tmp_path, released(**SOLVED))


def test_colab_keeps_ids_among_the_metadata(tmp_path):
    notebook = released(**SOLVED)
    for cell in notebook["cells"]:
        cell["metadata"] = {"id": cell.pop("id")}
    assert read(tmp_path, notebook) == read(tmp_path, released(**SOLVED))


def test_without_ids_cells_are_known_by_their_text(tmp_path):
    paper = read(tmp_path, stripped(released(double="def double(n): return 2 * n"), "id"))
    order = ["own-1" if name == "double" else name for name in IN_ORDER]
    assert names(paper) == order
    assert paper.notes == ("the solution cell 'double' was not found, and is not put back",)


def test_stubs_that_are_all_alike_are_not_taken_for_one_another(tmp_path):
    questions = [
        planned(name, "manual", "*Your answer here.*", text=True, points=1) for name in "ab"
    ]
    plan = AssignmentPlan("lab", (NotebookPlan("lab", tuple(questions), {}, ()),), (), {}, "")
    cells = [own("I wrote this.", "markdown"), own("*Your answer here.*", "markdown", id="x")]
    paper = read(tmp_path, {**released(), "cells": cells}, plan=plan)
    assert [cell.planned for cell in paper.cells] == [None, None, *questions]
    assert paper.notes == ("the answer 'a' was not found", "the answer 'b' was not found")


def test_ids_of_the_student_cannot_take_the_place_of_planned_ones(tmp_path):
    notebook = released()
    odd = ["id-t-double", "id-gone", "own-1", "x" * 65, "with blank", "", 7, None, "\ud800"]
    take(notebook, "t-double")
    notebook["cells"] += [own("pass", "raw", id=name) for name in odd]
    paper = read(tmp_path, notebook)
    assert len({cell.id for cell in paper.cells}) == len(paper.cells)
    assert cell_of(paper, "t-double").planned is not None
    assert len(paper.cells) == len(IN_ORDER) + len(odd)


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_that_the_file_declares_is_read(tmp_path, encoding):
    text = json.dumps(released(why="Größer als π"), ensure_ascii=False)
    paper = read(tmp_path, text.encode(encoding))
    assert cell_of(paper, "why").source == "Größer als π"


DEEP = "[" * 100_000
LATIN_1 = json.dumps(released(why="Größer"), ensure_ascii=False).encode("latin-1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", r"is damaged \(Expecting"),
        (b"\0" * 4096, "is damaged"),
        (LATIN_1, "is not in UTF-8"),
        (json.dumps(released()).encode()[:-50], "is damaged"),
        (DEEP.encode(), "is nested too deeply"),
        (b'{"cells": ' + DEEP.encode(), "is nested too deeply"),
        (b'{"cells": [], "cells": []}', "gives one entry twice"),
        (b'{"cells": [' + b"1" * 5000 + b"]}", "is damaged"),
        (b"[]", "is not a Jupyter notebook"),
        (b"7", "is not a Jupyter notebook"),
        (b'{"nbformat": 5, "cells": []}', "is not a Jupyter notebook"),
        (b'{"nbformat": [], "cells": []}', "is not a Jupyter notebook"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": []}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": [{"cells": []}, 1]}', "no list of cells"),
        (b'{"cells": [{"source": "1"}, 5]}', "cell 2 has no text"),
        (b'{"cells": [{"source": ["1", 2]}]}', "cell 1 has no text"),
        (b'{"cells": [{"source": null}]}', "cell 1 has no text"),
        (b'{"cells": [' + b"{}," * 1_000_000 + b"{}]}", "has 1000001 cells"),
        (b'{"cells": [' + b"[]," * 3_000_000 + b"{}]}", "holds too much data"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_notebook_is_a_problem_that_says_what_to_do(tmp_path, content, said):
    import re

    paper = read(tmp_path, content)
    assert paper.cells == ()
    assert re.search(said, paper.problem)
    assert re.match(r"lab\.ipynb [^\n]+; [^\n]*hand (in|it)", paper.problem) or "leave" in said
    assert len(paper.problem) < 200


def test_the_limits_are_no_limits_for_the_honest(tmp_path):
    notebook = released()
    figure = {"output_type": "display_data", "data": {"image/png": "A" * 5_000_000}}
    notebook["cells"][1]["outputs"] = [figure]
    notebook["cells"] += [own(str(n), id=f"n{n}") for n in range(500)]
    assert read(tmp_path, notebook).problem == ""
    assert MOST_CELLS > 1000


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "lab.ipynb").open("wb") as file:
        file.truncate(200 * 2**20)
    assert read(tmp_path).problem == (
        f"lab.ipynb has 200 MB, more than {LARGEST_NOTEBOOK // 2**20}; "
        "clear its outputs in Jupyter and hand it in again"
    )


def test_what_is_no_file_is_a_problem(tmp_path):
    path = tmp_path / "lab.ipynb"
    path.mkdir()
    assert read(tmp_path).problem == "lab.ipynb is a folder; hand in the notebook itself"
    path.rmdir()
    os.mkfifo(path)
    assert read(tmp_path).problem == "lab.ipynb is no plain file; hand in the notebook itself"
    path.unlink()


def test_a_socket_is_a_problem():
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{short}/lab.ipynb")
        assert read(Path(short)).problem == "lab.ipynb is a socket; hand in the notebook itself"


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "secret.ipynb").write_text(json.dumps(released()))
    for target in ("../secret.ipynb", "/dev/zero", "nowhere", "lab.ipynb"):
        (tmp_path / "s" / "lab.ipynb").symlink_to(target)
        (tmp_path / "s" / "other.ipynb").symlink_to("../secret.ipynb")
        problem = read(tmp_path / "s").problem
        assert problem == "lab.ipynb is a link; hand in the notebook itself"
        (tmp_path / "s" / "lab.ipynb").unlink()
        assert read(tmp_path / "s").problem == "lab.ipynb was not handed in"
        (tmp_path / "s" / "other.ipynb").unlink()


def test_a_disk_that_fails_is_not_the_students_fault(tmp_path, monkeypatch):
    hand_in(tmp_path, released())

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MachineryError, match=r"lab\.ipynb cannot be read: Permission denied"):
        read(tmp_path)


def test_a_folder_that_is_not_there_is_a_problem(tmp_path):
    assert read(tmp_path / "nobody").problem == "lab.ipynb was not handed in"


def test_a_notebook_of_format_3_is_read(tmp_path):
    cells = []
    for cell in released(**SOLVED)["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        key = "input" if old["cell_type"] == "code" else "source"
        cells.append({**old, key: cell["source"]})
    cells.append({"cell_type": "heading", "level": 10**12, "source": "End", "metadata": {}})
    sheets = [{"cells": cells[:4]}, {"cells": cells[4:]}]
    paper = read(tmp_path, {"nbformat": 3, "nbformat_minor": 0, "worksheets": sheets})
    assert names(paper) == [*IN_ORDER, "own-1"]
    assert cell_of(paper, "double").run == SOLVED["double"]


def test_half_a_character_does_no_harm(tmp_path):
    paper = read(tmp_path, released(double="x = '\ud800'", why=["\ud83d", "\ude00"]))
    assert cell_of(paper, "double").run == "x = '\ufffd'"
    assert cell_of(paper, "why").source == "\U0001f600"


def test_pictures_are_kept_and_other_attachments_are_not(tmp_path):
    notebook = released()
    notebook["cells"][at(notebook, "why")]["attachments"] = {
        "a.png": {"image/png": "AA\nAA=", "text/html": "<b>"},
        "b.svg": {"image/svg+xml": "<svg/>"},
        "c.png": {"image/png": "<script>"},
    }
    paper = read(tmp_path, notebook)
    assert cell_of(paper, "why").pictures == {"a.png": {"image/png": "AAAA="}}


def test_a_changed_demo_brings_the_others_back(tmp_path):
    demos = [cell for cell in CELLS if cell.demo]
    assert demos
    notebook = released()
    notebook["cells"][at(notebook, demos[0].id.removeprefix("id-"))]["source"] = "changed = 1"
    ran = runs(read(tmp_path, notebook))
    assert "changed = 1" in ran
    for demo in demos[1:]:
        assert demo.visible in ran


# -- names of files -------------------------------------------------------------------------------


def test_a_renamed_notebook_is_taken(tmp_path):
    paper = read(hand_in(tmp_path, released(**SOLVED), "lab (1).ipynb"))
    assert names(paper) == IN_ORDER
    assert paper.notes == ("taken from 'lab (1).ipynb'; name it lab.ipynb",)


def test_a_renamed_notebook_without_metadata_is_taken(tmp_path):
    hand_in(tmp_path, stripped(released(**SOLVED), "id"), "Lab.IPYNB")
    assert read(tmp_path).problem == ""


def test_another_notebook_is_not_taken(tmp_path):
    hand_in(tmp_path, {**released(), "cells": [own("1")]}, "essay.ipynb")
    assert read(tmp_path).problem == (
        "lab.ipynb was not handed in; 'essay.ipynb' was, which is another notebook; "
        "hand in the right one"
    )


def test_of_several_strangers_none_is_taken(tmp_path):
    for name in ("a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb", ".hidden.ipynb"):
        hand_in(tmp_path, released(), name)
    assert read(tmp_path).problem == (
        "lab.ipynb was not handed in; 'a.ipynb', 'b.ipynb', 'c.ipynb', … was; "
        "rename the right one to lab.ipynb"
    )


def test_a_stranger_that_cannot_be_read_is_named(tmp_path):
    hand_in(tmp_path, b"", "a.ipynb")
    assert read(tmp_path).problem == (
        "lab.ipynb was not handed in; 'a.ipynb' was, but it is empty; "
        "hand in a copy that opens in Jupyter"
    )


def test_a_file_name_cannot_write_into_messages(tmp_path):
    evil = f"\x1b[31m\u202e::error::{'x' * 200}.ipynb"
    hand_in(tmp_path, released(), evil)
    (note,) = read(tmp_path).notes
    assert note.isprintable()
    assert len(note) < 120


def test_one_of_two_notebooks_may_be_missing_or_renamed(tmp_path):
    plan = plan_of("lab", "more")
    hand_in(tmp_path, released(**SOLVED))
    lab, more = read_papers(plan, tmp_path, run_demos=False)
    assert (lab.problem, more.problem) == ("", "more.ipynb was not handed in")
    hand_in(tmp_path, released(), "More-Copy1.ipynb")
    lab, more = read_papers(plan, tmp_path, run_demos=False)
    assert (lab.notes, more.notes) == ((), ("taken from 'More-Copy1.ipynb'; name it more.ipynb",))
    hand_in(tmp_path, released(), "more.ipynb")
    lab, more = read_papers(plan, tmp_path, run_demos=False)
    assert lab.notes == more.notes == ("'More-Copy1.ipynb' was handed in too, and not graded",)


def test_two_missing_notebooks_are_not_guessed(tmp_path):
    hand_in(tmp_path, released(), "x.ipynb")
    papers = read_papers(plan_of("lab", "more"), tmp_path, run_demos=False)
    assert [paper.problem.split(";")[0] for paper in papers] == [
        "lab.ipynb was not handed in",
        "more.ipynb was not handed in",
    ]


# -- whatever is done to it -----------------------------------------------------------------------

GRADE_IDS = [cell.grade_id for cell in CELLS if cell.grade_id]
IDS = [cell.id for cell in CELLS]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)
texts = st.text(max_size=30) | st.sampled_from([cell.visible for cell in CELLS])
place = st.integers(0, 30)
damage = st.one_of(
    st.tuples(st.just("delete"), place),
    st.tuples(st.just("copy"), place, place),
    st.tuples(st.just("move"), place, place),
    st.tuples(st.just("source"), place, texts | st.lists(texts, max_size=3)),
    st.tuples(st.just("cell_type"), place, st.sampled_from(["code", "markdown", "raw", "odd"])),
    st.tuples(st.just("id"), place, st.sampled_from(IDS) | st.text(max_size=9)),
    st.tuples(st.just("grade_id"), place, st.sampled_from(GRADE_IDS) | st.text(max_size=9)),
    st.tuples(st.just("metadata"), place, values),
    st.tuples(st.just("attachments"), place, values),
    st.tuples(st.just("strip"), place),
    st.tuples(st.just("own"), place, texts),
)
havoc = st.one_of(
    damage,
    st.tuples(st.just("source"), place, values),
    st.tuples(st.just("cell"), place, values),
    st.tuples(st.just("nbgrader"), place, values),
    st.tuples(st.just("top"), st.sampled_from(["cells", "nbformat", "metadata"]), values),
)
often = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def damaged(notebook, steps):
    for what, where, *rest in steps:
        cells = notebook["cells"]
        if what == "top":
            notebook[where] = rest[0]
            break
        if what == "own":
            cells.insert(where, own(rest[0]))
            continue
        if not cells:
            continue
        n = where % len(cells)
        if what == "delete":
            del cells[n]
        elif what == "copy":
            cells.insert(rest[0], copy.deepcopy(cells[n]))
        elif what == "move":
            cells.insert(rest[0], cells.pop(n))
        elif what == "cell":
            cells[n] = rest[0]
        elif not isinstance(cells[n], dict):
            continue
        elif what == "strip":
            cells[n]["metadata"] = {}
        elif what == "nbgrader":
            cells[n]["metadata"] = {"nbgrader": rest[0]}
        elif what == "grade_id":
            cells[n]["metadata"] = {"nbgrader": {"grade_id": rest[0]}}
        else:
            cells[n][what] = rest[0]
    return notebook


def check_sane(paper):
    """What holds for every paper that has no problem."""
    assert paper.problem == ""
    found = [cell.planned for cell in paper.cells if cell.planned is not None]
    assert len({cell.id for cell in paper.cells}) == len(paper.cells)
    assert [cell.id for cell in paper.cells if cell.planned] == [cell.id for cell in found]
    fixed = [cell for cell in found if cell in FIXED]
    assert sorted(fixed, key=FIXED.index) == FIXED  # each of them, once
    code = [cell for cell in fixed if cell.cell_type == "code"]
    assert code == [cell for cell in FIXED if cell.cell_type == "code"]  # and in order
    for cell in paper.cells:
        assert cell.cell_type in ("code", "markdown", "raw")
        assert cell.run is None or cell.cell_type == "code"
        assert SECRET not in (cell.run or "")
        if cell.planned in FIXED:
            assert cell.source == cell.planned.source
            assert cell.run == (cell.planned.visible if cell.cell_type == "code" else None)
        else:
            assert SECRET not in cell.source
            cell.source.encode()


def as_read(cell):
    source = "".join(cell["source"]) if isinstance(cell["source"], list) else cell["source"]
    return source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@often
@given(st.lists(damage, max_size=25))
def test_whatever_a_student_does_each_test_is_there_once(tmp_path_factory, steps):
    folder = tmp_path_factory.getbasetemp()
    notebook = damaged(released(**SOLVED), steps)
    paper = read(folder, notebook)
    check_sane(paper)
    # What the student wrote is there, in the student's order.
    theirs = [
        c.source for c in paper.cells if c.planned not in FIXED and "not found" not in c.source
    ]
    submitted = iter([as_read(cell) for cell in notebook["cells"]])
    assert all(source in submitted for source in theirs)


@often
@given(st.lists(havoc, max_size=15))
def test_whatever_is_in_the_file_there_is_a_paper_or_a_reason(tmp_path_factory, steps):
    paper = read(tmp_path_factory.getbasetemp(), damaged(released(**SOLVED), steps))
    if paper.problem:
        assert paper.cells == ()
        assert paper.problem.isprintable()
    else:
        check_sane(paper)


@often
@given(st.data())
def test_whatever_happens_to_its_bytes_there_is_a_paper_or_a_reason(tmp_path_factory, data):
    content = bytearray(json.dumps(released(**SOLVED)).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        where = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 40))
        content[where : where + length] = data.draw(st.binary(max_size=10))
    paper = read(tmp_path_factory.getbasetemp(), bytes(content))
    if not paper.problem:
        check_sane(paper)
