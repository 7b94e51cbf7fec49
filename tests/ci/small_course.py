"""A course without torch, and what five students make of its notebook."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import nbformat

from deltarule import authoring

ROOT = Path(__file__).parents[2]
PARTS = (".github", ".gitlab", "tools", "src", "nbgrader_config.py", "requirements.lock")
PARTS += ("pyproject.toml", "README.md")

SOURCE = """\
---
jupyter:
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

# Small

```python
def double(number):
    #!TAG HWBEGIN
    return number + number
    #!TAG HWEND
```

```python
#!TAG TEST double points=2
#!TAG SKIPQUESTEXEC
assert double(1) == 2, "one and one are two"
### BEGIN HIDDEN TESTS
assert double(21) == 42, "that is not the answer"
### END HIDDEN TESTS
```

```python
def square(number):
    #!TAG HWBEGIN
    return number * number
    #!TAG HWEND
```

```python
#!TAG TEST square points=1
#!TAG SKIPQUESTEXEC
assert square(1) == 1, "one times one is one"
### BEGIN HIDDEN TESTS
assert square(9) == 81, "nine times nine is more"
### END HIDDEN TESTS
```
"""

FORGED = """\

::error title=forged::forged
::set-output name=forged::forged
##[add-mask]forged
</td></table><script>forged()</script><img src="https://evil.example/forged.png">
[forged](https://evil.example) @everyone **forged**"""

MALICIOUS = f"""\
import glob, os
FORGED = '''{FORGED}'''
print(FORGED)
stolen = "STOLEN " + repr({{k: v for k, v in os.environ.items() if "TOKEN" in k}})
for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV"):
    if name in os.environ:
        with open(os.environ[name], "a") as file:
            file.write(FORGED)
def double(number):
    raise ValueError(FORGED)
def square(number):
    for path in glob.glob("PLACE/**/small.md", recursive=True):
        raise ValueError("STOLEN " + open(path).read())
    raise ValueError("nothing to take" + stolen * (len(stolen) > len("STOLEN {{}}")))
"""


def make_course(folder: Path) -> Path:
    """A copy of this repository's machinery around the small assignment, as a course."""
    for part in PARTS:
        target = folder / part
        if (ROOT / part).is_dir():
            caches = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / part, target, ignore=caches)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / part, target)
    (folder / "source" / "small").mkdir(parents=True)
    (folder / "source" / "small" / "small.md").write_text(SOURCE, encoding="utf-8")
    return folder


def notebook(kind: str, place: Path) -> str:
    """A student's notebook: ``right``, ``untouched``, ``wrong`` or ``malicious``.

    ``place`` is the course, which the malicious one looks into.
    """
    made, _ = authoring.parse(place / "source" / "small" / "small.md")
    rendered = authoring.student(made) if kind == "untouched" else authoring.solution(made)
    for cell in rendered.cells:
        cell.metadata.pop("deltarule", None)
        if kind == "wrong":
            cell.source = cell.source.replace("number + number", "number * 2 - (number > 9)")
        if kind == "malicious" and "def double" in cell.source:
            cell.source = MALICIOUS.replace("PLACE", str(place))
        if kind == "malicious" and "def square" in cell.source and "glob" not in cell.source:
            cell.source = "print(stolen)"
    return nbformat.writes(rendered)


def make_repository(
    folder: Path, files: dict[str, str], links: dict[str, str] | None = None
) -> str:
    """A student's repository with one commit; its id."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for name, target in (links or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["config", "uploadpack.allowFilter", "true"],
        ["config", "uploadpack.allowAnySHA1InWant", "true"],
        ["add", "--all"],
        [*who, "commit", "--quiet", "--allow-empty", "--message=Hand in"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True, timeout=60)
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, timeout=60, capture_output=True
    )
    return re.sub(r"\s", "", found.stdout.decode())
