"""Fixtures that tests of several folders share."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def course_root() -> Path:
    """The repository, which is a course."""
    return ROOT


@pytest.fixture
def two_notebooks(tmp_path: Path) -> Path:
    """A course whose assignment ``line`` has two notebooks, a test name twice, and data."""
    root = tmp_path / "two_notebooks"
    shutil.copytree(ROOT / "tests" / "two_notebooks", root)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    return root
