"""A spare is made where running cells again would take long or would not give the same."""

import sys

import pytest

from deltarule.grading.child.leftovers import MOST_ENTRIES, Leftovers
from deltarule.grading.sandbox import sandboxed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")

ENDS = "import os; os._exit(1)"


def value(child, source):
    return child.run("look", source).outputs[0]["data"]["text/plain"]


def spares(child):
    return 0 if child._spare is None else 1


def test_quick_cells_are_run_again(open_child):
    open_child.run("a", "import os, random\nrandom.seed()\npids = [os.getpid()]")
    first = value(open_child, "pids[0]")
    assert spares(open_child) == 0
    assert open_child.run("b", ENDS).struck.limit == "ended"
    assert value(open_child, "len(pids)") == "1"
    assert value(open_child, "pids[0]") != first


def test_slow_cells_are_kept(open_child, monkeypatch):
    open_child.run("a", "import os\npids = [int(os.getpid())]")
    first = value(open_child, "pids[0]")
    monkeypatch.setattr(sandboxed, "SPARE_AFTER", 0.0)
    assert open_child.run("b", ENDS).struck.limit == "ended"
    assert value(open_child, "pids[0]") == first


def test_cells_that_change_files_are_not_run_twice(child):
    child.run("a", "import os\nos.mkdir('made')\nx = 5")
    child.run("b", "open('made/log', 'a').write('x')")
    assert child.run("c", ENDS).struck.limit == "ended"
    assert value(child, "x, open('made/log').read()") == "(5, 'x')"
    child.run("d", "open('made/log', 'a').write('y')")
    assert child.run("e", ENDS).struck.limit == "ended"
    assert value(child, "x, open('made/log').read()") == "(5, 'xy')"


def test_a_second_accident_goes_back_as_far_as_the_first(open_child, monkeypatch):
    monkeypatch.setattr(sandboxed, "SPARE_AFTER", 0.0)
    open_child.run("a", "n = int('1')")
    for _ in range(3):
        assert open_child.run("b", ENDS).struck.limit == "ended"
        open_child.run("c", "n += 1")
    assert value(open_child, "n") == "4"


def test_definitions_get_no_spare(open_child, monkeypatch):
    monkeypatch.setattr(sandboxed, "SPARE_AFTER", 0.0)
    open_child.run("a", "def f():\n    return x")
    assert spares(open_child) == 0
    open_child.run("b", "x = int('1')")
    assert spares(open_child) == 1


def test_new_changed_and_removed_files_are_leftovers(tmp_path):
    (tmp_path / "below").mkdir()
    seen = Leftovers([str(tmp_path), str(tmp_path / "missing")])
    assert not seen.found()
    file = tmp_path / "below" / "file"
    for change in (file.touch, lambda: file.write_text("x"), file.unlink):
        change()
        assert seen.found()
        seen.forget()
        assert not seen.found()


def test_too_many_files_to_compare_count_as_changed(tmp_path):
    for number in range(MOST_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    assert Leftovers([str(tmp_path)]).found()
