"""Grades lab 4's submissions and mistakes, and records the results for the report's tests.

    python tests/reporting/record_results.py

writes ``recorded/lab04.json`` beside this file. It takes some minutes, and has to be run again
when the tests of lab 4, the diagnoses or the result schema change; the tests of the report then
draw their class from real results without grading anything. Versions and written answers are the
same in all of them, and recorded once.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

from deltarule.config import Course
from deltarule.demo import ASSIGNMENT, COPIED, hand_in
from deltarule.grading.classroom import Grading, GradingSettings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RECORDED = HERE / "recorded" / "lab04.json"
SEED = 20261128
SECONDS = 4.0
"""For one cell and one test: what never ends shall not take a minute to be recorded."""


def answer_files():
    """Every file of answers that the simulated class is drawn from."""
    folders = [ROOT / "tests" / kind / ASSIGNMENT for kind in ("submissions", "mistakes")]
    folders.append(HERE / "answers")
    return [path for folder in folders for path in sorted(folder.glob("*.py"))]


def record(place, files):
    """Grade these files of answers in a copy of the course below ``place``."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, place / name)
    course = Course(place)
    hand_in(course, ASSIGNMENT, files)
    limits = {"cell_seconds": SECONDS, "test_seconds": SECONDS}
    settings = GradingSettings(seed=SEED, jobs=os.cpu_count() or 1, limits=limits)
    results = Grading.of_course(course, ASSIGNMENT, settings=settings).grade()
    return {result.student: result.as_json() for result in results}


def compact(found):
    """The records without what is the same in all."""
    written = [test for test in found["right"]["tests"] if test["status"] == "manual"]
    environment = found["right"]["environment"]
    own = {}
    for name, result in sorted(found.items()):
        tests = [test for test in result["tests"] if test["status"] != "manual"]
        own[name] = {**result, "environment": {}, "tests": tests}
    return {"environment": environment, "written": written, "results": own}


def main():
    with tempfile.TemporaryDirectory() as place:
        made = compact(record(Path(place), answer_files()))
    results = made.pop("results")
    lines = [f'"{key}": {json.dumps(value)}' for key, value in made.items()]
    own = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in results.items())
    lines.append(f'"results": {{\n{own}\n}}')
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(results)} results in {RECORDED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
