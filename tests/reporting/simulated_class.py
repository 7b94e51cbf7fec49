"""A class of lab 4 as it might be: real results, drawn in realistic proportions.

Each student's *result* is that of one file of answers (see ``record_results.py``). Their *code* is
that file's, with the other parts taken from different right answers, since no two people write
the same program by chance. Two groups have copied: variables renamed, a comment added.

    python tests/reporting/simulated_class.py FOLDER

makes a course with such a class in FOLDER, to look at its report.
"""

import json
import random
import re
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

import nbformat

from deltarule.config import Course
from deltarule.grading import answers as filling
from deltarule.grading.answers import Answers, fill_all, read_answers
from deltarule.grading.results import Result, TestResult
from deltarule.reporting.gathered import Gathered, Person, Submission

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ASSIGNMENT = "lab04"
RECORDED = HERE / "recorded" / "lab04.json"

RIGHT = (
    "right",
    "einsum",
    "loops_over_samples",
    "other_update_order",
    "recursion_without_cache",
    "while_loop",
)
OFTEN = {
    "missing_batch_mean": 12,
    "half_done": 11,
    "derivative_at_output": 9,
    "missing_factor_two": 6,
    "sign_flipped": 6,
    "loss_after_update": 6,
    "untouched": 5,
    "forward_not_squeezed": 5,
    "bias_gradient_averaged": 5,
    "hidden_derivative_missing": 4,
    "squeezed_too_much": 4,
    "last_layer_only": 3,
    "derivations_misunderstood": 3,
    "averaged_twice": 3,
    "gradient_ascent": 2,
    "never_ends": 2,
    "takes_all_memory": 1,
}
"""How many of 200 did what; 25 more made one of the rarer mistakes each, and the rest is right."""

RARE = 25
OF = 200
COPIED = (("mean_undone", "mean_undone", 3), ("right", "slopes_from_outputs", 2))
"""The groups that copied: whose result they have, whose code, and how many they are."""

FIRST = (
    "Ada Amir Aylin Bao Chiara Daniel Eleni Emil Fatima Femi Greta Hana Ivo Jamal Joana Kai Lena "
    "Leo Mei Mila Nadia Noah Olga Omar Paula Quinn Ravi Rosa Samir Sofia Tariq Theo Uma Vera Zoe"
)
LAST = (
    "Abbas Almeida Bauer Bianchi Chen Costa Demir Dubois Eriksen Fischer Garcia Haddad Hoang Kaya "
    "Ivanova Jansen Keller Kowalski Lang Mbeki Meyer Nakamura Novak Okafor Olsen Park Petrov Sato "
    "Rossi Schmidt Silva Singh Tanaka Ueda Varga Wagner Yilmaz Zhang Zimmer"
)

filling.definitions = cache(filling.definitions)  # 200 students have few different cells

NEW_NAMES = {"delta": "d", "losses": "history", "layer": "one", "y_pred": "guess", "grad": "g"}


@dataclass(frozen=True)
class Student:
    """Who, with which result, and what stands in their notebook's code cells."""

    person: Person
    result: Result
    written: Answers
    copied: int | None

    @property
    def name(self):
        return self.person.student

    @cached_property
    def notebook(self):
        """What they handed in; made where it is looked at, since that takes a while."""
        return fill_all(*notebooks(), self.written)["lab04"]


@cache
def recorded():
    """The recorded results by the name of their file of answers."""
    made = json.loads(RECORDED.read_text(encoding="utf-8"))
    found = {}
    for name, record in made["results"].items():
        result = Result.from_json({**record, "environment": made["environment"]})
        written = [TestResult(**test) for test in made["written"]]
        if (one := answers()[0][name]).base == "release":
            # nbgrader gives what was left as it was released no points.
            given = {section for _, section, _ in one.sections}
            written = [test if test.name in given else replace(test, score=0.0) for test in written]
        found[name] = replace(result, tests=(*written, *result.tests))
    return found


@cache
def answers():
    """All files of answers, and those that are right."""
    kinds = ("submissions", "mistakes", "variants")
    folders = [ROOT / "tests" / kind / ASSIGNMENT for kind in kinds] + [HERE / "answers"]
    found = {path.stem: read_answers(path) for one in folders for path in sorted(one.glob("*.py"))}
    return found, [one for one in found.values() if not one.loses]


@cache
def notebooks():
    return tuple(
        {"lab04": nbformat.read(ROOT / kind / ASSIGNMENT / "lab04.ipynb", as_version=4)}
        for kind in ("release", "solutions")
    )


def individual(chosen, draw):
    """A file of answers with its other parts taken from different right ones."""
    if chosen.base == "release":
        return chosen
    own = {name for _, name, _ in chosen.sections}
    if "solution-NeuralNetwork" in own:
        return chosen
    offered = {}
    for other in answers()[1]:
        names = {name for _, name, _ in other.sections}
        for section in other.sections:
            if section[1] not in own and "solution-NeuralNetwork" not in names:
                offered.setdefault(section[1], []).append(section)
    added = [draw.choice(sections) for _, sections in sorted(offered.items())]
    return replace(chosen, sections=(*chosen.sections, *added))


def renamed(chosen):
    """The same answers as somebody hands them in who would not be found out."""

    def other(text):
        for old, new in NEW_NAMES.items():
            text = re.sub(rf"(?<![.\w]){old}\b", new, text)
        return text.replace("\n", "  # my own solution\n", 1)

    sections = tuple((md, name, other(text)) for md, name, text in chosen.sections)
    return replace(chosen, sections=sections)


def what_they_did(number, draw):
    """The name of a file of answers for each student."""
    rare = sorted(path.stem for path in (ROOT / "tests" / "mistakes" / ASSIGNMENT).glob("*.py"))
    rare = [name for name in rare if name not in {result for result, _, _ in COPIED}]
    chosen = [name for name, often in OFTEN.items() for _ in range(round(often * number / OF))]
    chosen += draw.sample(rare, round(RARE * number / OF))
    chosen += [draw.choice(RIGHT) for _ in range(number - len(chosen))]
    draw.shuffle(chosen)
    return chosen


def who_copied(draw):
    """Result, code and group of each of those who copied: one model, and its renamed copies."""
    for group, (result, code, size) in enumerate(COPIED):
        model = individual(answers()[0][code], draw)
        for at in range(size):
            yield result, renamed(model) if at else model, group


def simulate(number=OF, seed=4):
    """A class; the same for the same seed."""
    draw = random.Random(seed)
    everybody = [f"{first} {last}" for first in FIRST.split() for last in LAST.split()]
    copied = list(who_copied(draw))
    honest = [
        (name, individual(answers()[0][name], draw), None)
        for name in what_they_did(number - len(copied), draw)
    ]
    students = []
    people = draw.sample(everybody, number)
    for at, ((name, written, group), full) in enumerate(zip(copied + honest, people, strict=True)):
        first, last = full.split()
        person = Person(f"{first[0]}{last}{at:03}".lower(), first, last)
        result = replace(recorded()[name], student=person.student)
        students.append(Student(person, result, written, group))
    return sorted(students, key=lambda student: student.name)


def code_of(student):
    """The code cells that the student wrote or could have changed."""
    return [
        cell.source
        for cell in student.notebook.cells
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("locked")
    ]


def gathered(students):
    """The class as ``gather`` reads it where nobody has graded a written answer yet."""
    made = tuple(Submission(student.person, student.result) for student in students)
    return Gathered(ASSIGNMENT, made)


def put_on_record(root, students):
    """Make a course below ``root`` with the class in its gradebook, ``autograded/`` and ``build/``.

    Returns:
        The course.
    """
    from nbgrader.api import Gradebook

    from deltarule.bridge.gradebook import GradebookWriter, Record
    from deltarule.bridge.release import course_directory, see_recorded
    from deltarule.grading.kept import kept_path

    for name in ("nbgrader_config.py", "source", "release", "solutions"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, root / name)
    course = Course(root)
    coursedir, config = course_directory(course, ASSIGNMENT)
    see_recorded(course, ASSIGNMENT, coursedir.db_url)
    begun = datetime(2026, 11, 20, 8)
    with GradebookWriter(
        coursedir, config, ASSIGNMENT, coursedir.db_url, root / "autograded"
    ) as writer:
        for at, student in enumerate(students):
            scores = {
                (test.notebook, test.name): None if test.status == "manual" else test.score
                for test in student.result.tests
            }
            when = begun + timedelta(minutes=37 * at)
            writer.record(Record(student.name, {"lab04": student.notebook}, scores, when, None))
            kept = kept_path(course, ASSIGNMENT, student.name)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({"key": "simulated", "result": student.result.as_json()}))
    with Gradebook(coursedir.db_url) as book:
        for student in students:
            person = student.person
            book.update_or_create_student(
                person.student, first_name=person.first_name, last_name=person.last_name
            )
    return course


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    put_on_record(place, simulate())
