"""Post each student's status and summary back to the commit that was graded.

    python tools/ci/post_results.py lab04 --results results --host github

The status of the commit says the points; an issue of the student's repository, one for each
assignment, gets the summary as a comment. A commit that has its status already is left alone:
students are not written to twice. ``--again`` writes to all.

The token is read from SUBMISSIONS_TOKEN. It needs to write commit statuses and issues, and nothing
else: no code of any student is ever run where it is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 30
LONGEST = 65_000
"""Characters of a comment on GitHub; a summary is shorter."""

FAILURES = (OSError, KeyError, TypeError, ValueError)
"""Of a request (urllib's errors are among them), or of reading what a server answers."""


class PostError(Exception):
    """What could not be posted, and why."""


@dataclass(frozen=True)
class Host:
    """The few calls that GitHub and GitLab spell differently.

    Attributes:
        api: its address.
        token: for it.
    """

    api: str
    token: str

    def call(self, method: str, path: str, record: dict[str, Any] | None = None) -> Any:
        """One request; what came back, parsed."""
        request = urllib.request.Request(
            f"{self.api}/{path}",
            data=None if record is None else json.dumps(record).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "deltarule",
            },
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read() or b"null")


class GitHub(Host):
    """https://docs.github.com/en/rest."""

    def statuses(self, repository: str, commit: str) -> set[str]:
        """The names of a commit's statuses."""
        found = self.call("GET", f"repos/{repository}/commits/{commit}/statuses?per_page=100")
        return {status["context"] for status in found}

    def set_status(self, repository: str, commit: str, name: str, passed: bool, text: str) -> None:
        """Give a commit its status."""
        record = {"state": "success" if passed else "failure", "context": name, "description": text}
        self.call("POST", f"repos/{repository}/statuses/{commit}", record)

    def comment(self, repository: str, title: str, text: str) -> None:
        """Add to the issue of that title, or open it."""
        issues = self.call("GET", f"repos/{repository}/issues?state=all&per_page=100")
        number = next((one["number"] for one in issues if one["title"] == title), None)
        if number is None:
            self.call("POST", f"repos/{repository}/issues", {"title": title, "body": text})
        else:
            self.call("POST", f"repos/{repository}/issues/{number}/comments", {"body": text})


class GitLab(Host):
    """https://docs.gitlab.com/api/rest/."""

    def statuses(self, repository: str, commit: str) -> set[str]:
        """The names of a commit's statuses."""
        path = f"projects/{_quoted(repository)}/repository/commits/{commit}/statuses?per_page=100"
        return {status["name"] for status in self.call("GET", path)}

    def set_status(self, repository: str, commit: str, name: str, passed: bool, text: str) -> None:
        """Give a commit its status."""
        record = {"state": "success" if passed else "failed", "name": name, "description": text}
        self.call("POST", f"projects/{_quoted(repository)}/statuses/{commit}", record)

    def comment(self, repository: str, title: str, text: str) -> None:
        """Add to the issue of that title, or open it."""
        base = f"projects/{_quoted(repository)}/issues"
        issues = self.call("GET", f"{base}?per_page=100")
        number = next((one["iid"] for one in issues if one["title"] == title), None)
        if number is None:
            self.call("POST", base, {"title": title, "description": text})
        else:
            self.call("POST", f"{base}/{number}/notes", {"body": text})


HOSTS = {"github": GitHub, "gitlab": GitLab}


def main() -> int:
    """Post all; 0 if all went well, 3 if some could not be posted."""
    options = _options()
    host = HOSTS[options.host](options.api.rstrip("/"), os.environ["SUBMISSIONS_TOKEN"])
    submissions = json.loads((options.results / "submissions.json").read_text(encoding="utf-8"))
    graded = json.loads((options.results / "result.json").read_text(encoding="utf-8"))
    results = {result["student"]: result for result in graded["results"]}
    failed = 0
    for submission in submissions:
        student = submission["student"]
        if submission["problem"] or student not in results:
            print(f"{student}: nothing to post")
            continue
        summary = options.results / "summaries" / f"{student}.md"
        try:
            done = post(host, options, submission, results[student], summary.read_text("utf-8"))
            print(f"{student}: {'posted' if done else 'has it already'}")
        except (OSError, PostError) as error:
            print(f"{student}: could not be posted: {error}", file=sys.stderr)
            failed += 1
    return 3 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("assignment")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--host", choices=sorted(HOSTS), default="github")
    parser.add_argument("--api", default="https://api.github.com", help="where its interface is")
    parser.add_argument("--again", action="store_true")
    return parser.parse_args()


def post(
    host: Any,
    options: argparse.Namespace,
    submission: dict[str, str],
    result: dict[str, Any],
    summary: str,
) -> bool:
    """Post one result, unless the commit has its status.

    The status goes first: if a token may not write it, nobody is written to twice.

    Raises:
        PostError: a part could not be posted; says which.
    """
    repository, commit = submission["repository"], submission["commit"]
    name = f"deltarule/{options.assignment}"
    earned = f"{result['score']:g} of {result['max_score']:g} points"
    told = f"{summary[:LONGEST]}\nCommit {commit}\n"
    try:
        if not options.again and name in host.statuses(repository, commit):
            return False
        host.set_status(repository, commit, name, result["score"] == result["max_score"], earned)
    except FAILURES as error:
        raise PostError(f"its status: {error}") from error
    try:
        host.comment(repository, f"{options.assignment}: grading", told)
    except FAILURES as error:
        raise PostError(f"its summary, though its status is: {error}; try --again") from error
    return True


def _quoted(repository: str) -> str:
    return urllib.parse.quote(repository, safe="")


if __name__ == "__main__":
    sys.exit(main())
