"""The GitLab template: its scripts for fetching and posting, run here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import POST
from .fake_host import FakeHost

pytestmark = pytest.mark.slow


def ran(course, job, workspace, **variables):
    script = yaml.safe_load((course / ".gitlab" / "grade.yml").read_text())[job]["script"]
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(script)],
        cwd=workspace,
        env={"PATH": programs, "ASSIGNMENT": "small", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def test_fetching_and_posting_work_on_gitlab_too(course, hub, run, tmp_path):
    folder, commits = hub
    workspace = tmp_path / "work"
    shutil.copytree(course, workspace)
    ran(
        course,
        "fetch-submissions",
        workspace,
        CI_SERVER_URL=f"file://{folder}",
        SUBMISSIONS_READ="x",
    )
    fetched = json.loads((workspace / "submissions.json").read_text())
    assert {one["student"]: one["commit"] for one in fetched}["ada"] == commits["ada"]

    shutil.copytree(run[0].folder / "artifacts" / "results", workspace / "results")
    with FakeHost() as host:
        done = {"CI_API_V4_URL": host.url, "SUBMISSIONS_POST": POST}
        for _ in range(2):
            said = ran(course, "post-results", workspace, **done).stdout
        assert "wes: has it already" in said
        (status,) = host.kept["statuses"]["class/small-wes"]
        assert (status["name"], status["state"]) == ("deltarule/small", "failed")
        assert status["at"] == commits["wes"]
        (issue,) = host.kept["issues"]["class/small-wes"]
        assert issue["description"].startswith("## small: 1 of 3 points")
        assert host.tokens == {f"Bearer {POST}"}
