"""Runs the steps of a workflow's job as GitHub's runner does, as far as these workflows need it.

Steps with ``run:`` are executed as they stand. What GitHub's own actions do is imitated: a checkout
is a copy of the course, an artifact a folder. Expressions are looked up in a table, so that one
that a workflow begins to use has to be thought about here.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
PYTHON = """\
#!/bin/sh
if [ "$2" = pip ]; then echo "$@" >>"{log}"; exit 0; fi
exec "{python}" "$@"
"""


def read(path: Path) -> dict[str, Any]:
    """A workflow or an action; YAML takes the key ``on`` for true."""
    return {
        "on" if key is True else key: value
        for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    }


@dataclass
class Ran:
    """What became of a job."""

    code: int
    output: str
    summary: str


@dataclass
class Runner:
    """A machine for each job.

    Attributes:
        course: what a checkout gives.
        folder: for workspaces and artifacts.
        values: what each expression stands for.
    """

    course: Path
    folder: Path
    values: dict[str, str]

    def job(self, workflow: dict[str, Any], name: str) -> Ran:
        """Run a job in a fresh workspace."""
        workspace = self.folder / "work" / name
        workspace.mkdir(parents=True, exist_ok=True)
        environment = {**workflow.get("env", {}), **workflow["jobs"][name].get("env", {})}
        return self._steps(workflow["jobs"][name]["steps"], workspace, environment, {})

    def action(self, name: str, job: str, inputs: dict[str, str]) -> Ran:
        """Run an action in the workspace that a job has left."""
        return Ran(*self._uses({"uses": name, "with": inputs}, self.folder / "work" / job, {}, {}))

    @property
    def installed(self) -> str:
        """What pip was asked for."""
        path = self.folder / "pip.log"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _steps(self, steps, workspace, environment, inputs):
        all_output, all_summary = "", ""
        for step in steps:
            if "run" in step:
                code, output, summary = self._run(step, workspace, environment, inputs)
            else:
                code, output, summary = self._uses(step, workspace, environment, inputs)
            all_output, all_summary = all_output + output, all_summary + summary
            if code:
                return Ran(code, all_output, all_summary)
        return Ran(0, all_output, all_summary)

    def _uses(self, step, workspace, environment, inputs):
        given = {key: self._said(value, inputs) for key, value in step.get("with", {}).items()}
        action = step["uses"].partition("@")[0]
        if action == "actions/checkout":
            assert given["persist-credentials"] == "False", "a token would stay in .git/config"
            shutil.copytree(self.course, workspace, dirs_exist_ok=True)
        elif action == "actions/upload-artifact":
            self._upload(given, workspace)
        elif action == "actions/download-artifact":
            source = self.folder / "artifacts" / given["name"]
            shutil.copytree(source, workspace / given.get("path", "."), dirs_exist_ok=True)
        elif action.startswith("./"):
            about = read(workspace / action / "action.yml")
            known = {key: one.get("default", "") for key, one in about["inputs"].items()}
            assert set(given) <= set(known)
            ran = self._steps(about["runs"]["steps"], workspace, environment, known | given)
            return ran.code, ran.output, ran.summary
        else:
            assert action == "actions/setup-python", f"{action} is not known here"
        return 0, "", ""

    def _upload(self, given, workspace):
        target = self.folder / "artifacts" / given["name"]
        paths = given["path"].split()
        for name in paths:
            source = workspace / name
            place = target if len(paths) == 1 else target / name
            if source.is_dir():
                shutil.copytree(source, place, dirs_exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)

    def _run(self, step, workspace, environment, inputs):
        assert "${{" not in step["run"], "an expression in a script may become a part of it"
        summary = self.folder / "summary.md"
        summary.write_text("", encoding="utf-8")
        said = {k: self._said(v, inputs) for k, v in {**environment, **step.get("env", {})}.items()}
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            cwd=workspace,
            env={
                "PATH": f"{self.programs()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": os.environ.get("HOME", str(self.folder)),
                "GITHUB_ACTIONS": "true",
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                **said,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return ran.returncode, ran.stdout, summary.read_text(encoding="utf-8")

    def programs(self) -> Path:
        """A folder with a ``python`` that notes what pip is asked for, and installs nothing."""
        place = self.folder / "programs"
        place.mkdir(exist_ok=True)
        path = place / "python"
        path.write_text(PYTHON.format(log=self.folder / "pip.log", python=sys.executable))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return place

    def _said(self, text, inputs):
        def value(found):
            name = found.group(1)
            return inputs[name[7:]] if name.startswith("inputs.") and inputs else self.values[name]

        return EXPRESSION.sub(value, str(text))
