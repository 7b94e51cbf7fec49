"""The diagnosis on mistakes that were written by hand, without knowledge of the bank.

``python benchmarks/diagnosis.py`` makes the whole table; the same functions are used here.
"""

import importlib.util
import itertools

import pytest

from deltarule import judging


@pytest.fixture(scope="module")
def table(course_root):
    path = course_root / "benchmarks" / "diagnosis.py"
    spec = importlib.util.spec_from_file_location("diagnosis_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def network(table):
    return table.lab4()["NeuralNetwork"]


@pytest.fixture(autouse=True)
def seed(monkeypatch):
    monkeypatch.setenv(judging.SEED_VARIABLE, "77")


def cases(table, network, course_root, folder, pairs):
    names = table.lab4()
    for answers, text in table.labelled(course_root / "tests" / folder / "lab04"):
        if ("+" in answers.misconception) == pairs:
            credit, found = table.diagnosed(network, table.defined(text, names))
            assert credit < 1.0, answers.path.name
            yield answers.path.stem, answers.misconception, found


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_single_mistakes_get_their_name(table, network, course_root):
    found = list(cases(table, network, course_root, "mistakes", pairs=False))
    found += list(cases(table, network, course_root, "submissions", pairs=False))
    right, silent, wrong, misses = table.tally(found)
    assert right + silent + wrong >= 30
    assert right >= 0.95 * len(found), misses
    assert wrong == 0, misses


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_two_mistakes_get_both_names(table, network, course_root):
    found = list(cases(table, network, course_root, "mistakes", pairs=True))
    right, _, wrong, misses = table.tally(found)
    assert len(found) >= 20
    assert right >= 0.8 * len(found), misses
    assert wrong == 0, misses


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_what_lies_outside_the_bank_gets_no_name_and_no_full_credit(table, network):
    some = list(itertools.islice(table.outside(network), 0, None, 3))
    assert len(some) >= 70
    assert [(what, found) for what, _, found in some if found] == []
