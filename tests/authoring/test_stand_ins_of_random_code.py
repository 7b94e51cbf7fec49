"""Random functions with random homework: students' cells parse and give nothing away."""

import ast
import textwrap

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltarule.authoring import Cell, Role
from deltarule.authoring.cells import Given, Homework
from deltarule.authoring.names import name_tasks
from deltarule.authoring.source import Line
from deltarule.authoring.stubs import student_text
from deltarule.authoring.syntax import compiles

STEP = "    "
repeatable = settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
numbers = st.integers(100, 999)
simple = st.one_of(
    numbers.map(lambda n: [f"x_{n} = {n}"]),
    numbers.map(lambda n: [f"values[{n}] = [", f"    {n},", f"  {n + 1},", "]"]),
    numbers.map(lambda n: [f'text_{n} = """', f"at the margin {n}", '"""']),
    numbers.map(lambda n: [f"result_{n} = call({n},", f"{STEP}key={n})"]),
    numbers.map(lambda n: [f"total_{n} = {n} + \\", f"{STEP}{n + 1}"]),
    numbers.map(lambda n: [f"# a comment {n}", f"y_{n} = {n}  # and another"]),
    numbers.map(lambda n: [f"!ls folder_{n}"]),
    numbers.map(lambda n: [f"return {n}"]),
    numbers.map(lambda n: [f"yield {n}"]),
    numbers.map(lambda n: [f"assert value_{n}"]),
)


def indented(blocks):
    return [f"{STEP}{line}" for block in blocks for line in block]


def compound(blocks):
    body = st.lists(blocks, min_size=1, max_size=3).map(indented)
    other = st.one_of(st.just([]), body.map(lambda lines: ["else:", *lines]))
    return st.one_of(
        st.tuples(numbers, body, other).map(lambda t: [f"if flag_{t[0]}:", *t[1], *t[2]]),
        st.tuples(numbers, body, other).map(lambda t: [f"for i_{t[0]} in x:", *t[1], *t[2]]),
        st.tuples(numbers, body).map(lambda t: [f"with lock_{t[0]}:", *t[1]]),
        st.tuples(numbers, body).map(lambda t: [f"def inner_{t[0]}(a):", *t[1]]),
        st.tuples(body, body).map(lambda t: ["try:", *t[0], "except ValueError:", *t[1]]),
        st.tuples(body, body).map(lambda t: ["try:", *t[0], "finally:", *t[1]]),
        st.tuples(numbers, body, body).map(
            lambda t: [
                f"match value_{t[0]}:",
                f"{STEP}case {t[0]}:",
                *(STEP + line for line in t[1]),
                f"{STEP}case _:",
                *(STEP + line for line in t[2]),
            ]
        ),
    )


blocks = st.recursive(simple, compound, max_leaves=8)
functions = st.lists(blocks, min_size=1, max_size=5).map(
    lambda found: "\n".join(["def task(x):", *indented(found)])
)


def bodies(tree):
    """Every list of statements in a tree."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            found = getattr(node, field, None)
            if isinstance(found, list) and found and isinstance(found[0], ast.stmt):
                yield found


def python_of(text):
    """The text with shell lines as names, so that ``ast`` gives rows and nothing moves."""
    return text.replace("!ls ", "ls__")


@st.composite
def homework(draw):
    """A function's lines, and first and last row (from 0) of whole statements in it."""
    text = draw(functions)
    found = list(bodies(ast.parse(python_of(text))))
    body = found[draw(st.integers(0, len(found) - 1))]
    first = draw(st.integers(0, len(body) - 1))
    last = draw(st.integers(first, len(body) - 1))
    return text.split("\n"), body[first].lineno - 1, body[last].end_lineno - 1


def cell_of(lines, regions):
    """A solution cell with the rows of each region as homework."""
    parts, at = [], 0
    numbered = [Line(number, line) for number, line in enumerate(lines, 1)]
    for first, last in regions:
        parts.append(Given(tuple(numbered[at:first])))
        removed = tuple(numbered[first : last + 1])
        parts.append(Homework(removed, ("Your turn.",), line=first + 1))
        at = last + 1
    parts.append(Given(tuple(numbered[at:])))
    return name_tasks(Cell("code", Role.SOLUTION, tuple(parts), 1, "solution-task"))


def leftovers(lines, regions, text):
    removed = {at for first, last in regions for at in range(first, last + 1)}
    kept = {line.strip() for at, line in enumerate(lines) if at not in removed}
    telling = {lines[at].strip() for at in removed if any(map(str.isalnum, lines[at]))}
    # A heading that has no words of its own says nothing about what was inside.
    return (telling - kept - {"else:", "try:", "finally:"}) & {
        row.strip() for row in text.split("\n")
    }


@repeatable
@given(homework())
def test_any_range_of_whole_statements_can_be_homework(drawn):
    lines, first, last = drawn
    text = student_text(cell_of(lines, [(first, last)]))
    assert compiles(text)
    assert "raise NotImplementedError" in text
    assert not leftovers(lines, [(first, last)], text)


@repeatable
@given(homework(), homework())
def test_any_two_ranges_of_a_cell_can_be_homework(one, other):
    lines = [*one[0], "", *other[0]]
    shift = len(one[0]) + 1
    regions = [one[1:], (other[1] + shift, other[2] + shift)]
    text = student_text(cell_of(lines, regions))
    assert compiles(text)
    assert text.count("raise NotImplementedError") == 2
    assert not leftovers(lines, regions, text)


@repeatable
@given(homework())
def test_the_solution_is_what_the_author_wrote(drawn):
    lines, first, last = drawn
    assert cell_of(lines, [(first, last)]).solution == "\n".join(lines)


@repeatable
@given(homework())
def test_a_heading_without_its_block_can_be_homework(drawn):
    lines = drawn[0]
    tree = ast.parse(python_of("\n".join(lines)))
    headings = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.For | ast.If | ast.With | ast.FunctionDef)
        and node.lineno != 1
        and not lines[node.lineno - 1].strip().startswith(("elif", "else"))
    ]
    for node in headings:
        row = node.lineno - 1
        text = student_text(cell_of(lines, [(row, row)]))
        assert compiles(text), textwrap.indent(text, "    ")
        assert not leftovers(lines, [(row, row)], text)
