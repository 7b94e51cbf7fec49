"""Which submissions are called similar, and which are not."""

import pytest
from simulated_class import code_of, notebooks

from deltarule.reporting.class_report import similar
from deltarule.reporting.class_report.similar import similar_groups

STUB = """def area(points):
    # your code
    raise NotImplementedError
"""
LONG = """def area(points):
    total = 0.0
    for at, (x, y) in enumerate(points):
        after = points[(at + 1) % len(points)]
        total += x * after[1] - after[0] * y
    half = abs(total) / 2
    return round(half, 12) if half > 1e-12 else 0.0
"""
OTHER = """def area(points):
    xs, ys = zip(*points)
    shifted = list(zip(xs[1:] + xs[:1], ys[1:] + ys[:1]))
    return abs(sum(a * d - b * c for (a, b), (c, d) in zip(points, shifted))) / 2
"""


def others(number):
    """So many honest people, each with a program of their own."""
    return {
        f"h{at}": [f"def area(points):\n    {'pass; ' * at}return sum(points) ** {at}.5\n" * 6]
        for at in range(number)
    }


def pairs(written, released=(STUB,)):
    return [group.students for group in similar_groups(written, released)]


def test_two_equal_programs_are_found():
    assert pairs({"a": [LONG], "b": [LONG], "c": [OTHER], **others(5)}) == [("a", "b")]


def test_renamed_variables_comments_and_blank_lines_hide_nothing():
    copy = LONG.replace("total", "s").replace("half", "h").replace("points", "corners")
    copy = copy.replace("\n    for", "\n\n    # by myself\n    for")
    assert pairs({"a": [LONG], "b": [copy], "c": [OTHER], **others(5)}) == [("a", "b")]


def test_two_ways_of_doing_it_are_two_ways():
    assert pairs({"a": [LONG], "b": [OTHER], **others(5)}) == []


def test_the_released_stub_is_no_evidence():
    assert pairs({name: [LONG] for name in "ab"} | others(5), released=[LONG]) == []


def test_what_many_have_is_common_and_no_evidence():
    honest = {f"s{at}": [LONG] for at in range(40)}
    assert pairs(honest) == []
    assert pairs({name: [LONG] for name in "abc"} | others(20)) == [("a", "b", "c")]
    assert pairs({**others(40), "a": [LONG], "b": [LONG]}) == [("a", "b")]


def test_a_short_answer_is_no_evidence():
    short = "def area(points):\n    return abs(shoelace(points)) / 2\n"
    assert pairs({"a": [short], "b": [short], **others(5)}) == []


def test_who_is_linked_over_another_is_in_one_group():
    first = LONG + OTHER + "".join(f"value_{at} = at[{at}] + {at}\n" for at in range(40))
    second = first + "print(left, right, up)\n" * 2
    third = second + "print([left], (right), up)\n" * 2
    groups = similar_groups({"a": [first], "b": [second], "c": [third], **others(10)}, [STUB])
    assert [group.students for group in groups] == [("a", "b", "c")]
    assert groups[0].overlap[0] < groups[0].overlap[1] <= 1.0


def test_shown_lines_are_those_of_the_first_and_not_what_was_given():
    (group,) = similar_groups({"a": [LONG], "b": [LONG], **others(5)}, [STUB])
    shown = [line.text for line in group.lines]
    assert "total += x * after[1] - after[0] * y" in shown
    assert "def area(points):" not in shown
    assert {line.others for line in group.lines} == {0}


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "\x00\ud800 def (",
        "'''",
        "%matplotlib inline\n!ls",
        "a\r\nb\rc\x0cd\u2028e",
        "\t\n" * 99,
    ],
)
def test_what_is_no_python_is_compared_too(odd):
    written = {"a": [odd, LONG], "b": [odd, LONG], **others(5)}
    assert pairs(written) == [("a", "b")]


def test_nobody_and_one_are_no_group():
    assert similar_groups({}, []) == ()
    assert similar_groups({"a": [LONG]}, [STUB]) == ()


def test_a_program_of_a_million_characters_takes_no_minutes(monkeypatch):
    monkeypatch.setattr(similar, "MOST_CHARACTERS", 2000)
    huge = "".join(f"x{at} = f(x{at - 1}, {at})\n" for at in range(40_000))
    assert pairs({"a": [huge], "b": [huge], **others(5)}) == [("a", "b")]


def test_blanks_without_an_end_reach_no_lexer(monkeypatch):
    seen = []
    read = similar._Reader._tokens
    monkeypatch.setattr(
        similar._Reader, "_tokens", lambda self, text: seen.append(text) or read(self, text)
    )
    blanks = LONG + "\n   " * 1_000
    assert pairs({"a": [blanks], "b": [blanks], **others(5)}) == [("a", "b")]
    assert not any(" \n   " in text for text in seen)


@pytest.mark.slow
def test_in_a_simulated_class_exactly_those_who_copied_are_found(everybody):
    given = [cell.source for cell in notebooks()[0]["lab04"].cells if cell.cell_type == "code"]
    groups = similar_groups({one.name: code_of(one) for one in everybody}, given)
    copied = {}
    for one in everybody:
        if one.copied is not None:
            copied.setdefault(one.copied, []).append(one.name)
    assert sorted(group.students for group in groups) == sorted(map(tuple, copied.values()))
