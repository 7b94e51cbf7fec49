"""One simulated class for all tests of reports."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import simulated_class


@pytest.fixture(scope="session")
def everybody():
    """200 students of lab 4."""
    return simulated_class.simulate()


@pytest.fixture(scope="session")
def few_on_record(tmp_path_factory):
    """A course in which twelve of them are on record; tests must not change it."""
    students = simulated_class.simulate(12)
    place = tmp_path_factory.mktemp("course")
    return simulated_class.put_on_record(place, students), students


@pytest.fixture(scope="session")
def all_on_record(tmp_path_factory, everybody):
    """A course in which all 200 are on record; tests must not change it."""
    return simulated_class.put_on_record(tmp_path_factory.mktemp("large"), everybody)
