"""Every sandbox holds for root and for a plain user: what each must keep is tried as each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BOTH = ["test_attacks.py", "test_leaks.py", "test_limits.py", "test_spares.py"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux"),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0,
        reason="only root can become another user; the other tests are run as a plain user now",
    ),
]


@pytest.mark.parametrize(
    ("who", "which", "files"),
    [
        ("plain", "namespaces or landlock", [*BOTH, "test_sandboxes.py"]),
        ("root", "landlock", BOTH),
    ],
)
def test_the_sandboxes_hold_for(who, which, files):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounts are not allowed here, not even to root")
    command = [sys.executable, str(HERE / "as_user.py"), who, sys.executable, "-m", "pytest", "-q"]
    command += ["-p", "no:cacheprovider", "-k", which, *(str(HERE / name) for name in files)]
    done = subprocess.run(
        command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "no sandbox holds" not in done.stdout
