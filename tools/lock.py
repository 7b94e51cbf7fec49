"""Write ``requirements.lock`` and ``environment.yml`` from what is installed (``make lock``).

The lock pins everything that the project needs, directly or not, in two parts: what a student's
notebooks need, and the rest. ``environment.yml`` is the first part with a Python below it. Local
version labels such as torch's ``+cpu`` are left off, so that each platform finds its own build.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
STUDENT = (
    "jupyterlab",
    "jupytext",
    "nbgrader",
    "torch",
    "matplotlib",
    "scikit-learn",
    "pandas",
    "pooch",
)
PYTHON = "3.11"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
STUDENT_HEADING = "# Students: what the notebooks need."
OTHER_HEADING = "# Instructors and developers: what is needed besides."


def closure(roots: list[Requirement]) -> dict[str, str]:
    """Names and versions of the roots and of all that they need on this platform."""
    found: dict[str, str] = {}
    waiting = [(root, extra) for root in roots for extra in ("", *root.extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"{requirement} is not installed; run 'make lock', which installs it")
        found[name] = installed.version.split("+")[0]
        for text in installed.requires or []:
            child = Requirement(text)
            if child.marker is None or child.marker.evaluate({"extra": extra}):
                waiting += [(child, e) for e in ("", *child.extras)]
    return found


def main() -> None:
    """Write both files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    everything = closure(
        [Requirement(t) for t in (*project["dependencies"], *chain(*extras.values()))]
    )
    students = closure([Requirement(name) for name in STUDENT])
    student_pins = [f"{name}=={version}" for name, version in sorted(students.items())]
    other_pins = [
        f"{name}=={version}" for name, version in sorted(everything.items()) if name not in students
    ]
    lock = [
        "# Made by 'make lock' from pyproject.toml; do not edit.",
        STUDENT_HEADING,
        *student_pins,
        OTHER_HEADING,
        *other_pins,
    ]
    (ROOT / "requirements.lock").write_text("\n".join(lock) + "\n", encoding="utf-8")
    environment = [
        "# What a student needs: 'conda env create -f environment.yml'. Made by 'make lock'.",
        "name: deltarule",
        "channels: [conda-forge]",
        "dependencies:",
        f"  - python={PYTHON}",
        "  - pip",
        "  - pip:",
        f"      - --extra-index-url {CPU_INDEX}",
        *(f"      - {pin}" for pin in student_pins),
    ]
    (ROOT / "environment.yml").write_text("\n".join(environment) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
