"""Each operator makes the mistake that its name says, and nothing else in the text changes."""

import ast

import pytest

from deltarule.authoring import parse
from deltarule.proving.bank import IDENTITY, bank_mutants
from deltarule.proving.mutants import mutants_of


def notebook_of(tmp_path, body, before="", signature="a, b, c=0"):
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    path = tmp_path / "toy.md"
    path.write_text(
        f"# Toy\n\n```python\n{before}def f({signature}):\n    #!TAG HWBEGIN\n{indented}\n"
        "    #!TAG HWEND\n```\n",
        encoding="utf-8",
    )
    return parse(path)[0]


def made(tmp_path, body, operator, **settings):
    """The bodies that one operator makes, without indentation."""
    found = [
        m for m in mutants_of(notebook_of(tmp_path, body, **settings)) if m.operator == operator
    ]
    return {
        "\n".join(row[4:] for row in m.text.split("\n")[-body.count("\n") - 1 :]) for m in found
    }


@pytest.mark.parametrize(
    ("body", "operator", "expected"),
    [
        ("return a - b", "flip-operator", "return a + b"),
        ("return a @ b", "swap-operands", "return b @ a"),
        ("return a * b", "drop-operand", "return a"),
        ("return a.T @ b", "drop-transpose", "return a @ b"),
        ("return a.mT", "drop-transpose", "return a"),
        ("return a.transpose(0, 1)", "drop-transpose", "return a"),
        ("return -a", "drop-sign", "return a"),
        ("return a * b", "wrong-factor", "return -(a * b)"),
        ("return a * b", "wrong-factor", "return 2 * (a * b)"),
        ("return not a", "negate-condition", "return a"),
        ("return a.sum(dim=0)", "change-constant", "return a.sum(dim=1)"),
        ("return a + 1", "change-constant", "return a + 0"),
        ("return a + 1", "change-constant", "return a + 2"),
        ("return a * 0.5", "change-constant", "return a * -0.5"),
        ("return a.mean()", "change-function", "return a.sum()"),
        ("return sum(a)", "change-function", "return sum(a)"),
        ("return f(a, b)", "swap-arguments", "return f(b, a)"),
        ("return a, b", "swap-arguments", "return b, a"),
        ("return a.sum(dim=0)", "drop-argument", "return a.sum()"),
        ("return a[b]", "off-by-one", "return a[b + 1]"),
        ("return a[b]", "off-by-one", "return a[b - 1]"),
        ("return a[b:]", "off-by-one", "return a[:]"),
        ("return range(a)", "off-by-one", "return range(a - 1)"),
        ("return reversed(a)", "change-order", "return a"),
        ("return a.squeeze(-1)", "drop-call", "return a"),
        ("return a + b", "other-name", "return a + a"),
        ("return a < b", "flip-comparison", "return a <= b"),
        ("return a and b", "flip-comparison", "return a or b"),
    ],
)
def test_expressions(tmp_path, body, operator, expected):
    bodies = made(tmp_path, body, operator)
    if expected == body:
        assert bodies == set()
    else:
        assert expected in bodies


@pytest.mark.parametrize(
    ("body", "operator", "expected"),
    [
        ("a = 1\nb = 2", "drop-statement", "b = 2"),
        ("a = 1", "drop-statement", "    pass"),
        ("a = f(b)\nb = a", "swap-statements", "b = a\n    a = f(b)"),
        ("a -= b", "flip-assignment", "a += b"),
        ("a -= b", "flip-assignment", "a = b"),
        ("for i in a:\n    f(i)", "first-round-only", "for i in a:\n        f(i)\n        break"),
        ("for i in a:\n    f(i)", "skip-first-round", "for i in list(a)[1:]:\n        f(i)"),
        ("for i in a:\n    f(i)", "skip-last-round", "for i in list(a)[:-1]:\n        f(i)"),
        ("if a:\n    f(b)", "negate-condition", "if not (a):\n        f(b)"),
        ("if a:\n    f(b)", "ignore-condition", "if True:\n        f(b)"),
        ("d = a\nreturn f(d)", "return-earlier", "return b"),
    ],
)
def test_statements(tmp_path, body, operator, expected):
    texts = [m.text for m in mutants_of(notebook_of(tmp_path, body)) if m.operator == operator]
    assert any(text.endswith(expected) for text in texts), texts


def test_siblings_come_from_the_classes_of_the_notebook(tmp_path):
    before = (
        "class Layer:\n    def __init__(self):\n        self.z_in = 1\n        self.z_out = 2\n"
        "    def get_weight(self): return 1\n    def get_bias(self): return 2\n"
        "    def set_weight(self, w): pass\n\n"
    )
    body = "return a.z_in + a.get_weight()"
    bodies = made(tmp_path, body, "other-attribute", before=before)
    assert bodies == {"return a.z_out + a.get_weight()", "return a.z_in + a.get_bias()"}


def test_only_homework_is_changed_and_the_rest_of_the_text_stays(tmp_path):
    notebook = notebook_of(tmp_path, "σ = a  # σ is meant\nreturn σ *  b  # two blanks")
    mutants = mutants_of(notebook)
    flipped = next(m for m in mutants if m.operator == "flip-operator")
    assert flipped.diff == "-    return σ *  b  # two blanks\n+    return σ / b  # two blanks"
    assert flipped.line == 7
    assert {m.task for m in mutants} == {"f"}
    assert all(m.text.startswith("def f(a, b, c=0):\n") for m in mutants)


def test_every_mutant_is_python_and_there_once(tmp_path):
    mutants = mutants_of(notebook_of(tmp_path, "for i in range(1, a):\n    b -= i * c\nreturn b"))
    trees = [ast.dump(ast.parse(m.text)) for m in mutants]
    assert len(set(trees)) == len(trees) > 30
    assert ast.dump(ast.parse(mutants[0].original)) not in trees
    assert len({m.id for m in mutants}) == len(mutants)


def test_ids_survive_an_edit_elsewhere(tmp_path):
    body = "d = a - b\nreturn d"
    one = {m.id for m in mutants_of(notebook_of(tmp_path, body))}
    other = {m.id for m in mutants_of(notebook_of(tmp_path, body, before="x = 1\n\n\n"))}
    assert one == other
    more = {m.id for m in mutants_of(notebook_of(tmp_path, f"e = c\n{body}"))}
    assert {key for key in one if "flip-operator" in key} <= more


def test_two_equal_statements_have_two_ids(tmp_path):
    mutants = mutants_of(notebook_of(tmp_path, "f(a)\nf(a)\nreturn b"))
    dropped = [m.id for m in mutants if m.operator == "drop-statement"]
    assert len(set(dropped)) == len(dropped)


def test_the_bank_takes_the_place_of_lab_4s_backward(course_root):
    notebook, _ = parse(course_root / "source" / "lab04" / "lab04.md")
    mutants = bank_mutants(notebook)
    assert mutants[0].misconception == IDENTITY
    assert len({m.misconception for m in mutants}) > 25
    assert {m.task for m in mutants} == {"NeuralNetwork.backward"}
    assert all(m.text.startswith(m.original) for m in mutants)


def test_a_notebook_without_a_network_has_no_bank(tmp_path):
    assert bank_mutants(notebook_of(tmp_path, "return a")) == []


def test_lab_4_has_hundreds(course_root):
    notebook, _ = parse(course_root / "source" / "lab04" / "lab04.md")
    mutants = mutants_of(notebook)
    assert len(mutants) > 400
    assert len({m.id for m in mutants}) == len(mutants)
    assert len({m.task for m in mutants}) == 7
