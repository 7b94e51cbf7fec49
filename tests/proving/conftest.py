"""A toy course whose hidden tests are made as strong or as weak as a test wants them."""

import textwrap

import pytest

from deltarule.config import Course
from deltarule.grading.runner import warm

LOSS_GRADIENT = '''
def loss_gradient(y, y_hat):
    """The gradient of the mean squared error, shape (N,)."""
    #!TAG HWBEGIN
    error = y_hat - y
    return 2 * error / len(y)
    #!TAG HWEND
'''

FORWARD = '''
def forward(x, weights):
    """Through layers of tanh units, one after the other."""
    #!TAG HWBEGIN
    for weight in weights:
        x = torch.tanh(x @ weight)
    return x
    #!TAG HWEND
'''


def toy_source(task, hidden, *, visible="", header="", more="", points=2):
    """A source with one task and one test of the same name."""
    name = task.strip().split("(")[0].removeprefix("def ")
    settings = textwrap.indent(f"points:\n  automatic: {points}\n{header}", "    ")
    return (
        f"---\njupyter:\n  deltarule:\n{settings}\n---\n\n# Toy\n\n"
        f"```python\nimport torch\n```\n\n```python\n{task.strip()}\n```\n\n{more}\n\n"
        f"```python\n#!TAG TEST {name} points=2\n#!TAG SKIPQUESTEXEC\n{visible}\n"
        "import torch\n### BEGIN HIDDEN TESTS\n"
        f"{textwrap.dedent(hidden).strip()}\n### END HIDDEN TESTS\n```\n"
    )


@pytest.fixture(scope="session", autouse=True)
def libraries():
    warm()


@pytest.fixture
def toy(tmp_path):
    """Makes a course of one assignment, ``toy``, from its source."""

    def make(*args, **settings):
        path = tmp_path / "source" / "toy" / "toy.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(toy_source(*args, **settings), encoding="utf-8")
        return Course(tmp_path)

    return make
