"""Classes in which everybody but a few attacks; each is graded once, however many ask for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from .attacked_class import Graded, NotPossibleError, Setting, build, graded_class, read


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run have in common."""
    own = tmp_path_factory.getbasetemp()
    place = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "attacked"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="session")
def built(shared: Path) -> Path:
    """The folder of the course, released."""
    with FileLock(shared / "built.lock"):
        done = shared / "built"
        if not done.is_dir():
            build(shared / "building")
            (shared / "building").rename(done)
    return done


@pytest.fixture(scope="module")
def graded(request: pytest.FixtureRequest, shared: Path, built: Path) -> Graded:
    """The class of a setting, graded."""
    if sys.platform != "linux":
        pytest.skip("sandboxes need Linux")
    setting: Setting = request.param
    kept = shared / str(setting)
    with FileLock(shared / f"{setting}.lock"):
        try:
            return read(setting, kept) if kept.is_dir() else graded_class(setting, built, kept)
        except NotPossibleError as error:
            pytest.skip(str(error))
