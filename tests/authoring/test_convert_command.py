"""``deltarule convert``: one source from anywhere, on the command line."""

import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from deltarule.authoring.syntax import compiles
from deltarule.cli import main

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
LAB = """\
Question
#!TAG HWBEGIN
Answer
#!TAG HWEND

```python pycharm={"name": "#%%\\n"}
def f(x):
    #!TAG HWBEGIN
    #!MSG Twice.
    return 2 * x
    #!TAG HWEND
```

```python
#!TAG SKIPQUESTEXEC
print(f(21))
```

```python
print("given")
```
"""


def convert(*arguments):
    return CliRunner().invoke(main, ["convert", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "lab 4 (draft).v2.txt"
    path.write_text(LAB, encoding="utf-8")
    return path


def read(path):
    return nbformat.read(path, as_version=4)


def test_a_source_with_any_file_name_is_converted(lab, tmp_path):
    done = convert(lab, "--student", tmp_path / "s.ipynb", "--solution", tmp_path / "t.ipynb")
    assert done.exit_code == 0
    student, solution = read(tmp_path / "s.ipynb"), read(tmp_path / "t.ipynb")
    assert [cell.source for cell in solution.cells][:3] == [
        "Question",
        "Answer",
        "def f(x):\n    return 2 * x",
    ]
    assert student.cells[1].source == "*Your answer here.*"
    assert student.cells[2].source.startswith("def f(x):\n    # Twice.\n    raise ")


def test_one_version_alone_can_be_asked_for(lab, tmp_path):
    assert convert(lab, "--solution", tmp_path / "t.ipynb").exit_code == 0
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["t.ipynb"]


def test_untidiness_is_a_warning_with_its_place(lab, tmp_path):
    done = convert(lab, "--student", tmp_path / "s.ipynb")
    assert f"warning: {lab}:2: this homework has no name" in done.stderr


def test_nothing_private_is_written(lab, tmp_path):
    convert(lab, "--student", tmp_path / "s.ipynb", "--solution", tmp_path / "t.ipynb")
    for path in tmp_path.glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        nbformat.validate(read(path))
        assert not [word for word in ("deltarule", "jupytext", "pycharm", "#!TAG") if word in text]


def test_the_outcome_is_written_as_json(lab, tmp_path):
    convert(lab, "--student", tmp_path / "s.ipynb", "--json", tmp_path / "out.json")
    outcome = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert outcome["written"] == {"s.ipynb": 5}
    assert len(outcome["warnings"]) == 1


def test_asking_for_nothing_is_wrong_usage(lab):
    done = convert(lab)
    assert done.exit_code == 2
    assert "--student OUT.ipynb" in done.stderr


def test_a_broken_source_writes_nothing_and_ends_with_2(lab, tmp_path):
    lab.write_text(f"{LAB}#!TAG HWBEGIN\n", encoding="utf-8")
    last = LAB.count("\n") + 1
    done = convert(lab, "--student", tmp_path / "s.ipynb")
    assert done.exit_code == 2
    assert f"{lab}:{last}: this homework region never ends" in done.stderr
    assert not (tmp_path / "s.ipynb").exists()


@pytest.mark.slow
def test_skipped_cells_are_run_in_the_solution_only(lab, tmp_path):
    done = convert(
        lab, "--student", tmp_path / "s.ipynb", "--solution", tmp_path / "t.ipynb", "--execute"
    )
    assert done.exit_code == 0, done.output
    outputs = {
        name: [
            "".join(output.get("text", "") for output in cell.outputs)
            for cell in read(tmp_path / name).cells
            if cell.cell_type == "code"
        ]
        for name in ("s.ipynb", "t.ipynb")
    }
    assert outputs == {"s.ipynb": ["", "", "given\n"], "t.ipynb": ["", "42\n", "given\n"]}
    skipped = read(tmp_path / "s.ipynb").cells[3]
    assert skipped.source == "print(f(21))"


@pytest.mark.slow
def test_a_cell_that_fails_ends_with_3_and_no_kernel_is_left(lab, tmp_path):
    lab.write_text("```python\nraise ValueError('by the author')\n```\n", encoding="utf-8")
    before = set(children())
    done = convert(lab, "--solution", tmp_path / "t.ipynb", "--execute")
    assert done.exit_code == 3
    assert "ValueError: by the author" in done.stderr
    assert not (tmp_path / "t.ipynb").exists()
    assert set(children()) <= before


def children():
    """The processes that this one has started and that have not ended."""
    import psutil

    return [child.pid for child in psutil.Process().children(recursive=True)]


@pytest.fixture
def seed():
    found = sorted(SEEDS.glob("001_*.txt"))
    if not found:
        pytest.skip(f"the seeds stand beside the repository, and {SEEDS} is not there")
    return found[0]


def test_the_seeds_messages_stand_at_their_places_and_every_cell_parses(seed, tmp_path):
    assert convert(seed, "--student", tmp_path / "s.ipynb").exit_code == 0
    code = [cell.source for cell in read(tmp_path / "s.ipynb").cells if cell.cell_type == "code"]
    assert len(code) > 5
    assert all(compiles(text) for text in code)
    source = seed.read_text(encoding="utf-8").split("\n")
    messages = [line for line in source if line.strip().startswith("#!MSG ")]
    rows = [row for text in code for row in text.split("\n")]
    assert len(messages) == 9
    for message in messages:
        assert rows.count(message.replace("#!MSG ", "# ").rstrip()) == 1


def test_the_seeds_solution_is_the_seed_without_tags(seed, tmp_path):
    assert convert(seed, "--solution", tmp_path / "t.ipynb").exit_code == 0
    lines = seed.read_text(encoding="utf-8").split("\n")
    rows = {row for cell in read(tmp_path / "t.ipynb").cells for row in cell.source.split("\n")}
    tagged = ("#!TAG", "#!MSG", "```", "<!-- #", "---")
    body = lines[lines.index("---", 1) + 1 :]
    assert {line for line in body if line.strip() and not line.strip().startswith(tagged)} <= rows
