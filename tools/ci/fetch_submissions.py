"""Fetch what students have handed in from their repositories into ``submitted/``.

    python tools/ci/fetch_submissions.py lab04 --roster roster.csv --server https://github.com

``roster.csv`` has the columns ``student`` and ``repository`` (``org/name``; ``{assignment}`` in it
stands for the assignment's name). Of each repository only the blobs of the assignment's notebooks
are taken, from ``<assignment>/<name>.ipynb`` or ``<name>.ipynb`` of the default branch, by git's
plumbing: nothing is checked out, so there are no links to follow, no filters and no hooks. What was
taken from which commit, and what could not be, stands in ``submissions.json``.

The token is read from SUBMISSIONS_TOKEN and handed to git in its environment. The standard library
is all that is needed.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STUDENT = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
REPOSITORY = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)+", re.ASCII)
REGULAR = ("100644", "100755")
"""The modes of plain files in a tree; 120000 is a link, 160000 a submodule."""

PASSED_ON = ("PATH", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE")
"""The variables that git sees of ours; all else of it could be somebody's configuration."""

SECONDS = 120
LARGEST = 50 * 2**20


class FetchError(Exception):
    """Why nothing came of a repository, or of the whole command."""


def main() -> int:
    """Fetch all; 0 if any submission came, 2 for a wrong roster, 3 if none came."""
    options = _options()
    try:
        rows = read_roster(options.roster, options.assignment)
        names = sorted(path.stem for path in Path("source", options.assignment).glob("*.md"))
        if not names:
            raise FetchError(f"there is no source/{options.assignment}/*.md here")
    except (FetchError, OSError) as error:
        print(f"fetch_submissions: {error}", file=sys.stderr)
        return 2
    records = []
    for student, repository in rows:
        record = {"student": student, "repository": repository, "commit": "", "problem": ""}
        place = options.submitted / student / options.assignment
        try:
            record["commit"] = fetch(f"{options.server}/{repository}", options, names, place)
        except FetchError as error:
            record["problem"] = str(error)
        print(f"{student}: {record['problem'] or record['commit']}")
        records.append(record)
    options.record.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    if "GITHUB_STEP_SUMMARY" in os.environ:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
            file.write(_summary(options.assignment, records))
    return 0 if any(not record["problem"] for record in records) else 3


def _summary(assignment: str, records: list[dict[str, str]]) -> str:
    """Markdown for the page of the run: who is missing, and why; quoted as code, so it is text."""
    missing = [record for record in records if record["problem"]]
    lines = [f"## {assignment}: {len(records) - len(missing)} of {len(records)} fetched", ""]
    for record in missing:
        lines.append(f"- {record['student']}: `{record['problem'].replace('`', ' ')}`")
    return "\n".join(lines) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("assignment")
    parser.add_argument("--roster", type=Path, default=Path("roster.csv"))
    parser.add_argument("--server", default="https://github.com")
    parser.add_argument("--submitted", type=Path, default=Path("submitted"))
    parser.add_argument("--record", type=Path, default=Path("submissions.json"))
    return parser.parse_args()


def read_roster(path: Path, assignment: str) -> list[tuple[str, str]]:
    """Students and repositories, each student once."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        student = (row.get("student") or "").strip()
        repository = (row.get("repository") or "").strip().replace("{assignment}", assignment)
        if not STUDENT.fullmatch(student) or not REPOSITORY.fullmatch(repository):
            raise FetchError(f"{path}:{number}: write a student's name and org/repository")
        if student in found:
            raise FetchError(f"{path}:{number}: {student} is there twice")
        found[student] = repository
    if not found:
        raise FetchError(f"{path} lists nobody; its columns are student,repository")
    return list(found.items())


def fetch(url: str, options: argparse.Namespace, names: list[str], place: Path) -> str:
    """Write the notebooks of one repository to ``place``; the commit that they are from."""
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "--quiet", "--bare")
        git(folder, "remote", "add", "origin", url)
        # No blobs: those that are wanted are fetched when they are read.
        git(
            folder,
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--filter=blob:none",
            "origin",
            "HEAD",
        )
        commit = git(folder, "rev-parse", "FETCH_HEAD").decode().strip()
        taken = 0
        for name in names:
            blob = _blob(folder, commit, options.assignment, name)
            if blob:
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{name}.ipynb").write_bytes(git(folder, "cat-file", "blob", blob))
                taken += 1
    if not taken:
        wanted = " or ".join(f"{name}.ipynb" for name in names)
        raise FetchError(f"no plain file {wanted} at the top or in {options.assignment}/")
    return commit


def _blob(folder: str, commit: str, assignment: str, name: str) -> str:
    """The id of a notebook's content, or "" if it is no plain file, not there, or too large."""
    for path in (f"{assignment}/{name}.ipynb", f"{name}.ipynb"):
        listed = git(folder, "ls-tree", "-z", "--long", commit, "--", path).decode().rstrip("\0")
        if listed:
            mode, kind, blob, size = listed.partition("\t")[0].split()
            if mode in REGULAR and kind == "blob" and int(size) <= LARGEST:
                return blob
    return ""


def git(folder: str, *arguments: str) -> bytes:
    """Run git in a bare repository, without anybody's configuration and without questions."""
    token = os.environ.get("SUBMISSIONS_TOKEN", "")
    environment = {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        "HOME": folder,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:file",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    if token:
        login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
        }
    try:
        ran = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FetchError(f"git {arguments[0]} took more than {SECONDS} seconds") from None
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip().split("\n")
        why = next((line for line in said if line.startswith("fatal: ")), said[-1])
        raise FetchError(f"git {arguments[0]}: {why.removeprefix('fatal: ')}")
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
