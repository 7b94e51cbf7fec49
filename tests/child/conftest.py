"""Fork servers for the tests: one for each sandbox that this machine can have."""

import os
import sys
from pathlib import Path

import pytest

from deltarule.errors import MachineryError
from deltarule.grading.child.settings import Limits
from deltarule.grading.sandbox.zygote import Zygote

MIB = 2**20
SMALL = Limits(
    address_bytes=1536 * MIB,
    memory_bytes=400 * MIB,
    processes=40,
    file_bytes=20 * MIB,
    disk_bytes=40 * MIB,
    shared_bytes=20 * MIB,
    output_bytes=100_000,
    open_files=256,
    cell_seconds=30.0,
    put_bytes=5 * MIB,
)
"""Limits that the tests can reach quickly and without harm to the machine."""

NAMES = Path(__file__).with_name("names.py")

IMPORTS = ["numpy", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "IPython.display"]


@pytest.fixture(scope="session")
def boot(course_root, tmp_path_factory):
    """Boots a fork server for a tier at its first use; skips where the tier cannot be had."""
    running = {}

    def started(tier):
        if sys.platform != "linux":
            pytest.skip("sandboxes need Linux")
        if tier not in running:
            given = {"exchange": None, "serving": NAMES, "limits": SMALL}
            zygote = Zygote(tier, secrets=[course_root], imports=IMPORTS, **given)
            try:
                zygote.start()
            except MachineryError as error:
                zygote.close()
                running[tier] = error
            else:
                running[tier] = zygote
        if isinstance(running[tier], MachineryError):
            pytest.skip(str(running[tier]))
        return running[tier]

    os.environ["DELTARULE_TEST_SECRET"] = "nightingale-4711"
    yield started
    for zygote in running.values():
        if isinstance(zygote, Zygote):
            zygote.close()


@pytest.fixture(scope="session", params=["namespaces", "landlock"])
def sandbox(request, boot):
    """A fork server in a sandbox that has to hold."""
    return boot(request.param)


@pytest.fixture(scope="session")
def strongest(boot):
    """One in the strongest sandbox that there is, for what is alike in all of them."""
    try:
        return boot("namespaces")
    except pytest.skip.Exception:
        return boot("landlock")


@pytest.fixture
def child(sandbox):
    with sandbox.child() as one:
        yield one


@pytest.fixture
def any_child(strongest):
    with strongest.child() as one:
        yield one


@pytest.fixture
def open_child(boot):
    """A child without a sandbox: for what has nothing to do with one, and as a control."""
    with boot("none").child() as one:
        yield one


@pytest.fixture(scope="module")
def folder_for_all(tmp_path_factory):
    """A folder that any user of the machine may use, so that only a sandbox keeps one out."""
    folder = tmp_path_factory.mktemp("open")
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.geteuid() and one != Path("/"):
            one.chmod(one.stat().st_mode | 0o011)
    folder.chmod(0o777)
    return folder
