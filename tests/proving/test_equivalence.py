"""Equivalence is asked on inputs of its own; what the tests compare does not count."""

import numpy as np
import pytest
import torch

from deltarule.grading.runner import CodeCell, Submission, run_all
from deltarule.proving.equivalence import Probe
from deltarule.proving.sameness import difference

RIGHT = "def f(x):\n    return 2 * x.sum(dim=0)"
CALL = "import torch\nf(torch.ones(1, 2))"


def probed(solution, mutant, call=CALL, task="f", thorough=False):
    """The status of a mutant whose reference is called in one test cell."""
    reference = (CodeCell("f", solution), CodeCell("t", call, 1.0))
    probe = Probe(reference, (task,), thorough)
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
