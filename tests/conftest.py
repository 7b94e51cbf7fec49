"""Fixtures that tests of several folders share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def course_root() -> Path:
    """The repository, which is a course."""
    return ROOT
