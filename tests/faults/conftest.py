"""A course that is built once; each test grades a class on a copy of it."""

import sys

import pytest

from .small_class import SmallClass


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("grading needs Linux")
    return SmallClass.made(tmp_path_factory.mktemp("faults") / "course")
