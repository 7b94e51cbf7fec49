"""Lab 4's own solution, and the two places where a student's code can live."""

import types

import pytest
import torch

from deltarule.authoring import parse
from deltarule.exchange.loopback import Loopback

torch.set_num_threads(1)  # a process forked after multi-threaded work would hang


@pytest.fixture(scope="module")
def lab4(course_root):
    """The names that lab 4's own solution defines, from its source."""
    notebook, _ = parse(course_root / "source" / "lab04" / "lab04.md")
    names = {"__name__": "lab04"}
    for cell in notebook.cells:
        if cell.kind == "code" and cell.role.value in ("plain", "solution"):
            text = cell.solution
            if "matplotlib" in text or "class " in text or "def " in text:
                exec(compile(text, cell.name or "cell", "exec"), names)
    return types.SimpleNamespace(**names)


@pytest.fixture(params=["in kernel", "loopback"])
def judged(request):
    """Judge a student's objects here or in a forked process: ``judged(judge, [objects])``."""

    def call(judge, students, *rest, **settings):
        if request.param == "in kernel":
            return judge(*students, *rest, **settings)
        names = {f"student_{number}": one for number, one in enumerate(students)}
        with Loopback(names) as remote:
            return judge(*map(remote.reference, names), *rest, **settings)

    return call
