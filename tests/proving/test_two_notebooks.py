"""``deltarule check`` of an assignment with two notebooks that share a test's name and a file."""

import json
import shutil
from dataclasses import replace

import pytest

from deltarule.authoring import parse
from deltarule.config import Course
from deltarule.errors import UsageError
from deltarule.grading.answers import read_answers
from deltarule.grading.runner import CellRun, Limits, Run
from deltarule.proving import gates
from deltarule.proving.check import run_check
from deltarule.proving.mutants import mutants_of
from deltarule.proving.papers import Paper, hand_in
from deltarule.proving.trials import mutant_limits, try_mutants
from deltarule.reporting.table import check_lines

ABSOLUTE = "def error(y, y_hat):\n    return sum(abs(a - b) for a, b in zip(y, y_hat)) / len(y)"
FILES = {
    "variants/other_sum": (
        "none",
        "# %% slope\nfrom operator import mul\n"
        "def slope(x, y):\n    return sum(map(mul, x, y)) / sum(map(mul, x, x))",
    ),
    "submissions/absolute": ("fitting/error", f"# %% fitting/error\n{ABSOLUTE}"),
    "submissions/everything_right": ("none", ""),
    "submissions/no_fitting": ("none\n# missing: fitting", ""),
}


def write_answers(root, name, loses, sections):
    kind, stem = name.split("/")
    path = root / "tests" / kind / "line" / f"{stem}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f'"""What was done."""\n# base: solution\n# loses: {loses}\n\n{sections}\n'
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def report(course_root, tmp_path_factory):
    root = tmp_path_factory.mktemp("two") / "course"
    shutil.copytree(course_root / "tests" / "two_notebooks", root)
    for name, (loses, sections) in FILES.items():
        write_answers(root, name, loses, sections)
    return run_check(Course(root), "line")


def gate(report, notebook, name):
    (found,) = [one for one in report.gates if one.notebook == notebook and name in one.name]
    return found


def test_both_notebooks_pass_every_gate(report):
    assert {gate.name: gate.details for gate in report.gates if not gate.passed} == {}
    assert {gate.notebook for gate in report.gates} == {"", "fitting", "predicting"}


def test_answers_are_run_where_they_were_written(report):
    said = {
        (name, about): gate(report, name, about).details[0].split(",")[0]
        for name in ("fitting", "predicting")
        for about in ("variants", "two seeds")
    }
    assert said == {
        ("fitting", "variants"): "1 variants",
        ("predicting", "variants"): "0 variants",
        ("fitting", "two seeds"): "2 labelled submissions",  # absolute, everything_right
        ("predicting", "two seeds"): "2 labelled submissions",  # everything_right, no_fitting
    }


def test_points_are_summed_for_the_assignment(report):
    assert gate(report, "", "points").details == (
        "6 automatic (fitting 3, predicting 3), 1 manual (fitting 0, predicting 1)",
    )


def test_table_and_record_name_the_notebook(report):
    titles = [name for name, _, _ in report.rows()]
    assert len(set(titles)) == len(titles)
    assert {"points add up", "fitting: solution earns every point"} <= set(titles)
    lines = check_lines(report)
    assert any(line.startswith("  predicting: ") and "mutants" in line for line in lines)
    record = json.loads(json.dumps(report.as_json()))
    assert [one["name"] for one in record["notebooks"]] == ["fitting", "predicting"]
    for key, total in record["mutants"].items():
        assert total == sum(one["mutants"][key] for one in record["notebooks"])
    assert record["gates"][1]["notebook"] == "fitting"


def test_a_label_that_is_wrong_is_found_in_its_notebook(two_notebooks):
    write_answers(two_notebooks, "submissions/wrong", "predict", f"# %% fitting/error\n{ABSOLUTE}")
    course = Course(two_notebooks)
    folder = two_notebooks / "source" / "line"
    papers = [Paper.of(parse(path)[0], folder) for path in course.sources("line")]
    files = [read_answers(two_notebooks / "tests" / "submissions" / "line" / "wrong.py")]
    dealt = hand_in(papers, files)
    found = {
        paper.notebook.name: gates.same_under_two_seeds(paper, dealt[paper.notebook.name], (0, 1))
        for paper in papers
    }
    assert found["fitting"].details == ("wrong: should keep its points in error, gets 0",)
    assert found["predicting"].details == ("wrong: should lose its points in predict, gets 1",)


def test_a_gate_that_fails_is_shown_with_its_notebook(report):
    gates = [replace(gate, passed=False, details=("why",)) for gate in report.gates[:2]]
    lines = check_lines(replace(report, gates=tuple(gates)))
    at = lines.index("  fitting: solution earns every point:")
    assert lines[at + 1] == "    why"


def test_answers_that_fit_nothing_are_refused_before_anything_runs(two_notebooks, monkeypatch):
    monkeypatch.setattr("deltarule.proving.check.warm", lambda modules: pytest.fail("it began"))
    write_answers(two_notebooks, "submissions/odd", "slop", "")
    with pytest.raises(UsageError, match=r"odd\.py:3: there is no test 'slop'"):
        run_check(Course(two_notebooks), "line")


def test_sums_of_one_header_are_compared_with_its_own_notebook(two_notebooks):
    fitting, predicting = (parse(path)[0] for path in Course(two_notebooks).sources("line"))
    wrong = replace(fitting, header=replace(fitting.header, points={"automatic": 4.0}))
    found = gates.points_add_up([wrong, predicting])
    assert found.details == ("fitting: automatic: the header expects 4, the cells have 3",)


def paper_of(tmp_path, text):
    path = tmp_path / "n.md"
    path.write_text(text, encoding="utf-8")
    return Paper.of(parse(path)[0])


LIMITS = "---\njupyter:\n  deltarule:\n    limits: {{cell_seconds: {0}}}\n---\n\n# N\n"


@pytest.mark.parametrize(
    ("header", "slowest", "allowed"),
    [("# N\n", 0.1, 10.0), ("# N\n", 8.0, 24.0), (LIMITS.format(20), 8.0, 20.0)],
)
def test_mutants_get_the_time_that_the_solution_takes_and_some_more(
    tmp_path, header, slowest, allowed
):
    solution = Run("s", (), (CellRun("a", "", "", "", slowest),), slowest, 1.0)
    limits = mutant_limits(paper_of(tmp_path, header), solution)
    assert limits.cell_seconds == allowed
    assert limits.test_seconds == 10.0


def test_students_limits_hold_for_plain_cells(tmp_path):
    assert paper_of(tmp_path, LIMITS.format(7)).submission("s").limits.cell_seconds == 7


ENDLESS = """# Loop

```python
def halvings(n):
    #!TAG HWBEGIN
    count = 0
    while n > 1:
        n = n // 2
        count = count + 1
    return count
    #!TAG HWEND
```

```python
#!TAG SKIPQUESTEXEC
k = halvings(8)
```

```python
#!TAG TEST halvings points=1
#!TAG SKIPQUESTEXEC
### BEGIN HIDDEN TESTS
assert k == 3
### END HIDDEN TESTS
```
"""


def test_a_mutant_whose_plain_cell_never_ends_is_killed_by_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("deltarule.grading.runner.GRACE_SECONDS", 0.2)
    paper = paper_of(tmp_path, ENDLESS)
    endless = [
        mutant
        for mutant in mutants_of(paper.notebook)
        if mutant.operator == "drop-statement"
        and "while" in mutant.text
        and "//" not in mutant.text
    ]
    assert endless
    trial = try_mutants(paper, endless, limits=Limits(0.3, 0.3, 5.0))
    assert [killer[:10] for killer in trial.killed.values()] == ["cell text-"] * len(endless)
