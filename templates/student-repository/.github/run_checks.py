"""Run the notebooks of a folder from top to bottom, and tell which of their checks passed.

    python .github/run_checks.py lab04

The checks are those that you see in the notebooks. They are necessary, and not the whole story:
grading also tries inputs of its own, and gives the points.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

SECONDS = 600
"""For one cell."""

LONGEST = 300
"""Characters of a message."""


def main():
    """Check all notebooks; 0 if every check passed, 1 if one did not, 2 if there are none."""
    if len(sys.argv) != 2 or not (notebooks := sorted(Path(sys.argv[1]).glob("*.ipynb"))):
        print("usage: python .github/run_checks.py FOLDER, with notebooks in it", file=sys.stderr)
        return 2
    rows = [(path.stem, *outcome) for path in notebooks for outcome in outcomes_of(path)]
    for notebook, name, passed, message in rows:
        outcome = "passed" if passed else "failed"
        print(f"  {outcome}  {notebook}/{name}  {one_line(message)}".rstrip())
    if "GITHUB_STEP_SUMMARY" in os.environ:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
            file.write(summary(rows))
    return 0 if all(passed for _, _, passed, _ in rows) else 1


def outcomes_of(path):
    """Name, whether it passed, and the message, of each check of a notebook."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # noqa: BLE001 - whatever the file is, the other notebooks go on
        return [("the file", False, f"is no notebook: {error}")]
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except (CellTimeoutError, DeadKernelError) as error:
        return [("the run", False, str(error))]
    return [(name, not error, error) for name, error in checks_of(notebook)]


def checks_of(notebook):
    """The checks, which nbgrader marks, with their errors."""
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("grade") and not about.get("solution"):
            errors = [out for out in cell.outputs if out.output_type == "error"]
            yield about.get("grade_id", "?"), "".join(f"{e.ename}: {e.evalue}" for e in errors)


def summary(rows):
    """Markdown for the page of the run."""
    passed = sum(row[2] for row in rows)
    lines = [f"## {passed} of {len(rows)} visible checks passed", "", "| check | | message |"]
    lines += ["|:--|:--|:--|"]
    for notebook, name, good, message in rows:
        sign = "✅ passed" if good else "❌ failed"
        lines.append(f"| {literal(f'{notebook}/{name}')} | {sign} | {literal(message)} |")
    lines += ["", "Grading also tries inputs of its own; these checks give no points."]
    return "\n".join(lines) + "\n"


def one_line(text):
    """A text without line ends, colours and what a runner takes for a command."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("##[", "# #[")
    return " ".join(text.split())[:LONGEST]


def literal(text):
    """A text that Markdown and HTML leave as it is."""
    return re.sub(r"[^\w\s]|_", lambda found: f"&#{ord(found.group())};", one_line(text))


if __name__ == "__main__":
    sys.exit(main())
