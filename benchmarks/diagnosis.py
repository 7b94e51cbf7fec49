"""How often the diagnosis is right; writes the table in ``docs/diagnosis.md``.

Run ``python benchmarks/diagnosis.py`` in a set-up checkout. Wrong backward passes are judged as a
hidden test judges them: the labelled submissions, mistakes written by hand in torch without
knowledge of the bank, and wrong backward passes that no name fits. A right name is a hit; for the
last kind, only silence is.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from deltarule import judging
from deltarule.authoring import parse
from deltarule.grading.answers import Answers, read_answers

ROOT = Path(__file__).parent.parent
SEED = 20


def lab4() -> dict[str, Any]:
    """What the cells of lab 4's solution bind."""
    notebook, _ = parse(ROOT / "source" / "lab04" / "lab04.md")
    names: dict[str, Any] = {"__name__": "lab04"}
    for cell in notebook.cells:
        if cell.kind == "code" and cell.role.value == "plain" and "train(" not in cell.solution:
            exec(compile(cell.solution, "plain", "exec"), names)
        elif cell.name == "solution-NeuralNetwork":
            exec(compile(cell.solution, cell.name, "exec"), names)
    return names


def labelled(folder: Path) -> Iterator[tuple[Answers, str]]:
    """Files of answers with a misconception, and the text of their backward."""
    for path in sorted(folder.glob("*.py")):
        answers = read_answers(path)
        if answers.misconception:
            for _, name, text in answers.sections:
                if name == "NeuralNetwork.backward":
                    yield answers, text


def diagnosed(network: type, backward: Any) -> tuple[float, str]:
    """Credit and diagnosis of lab 4's network with another backward pass."""
    changed = type("NeuralNetwork", (network,), {"backward": backward})
    # Some of these wrong passes get their numbers from autograd; it is the numbers that count here.
    found = judging.network_gradients(changed, judging.NetworkInterface(autograd=True))
    return found.credit, (found.diagnosis or {}).get("name", "")


def defined(text: str, names: dict[str, Any]) -> Any:
    """The function that a section of a file of answers defines."""
    own = dict(names)
    exec(compile(text, "backward", "exec"), own)
    return own["backward"]


def same(found: str, label: str) -> bool:
    """Whether two names, or two pairs of names, are the same."""
    return set(found.split("+")) == set(label.split("+"))


def tally(cases: Iterable[tuple[str, str, str]]) -> tuple[int, int, int, list[str]]:
    """Right, silent and wrong diagnoses, and a line for each that is not right."""
    right = silent = wrong = 0
    misses = []
    for what, label, found in cases:
        if same(found, label):
            right += 1
            continue
        if found:
            wrong += 1
        else:
            silent += 1
        misses.append(f"- {what}: expected `{label or 'nothing'}`, said `{found or 'nothing'}`")
    return right, silent, wrong, misses


def outside(network: type) -> Iterator[tuple[str, str, str]]:
    """Wrong backward passes that no name fits, with what was said about each."""
    path = ROOT / "tests" / "mistakes" / "outside_bank.py"
    spec = importlib.util.spec_from_file_location("outside_bank", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    for description, backward in module.outside_bank(seed=0):
        credit, found = diagnosed(network, backward)
        if credit == 1.0:
            print(f"accepted although wrong: {description}", file=sys.stderr)
            sys.exit(1)
        yield description, "", found


def main() -> None:
    """Judge, print, write."""
    os.environ[judging.SEED_VARIABLE] = str(SEED)
    warnings.simplefilter("ignore")
    names = lab4()
    network = names["NeuralNetwork"]

    def judged(folder: str, pairs: bool | None) -> Iterator[tuple[str, str, str]]:
        for answers, text in labelled(ROOT / "tests" / folder / "lab04"):
            if pairs is None or ("+" in answers.misconception) == pairs:
                _, found = diagnosed(network, defined(text, names))
                yield answers.path.stem, answers.misconception, found

    kinds = {
        "labelled submissions": judged("submissions", None),
        "single mistakes by hand": judged("mistakes", False),
        "two mistakes by hand": judged("mistakes", True),
        "wrong, but outside the bank": outside(network),
    }
    lines = [
        "# How often the diagnosis is right",
        "",
        f"Made by `python benchmarks/diagnosis.py`, with seed {SEED}. *Right* is the right name",
        "(or the right two), and for what lies outside the bank: no name. A wrong name is worse",
        "than none.",
        "",
        "| wrong backward passes | number | right | silent | wrong name |",
        "|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for kind, cases in kinds.items():
        right, silent, wrong, misses = tally(cases)
        total = right + silent + wrong
        share = f"{right} ({right / total:.0%})" if total else "-"
        lines.append(f"| {kind} | {total} | {share} | {silent} | {wrong} |")
        print(lines[-1], flush=True)
        notes += misses
    if notes:
        lines += ["", "Not right:", "", *notes]
        print("\n".join(notes))
    (ROOT / "docs" / "diagnosis.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
