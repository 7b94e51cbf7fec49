"""Equivalence is asked on inputs of its own; what the tests compare does not count."""

import numpy as np
import pandas as pd
import pytest
import torch

from deltarule.grading.runner import CodeCell, Submission, run_all
from deltarule.proving.equivalence import Probe, Reference
from deltarule.proving.sameness import difference

RIGHT = "def f(x):\n    return 2 * x.sum(dim=0)"
CALL = "import torch\nf(torch.ones(1, 2))"


def probed(solution, mutant, call=CALL, task="f", thorough=False):
    """The status of a mutant whose reference is called in one test cell."""
    reference = (CodeCell("f", solution), CodeCell("t", call, 1.0))
    probe = Probe(Reference(reference, (task,)), (task,), thorough)
    (run,) = run_all([Submission("m", (CodeCell("f", mutant),), finish=probe)], 1)
    return run.extra["status"]


@pytest.mark.parametrize(
    ("mutant", "status"),
    [
        (RIGHT, "same"),
        ("def f(x):\n    return x.sum(dim=0) + x.sum(dim=0)", "same"),
        ("def f(x):\n    return 2 * x.mean(dim=0)", "values"),  # the call has one row only
        ("def f(x):\n    return 2 * x[0]", "values"),
        ("def f(x):\n    return 2 * x.sum(dim=1)", "loud"),
        ("def f(x):\n    return 2 * x.sum(dim=0).double()", "loud"),
        ("def f(x):\n    return None", "loud"),
        ("def f(x):\n    return x.nothing", "loud"),
        ("def f(x):\n    x += 1\n    return 2 * (x - 1).sum(dim=0)", "values"),
        ("g = 1", "loud"),
    ],
)
def test_a_weak_call_is_varied_until_mutants_show(mutant, status):
    assert probed(RIGHT, mutant) == status


def test_more_layers_than_the_test_has_are_tried():
    solution = "def f(x, ws):\n    for w in ws:\n        x = x @ w\n    return x"
    call = "import torch\nf(torch.rand(4, 2), [torch.rand(2, 3)])"
    assert probed(solution, f"{solution[:-13]}\n        break\n    return x", call) == "values"
    assert probed(solution, solution, call) == "same"


def test_methods_are_called_on_objects_of_the_mutants_class():
    solution = (
        "class Net:\n    def __init__(self, w):\n        self.w = w\n"
        "    def scale(self):\n        return 2\n"
        "    def forward(self, x):\n        return self.scale() * x @ self.w"
    )
    call = "import torch\nNet(torch.rand(2, 3)).forward(torch.rand(4, 2))"
    mutant = solution.replace("return 2", "return 3")
    assert probed(solution, solution, call, "Net.forward") == "same"
    assert probed(solution, mutant, call, "Net.forward") == "values"


def test_what_stays_behind_in_an_object_counts():
    solution = "class Net:\n    def forward(self, x):\n        self.last = x\n        return x"
    call = "import torch\nNet().forward(torch.rand(4))"
    mutant = solution.replace("self.last = x", "self.last = 2 * x")
    assert probed(solution, mutant, call, "Net.forward") == "values"


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (torch.ones(2), torch.ones(2) * (1 + 1e-7), "same"),
        (torch.ones(2), torch.ones(2) * 1.001, "values"),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), "loud"),
        (torch.ones(2), torch.ones(1, 2), "loud"),
        (torch.tensor([np.nan]), torch.tensor([1.0]), "values"),
        (torch.tensor([np.nan]), torch.tensor([np.nan]), "same"),
        (torch.tensor([np.inf]), torch.tensor([-np.inf]), "values"),
        (torch.tensor([1]), torch.tensor([2]), "values"),
        (1.0, 1.0 + 1e-15, "same"),
        (1, 2, "values"),
        ([1, 2], [1], "loud"),
        ({"a": 1}, {"a": 1.0}, "loud"),
        (None, torch.ones(1), "loud"),
    ],
)
def test_what_counts_as_the_same(one, other, said):
    assert difference(one, other) == said


def test_objects_that_contain_themselves_end():
    one, other = [], []
    one.append(one)
    other.append(other)
    assert difference(one, other) == "same"


def test_results_of_tracked_operations_are_replayed():
    solution = "def f(y):\n    return (y ** 2).mean()"
    call = "import torch\nw = torch.ones(3, requires_grad=True)\nf(2 * w).backward()"
    assert probed(solution, "def f(y):\n    return (y ** 2).sum()", call) == "values"
    assert probed(solution, "def f(y):\n    return (y * y).mean()", call) == "same"


def test_gradients_that_are_left_behind_are_compared():
    solution = "def f(w):\n    (w ** 2).sum().backward()"
    call = "import torch\nf(torch.ones(3, requires_grad=True))"
    assert probed(solution, solution.replace("** 2", "** 3"), call) == "values"
    assert probed(solution, solution.replace("w ** 2", "w * w"), call) == "same"


def test_chance_is_the_same_on_both_sides():
    solution = "import torch\ndef f(x):\n    return x[torch.randperm(len(x))]"
    call = "f(torch.arange(100.0))"
    assert probed(solution, solution.replace("[", "[ "), call) == "same"
    assert probed(solution, "import torch\ndef f(x):\n    return x", call) == "values"


def test_a_long_training_is_recorded_in_part():
    solution = "def f(x):\n    return 2 * x"
    call = "import torch\nfor step in range(5000):\n    f(torch.ones(2))"
    reference = Reference((CodeCell("f", solution), CodeCell("t", call, 1.0)), ("f",))

    def count(names):
        reference.record()
        (calls,) = reference.calls["f"]  # of its one definition
        return [calls.seen, len(calls.kept), len(calls.chosen())]

    (run,) = run_all([Submission("m", (), finish=count)], 1)
    seen, kept, chosen = run.extra
    assert seen == 5000
    assert kept <= 16
    assert chosen == 8


def table(ages):
    return pd.DataFrame({"name": ["Ada", None], "age": ages})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (table([36.0, 2.0]), table([36.0, 2.0]), "same"),
        (table([36.0, 2.0]), table([36.0, 2.0]).set_index([[7, 5]]), "same"),
        (table([36.0, float("nan")]), table([36.0, float("nan")]), "same"),
        (table([36.0, 2.0]), table([36.0, 3.0]), "values"),
        (table([36.0, 2.0]), table([36, 2]), "loud"),
        (table([36.0, 2.0]), table([36.0, 2.0]).rename(columns={"age": "years"}), "loud"),
        (table([36.0, 2.0])["age"], table([36.0, 3.0])["age"], "values"),
    ],
)
def test_tables_are_compared_by_what_stands_in_them(one, other, expected):
    assert difference(one, other) == expected


def test_optimisers_and_modules_are_compared_by_their_numbers():
    def trained(steps):
        torch.manual_seed(0)
        model = torch.nn.Linear(2, 1)
        optimiser = torch.optim.Adam(model.parameters())
        for _ in range(steps):
            optimiser.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimiser.step()
        return model, optimiser

    assert difference(trained(2), trained(2)) == "same"
    assert difference(trained(2)[0], trained(3)[0]) == "values"
    assert difference(trained(2)[1], trained(3)[1]) == "values"


@pytest.mark.parametrize(
    ("names", "status"),
    [({"rate": 0.5}, "same"), ({"rate": 0.25}, "values"), ({"rate": "0.5"}, "loud"), ({}, "loud")],
)
def test_homework_that_is_a_variable_is_compared_by_its_value(names, status):
    reference = Reference([CodeCell("rate", "rate = 0.5")], ("rate",))
    assert Probe(reference, ("rate",), bound=("rate",))(names)["status"] == status
