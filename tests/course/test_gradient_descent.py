"""The assignment on gradient descent: its points, and the submission that visible checks miss."""

import contextlib
import io
from collections import defaultdict

import matplotlib as mpl
import pytest

from deltarule.authoring import Role, parse, solution, student
from deltarule.grading.answers import fill_all, read_answers
from deltarule.grading.runner import run_all, warm
from deltarule.proving.papers import Paper, hand_in

PARTS = {
    "1.1": {"optimize_f": 1, "first_descent": 1, "step_size_effects": 1, "constant_step_size": 1}
    | {"decay": 1, "tune": 1},
    "1.3": {"sigmoid": 1, "relu": 1, "output_activation": 1, "bce_loss": 1, "perfect_prediction": 1}
    | {"bce_loss_stable": 1},
    "1.4": {"model1": 2},
    "1.5": {"network": 2, "make_layer": 3},
    "1.6": {"evaluate": 2, "train_epoch": 5, "train_two_layer": 1, "hyperparameters": 3}
    | {"train_single_layer": 1, "one_or_two_layers": 1, "train_linear": 1, "linear_network": 1}
    | {"train_deep": 1, "deep_network": 1},
    "1.7": {"learning_rate": 2, "minibatch_size": 2, "zero_weights": 2},
}
"""Points of tests and written answers, by part."""

HIDDEN_MISTAKES = {
    "decay": "decay-multiplied-up",
    "make_layer": "variance-of-fan-out",
    "train_epoch": "ascent-for-descent",
}
"""What a real submission got wrong although every check that it saw passed."""


@pytest.fixture(scope="module")
def notebook(course_root):
    return parse(course_root / "source" / "gradient_descent" / "gradient_descent.md")[0]


@pytest.fixture(scope="module")
def three_mistakes(course_root):
    folder = course_root / "tests" / "submissions" / "gradient_descent"
    return read_answers(folder / "three_hidden_mistakes.py")


def test_there_are_42_points_and_each_part_has_its_own(notebook):
    assert sum(sum(part.values()) for part in PARTS.values()) == 42
    found = defaultdict(dict)
    part = ""
    for cell in notebook.cells:
        for line in cell.master.split("\n") if cell.kind == "markdown" else ():
            if line.startswith("## "):
                part = line.split()[1]
        if cell.role in (Role.TEST, Role.ANSWER):
            found[part][cell.name] = cell.points
    assert found == PARTS


def test_the_three_hidden_mistakes_pass_every_visible_check(notebook, three_mistakes):
    name = notebook.name
    handed_in = fill_all({name: student(notebook)}, {name: solution(notebook)}, three_mistakes)
    names = {"__name__": "__main__"}
    with mpl.rc_context({"backend": "Agg", "figure.max_open_warning": 0}):
        for cell in handed_in[name].cells:
            if cell.cell_type == "code":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(cell.source, cell.id, "exec"), names)
        names["plt"].close("all")
    assert names["two_layer_accuracy"] >= 0.95


@pytest.mark.slow
def test_hidden_tests_find_the_three_mistakes_and_name_them(notebook, three_mistakes):
    warm()
    paper = Paper.of(notebook)
    (dealt,) = hand_in([paper], [three_mistakes])[notebook.name]
    (run,) = run_all([paper.submission("three", dealt.answers, seed=7)], 1)
    lost = {test.name: test for test in run.lost}
    assert {name: test.diagnosis["name"] for name, test in lost.items()} == HIDDEN_MISTAKES
    assert "decayed again" in lost["decay"].diagnosis["explanation"]
    assert "variance" in lost["make_layer"].diagnosis["explanation"].lower()
    assert "along the gradient" in lost["train_epoch"].diagnosis["explanation"]
