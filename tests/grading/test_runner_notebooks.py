"""What course notebooks take for granted is there when the warm runner runs them."""

import os
from pathlib import Path

import pytest

from deltarule.grading.runner import CodeCell, Limits, Session, Submission, run_all, warm


@pytest.fixture(scope="module", autouse=True)
def libraries():
    warm(["pandas", "a_module_that_does_not_exist"])


@pytest.fixture
def folder(tmp_path):
    """An assignment's files beside its notebooks, as links to copies."""
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "points.csv"
    copy.write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "links" / "data").mkdir(parents=True)
    (tmp_path / "links" / "data" / "points.csv").symlink_to(copy)
    (tmp_path / "links" / "beside.py").write_text("value = 5\n")
    return tmp_path / "links"


def run(*sources, **settings):
    made = tuple(CodeCell(f"cell{at}", source) for at, source in enumerate(sources))
    return next(run_all([Submission("s", made, **settings)], 1))


def errors(outcome):
    return [(cell.error, cell.message) for cell in outcome.cells if cell.error]


def test_data_beside_the_notebook_is_read(folder):
    outcome = run(
        "import pandas as pd\ntable = pd.read_csv('data/points.csv')\ntable",
        "assert list(_['y']) == [2, 4]",
        "import beside\nassert beside.value == 5",
        folder=folder,
    )
    assert errors(outcome) == []


def test_what_a_cell_writes_is_there_for_the_next_cell_and_gone_afterwards(folder):
    write = "open('model.txt', 'w').write('w')\nimport os\nplace = os.getcwd()"
    outcome = run(
        write, "assert open('model.txt').read() == 'w'", folder=folder, finish=lambda n: n["place"]
    )
    assert errors(outcome) == []
    assert not Path(outcome.extra).exists()
    assert sorted(path.name for path in folder.iterdir()) == ["beside.py", "data"]
    assert Path.cwd() != Path(outcome.extra)


def test_runs_do_not_see_each_others_files(folder):
    source = "import pathlib\nfound = pathlib.Path('mine.txt').exists()\nopen('mine.txt', 'w')"
    made = [
        Submission(str(at), (CodeCell("c", source),), folder=folder, finish=lambda n: n["found"])
        for at in range(3)
    ]
    assert [run.extra for run in run_all(made, 1)] == [False, False, False]


def test_a_run_that_is_started_anew_finds_a_new_folder(folder):
    test = "import os, pathlib\nassert not pathlib.Path('x').exists()\nopen('x', 'w')\nos._exit(0)"
    outcome = run(test, "import pathlib\nassert not pathlib.Path('x').exists()", folder=folder)
    assert errors(outcome)[0][0] == "Killed"
    assert len(errors(outcome)) == 1


def test_a_session_has_the_data_too(folder):
    cells = (CodeCell("a", "text = open('data/points.csv').read()"),)
    with Session(Submission("s", cells, folder=folder)) as subject:
        place = subject.place
        assert "text" in subject.names
    assert not place.exists()


def test_display_and_progress_bars_work_without_a_kernel():
    outcome = run(
        "from IPython.display import HTML, ProgressBar, clear_output, display",
        "for step in ProgressBar(3):\n    display(step)",
        "handle = display(HTML('a'), display_id=True)\nhandle.update(HTML('b'))",
        "display('without an import')\nclear_output(wait=True)",
        "shown = globals()['display'](1, display_id='x')\nshown.update(2)",
    )
    assert errors(outcome) == []


def test_nothing_that_is_displayed_can_fail():
    source = (
        "class Odd:\n    def __repr__(self):\n        raise ValueError('no')\n"
        "from IPython.display import display\ndisplay(Odd())\nOdd()"
    )
    assert errors(run(source)) == []


def test_figures_are_gone_after_their_cell_and_show_does_not_wait():
    outcome = run(
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "fig, ax = plt.subplots()\nax.plot([1, 2])\nplt.show()\nassert plt.get_fignums()",
        "assert not plt.get_fignums()\nfig.savefig('kept.png')",
        "import matplotlib, os\nassert matplotlib.get_backend().lower() == 'agg'\n"
        "assert os.environ['MPLBACKEND'] == 'agg'",
    )
    assert errors(outcome) == []


def test_classes_of_the_notebook_can_be_modules_and_dataclasses():
    outcome = run(
        "import copy, torch\nfrom torch import nn\nfrom dataclasses import dataclass",
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.linear = nn.Linear(2, 1)\n"
        "    def forward(self, x):\n        return self.linear(x)\nNet()",
        "@dataclass\nclass Settings:\n    rate: float = 0.1\nSettings()",
        "net = copy.deepcopy(Net())\ntorch.save(net, 'net.pt')\n"
        "torch.load('net.pt', weights_only=False)",
        "net(torch.ones(3, 2)).sum().backward()",
    )
    assert errors(outcome) == []


@pytest.mark.parametrize("early", [True, False])
def test_a_plain_cell_beyond_its_limit_ends_what_stops_early(early, monkeypatch):
    monkeypatch.setattr("deltarule.grading.runner.GRACE_SECONDS", 0.1)
    cells = (
        CodeCell("a", "x = 1"),
        CodeCell("b", "while True: pass"),
        CodeCell("t", "assert x == 1", 1.0),
    )
    limits = Limits(cell_seconds=0.5)
    outcome = next(run_all([Submission("s", cells, stop_early=early, limits=limits)], 1))
    assert outcome.cells[1].error == "Killed"
    assert "more than 0.5 s" in outcome.cells[1].message
    assert [test.status for test in outcome.tests] == ([] if early else ["passed"])


def test_what_comes_after_the_cells_has_a_limit_of_its_own(monkeypatch):
    monkeypatch.setattr("deltarule.grading.runner.GRACE_SECONDS", 0.1)

    def forever(names):
        while True:
            pass

    outcome = run("x = 1", limits=Limits(finish_seconds=0.2), finish=forever)
    assert "more than 0.2 s" in outcome.extra["failure"]
    assert errors(outcome) == []


def test_the_caller_stays_where_it_is(folder):
    before, path = Path.cwd(), os.environ.get("MPLBACKEND")
    run("import os\nos.chdir('/')", folder=folder)
    assert (Path.cwd(), os.environ.get("MPLBACKEND")) == (before, path)
