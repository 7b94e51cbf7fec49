"""What is handed in: cells, tags and metadata of the notebook, and files that are none."""

import json
import os

from ..hand import Handed, attack

TAGS = "Skipping, clearing, copying and renaming test cells"
FLAGS = "Grade flags, points and outputs in the notebook"
FILES = "Links, pipes and damaged files"
BESIDE = "Files beside the notebook"
ALL = {"double": 0, "countdown": 0, "scale": 0, "account": 0, "sigmoid": 0}
TESTS = tuple(ALL)


def wrong_everywhere(hand: Handed) -> None:
    """Answers that earn nothing."""
    for name in ("double", "countdown", "scale", "sigmoid"):
        hand.answer(name, f"def {name}(*_):\n    return None")
    hand.answer("account", "class Account:\n    balance = 0")


@attack(TAGS, **ALL)
def skipped_by_a_tag(hand: Handed) -> None:
    """Every test cell has the tag by which nbclient leaves a cell out."""
    wrong_everywhere(hand)
    for name in TESTS:
        hand.cell(name)["metadata"]["tags"] = ["skip-execution", "raises-exception"]


@attack(TAGS, **ALL)
def cleared_tests(hand: Handed) -> None:
    """Every test cell is empty, or text."""
    wrong_everywhere(hand)
    for name in TESTS:
        hand.cell(name)["source"] = ""
    hand.cell("scale").update(cell_type="markdown")
    for key in ("outputs", "execution_count"):
        hand.cell("scale").pop(key)


@attack(TAGS, **ALL)
def deleted_tests(hand: Handed) -> None:
    """The test cells are gone."""
    wrong_everywhere(hand)
    hand.cells[:] = [cell for cell in hand.cells if cell["id"] not in TESTS]


@attack(TAGS, **ALL)
def duplicated_tests(hand: Handed) -> None:
    """Every test stands there twice, once empty."""
    wrong_everywhere(hand)
    for name in TESTS:
        again = json.loads(json.dumps(hand.cell(name)))
        again.update(id=f"{name}-again", source="")
        hand.cells.insert(hand.cells.index(hand.cell(name)), again)


@attack(TAGS, double=0)
def test_before_its_helper(hand: Handed) -> None:
    """Tests stand at the end, after a cell that takes the right answers from elsewhere."""
    hand.answer("double", "def double(number):\n    return None")
    moved = hand.cells.pop(hand.cells.index(hand.cell("double")))
    hand.cells.append(moved)


@attack(FLAGS, **ALL)
def renamed_and_ungraded(hand: Handed) -> None:
    """Grade ids, flags and points of the test cells are changed."""
    wrong_everywhere(hand)
    for name in TESTS:
        settings = hand.cell(name)["metadata"]["nbgrader"]
        settings.update(grade=False, locked=False, solution=True, points=1000)
    hand.cell("scale")["metadata"]["nbgrader"].update(grade_id="scale2", schema_version=99)
    hand.cell("sigmoid")["metadata"]["nbgrader"] = ["not", "a", "table"]


@attack(FLAGS, **ALL)
def prepared_outputs(hand: Handed) -> None:
    """Test cells bring outputs with full marks along, and metadata that say they were run."""
    wrong_everywhere(hand)
    for name in TESTS:
        hand.cell(name)["outputs"] = [
            {
                "output_type": "execute_result",
                "execution_count": 1,
                "metadata": {},
                "data": {"text/plain": "2.0", "text/html": "<script>1</script>"},
            }
        ]
        hand.cell(name)["metadata"]["nbgrader"]["checksum"] = "0" * 32


@attack(FLAGS)
def another_kernel(hand: Handed) -> None:
    """The notebook asks for a kernel that runs a command of the student's, and for a language."""
    hand.notebook["metadata"] = {
        "kernelspec": {"name": "../../../tmp/evil", "display_name": "x", "language": "bash"},
        "language_info": {"name": "<script>", "file_extension": "../../x"},
        "jupytext": {"formats": "ipynb,../../../nbgrader_config.py"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": "</script>"}},
    }


@attack(FLAGS)
def another_format(hand: Handed) -> None:
    """A notebook of format 4.99 with ids that are HTML, doubled, or numbers."""
    hand.notebook["nbformat_minor"] = 99
    hand.before("double", "1", "code")["id"] = "<img src=x onerror=alert(1)>"
    hand.before("double", "1", "code")["id"] = "double"
    hand.before("double", "1", "code")["id"] = 7
    hand.before("double", "# text", "heading")["cell_type"] = ["x"]


@attack(FILES, **ALL)
def link_to_a_classmate(hand: Handed) -> None:
    """The notebook is a link to somebody else's."""
    (hand.folder / "bank.ipynb").symlink_to("../../aaa_honest/bank/bank.ipynb")
    hand.content = b""


@attack(FILES)
def links_beside(hand: Handed) -> None:
    """Links to the course, to a device and to the root stand beside the notebook."""
    (hand.folder / "course").symlink_to(hand.target.course)
    (hand.folder / "zero").symlink_to("/dev/zero")
    (hand.folder / "data").symlink_to("/")
    os.mkfifo(hand.folder / "pipe.csv")


@attack(FILES, **ALL, spares_stock=True)
def pipe_for_a_notebook(hand: Handed) -> None:
    """The notebook is a pipe that nobody writes into."""
    os.mkfifo(hand.folder / "bank.ipynb")
    hand.content = b""


@attack(FILES, **ALL)
def folder_for_a_notebook(hand: Handed) -> None:
    """The notebook is a folder."""
    (hand.folder / "bank.ipynb").mkdir()
    hand.content = b""


@attack(FILES, **ALL, spares_stock=True)
def huge_notebook(hand: Handed) -> None:
    """A notebook of 200 MB, all of it one hole."""
    with (hand.folder / "bank.ipynb").open("wb") as file:
        file.truncate(200 << 20)
    hand.content = b""


@attack(FILES, **ALL)
def deep_notebook(hand: Handed) -> None:
    """JSON that is nested a hundred thousand times."""
    hand.content = b'{"cells": ' + b"[" * 100_000


@attack(FILES, **ALL)
def too_many_cells(hand: Handed) -> None:
    """Ten thousand cells."""
    hand.cells.extend({**hand.cells[0], "id": f"c{n}"} for n in range(10_000))


@attack(FILES, **ALL)
def entries_twice(hand: Handed) -> None:
    """Two lists of cells in one notebook: who reads which?"""
    hand.content = json.dumps(hand.notebook).encode()[:-1] + b', "cells": []}'


@attack(FILES, **ALL)
def latin_one(hand: Handed) -> None:
    """A notebook that is no UTF-8."""
    hand.answer("steepest", "weil es da am größten ist")
    hand.content = json.dumps(hand.notebook, ensure_ascii=False).encode("latin-1")


@attack(BESIDE)
def modules_beside(hand: Handed) -> None:
    """Modules named like libraries, and configuration that a tool of the grader might load."""
    evil = f"import pathlib\npathlib.Path({str(hand.target.outside)!r}, 'ran').touch()\n"
    for name in ("torch", "numpy", "deltarule", "sitecustomize", "nbgrader_config", "conftest"):
        (hand.folder / f"{name}.py").write_text(evil)
    (hand.folder / "jupyter_server_config.json").write_text("{}")
    (hand.folder / ".env").write_text("PYTHONSTARTUP=nbgrader_config.py")


@attack(BESIDE)
def names_of_files(hand: Handed) -> None:
    """File names with HTML, line ends, control characters and CI commands."""
    for name in ("<img src=x onerror=alert(1)>.ipynb", "a\n::error::b.ipynb", "\x1b[31mred.ipynb"):
        (hand.folder / name).write_text("{}")


@attack(BESIDE, **ALL)
def renamed_by_a_line(hand: Handed) -> None:
    """The only notebook has a name that is a CI command and HTML."""
    name = "x\n::error::<script>document.title=1<.ipynb"
    (hand.folder / name).write_text("{}")
    hand.content = b""
