"""Functions of plain data."""

import math

import numpy as np
import pytest
import torch

from deltarule import judging
from deltarule.errors import JudgingError


def positions(size, kernel, stride):
    return (size - kernel) // stride + 1


def draw(rng):
    return int(rng.integers(5, 30)), int(rng.integers(1, 5)), int(rng.integers(1, 4))


def one_too_few(reference):
    return lambda *arguments: reference(*arguments) - 1


FORGOTTEN = judging.FunctionMisconception(
    "first-position-forgotten", "The first position is not counted.", "Count them.", one_too_few
)


@pytest.mark.parametrize(
    "student",
    [
        positions,
        lambda size, kernel, stride: int((size - kernel) / stride) + 1,
        lambda size, kernel, stride: math.floor((size - kernel) / stride + 1.0),
        lambda *given: float(positions(*given)),
        lambda *given: np.int64(positions(*given)),
        lambda *given: torch.tensor(positions(*given)),
        lambda size, kernel, stride: len(range(0, size - kernel + 1, stride)),
    ],
)
def test_the_same_number_of_any_type_is_accepted(judged, student):
    assert judged(judging.exact, [student], positions, draw).credit == 1.0


@pytest.mark.parametrize(
    ("student", "said"),
    [
        (lambda size, kernel, stride: (size - kernel) / stride + 1, "the function returns"),
        (lambda *given: str(positions(*given)), "returns '"),
        (lambda *given: [positions(*given)], "returns ["),
        (lambda *given: True, "returns True, expected"),
        (lambda *given: None, "a `return` may be missing"),
        (lambda *given: object(), "an object of type object"),
        (lambda *given: torch.nan, "returns nan"),
        (lambda size: size, "TypeError"),
        (lambda *given: "x" * 5000, "…"),
    ],
)
def test_anything_else_is_shown_with_the_call(judged, student, said):
    found = judged(judging.exact, [student], positions, draw)
    assert found.credit == 0.0
    assert said in found.message
    assert found.message.startswith("For the arguments (")
    assert len(found.message) < 400


def test_a_mistake_is_named(judged):
    student = lambda size, kernel, stride: (size - kernel) // stride  # noqa: E731
    found = judged(judging.exact, [student], positions, draw, mistakes=[FORGOTTEN])
    assert found.credit == 0.0
    assert found.diagnosis["name"] == "first-position-forgotten"
    other = judged(judging.exact, [lambda *_: 0], positions, draw, mistakes=[FORGOTTEN])
    assert other.diagnosis is None


def test_lists_tuples_and_sizes_are_equal_if_their_items_are(judged):
    def shapes(size, kernel, stride):
        return [(size, kernel), {"stride": stride, "wide": size > 9}]

    def student(size, kernel, stride):
        return torch.zeros(size, kernel).shape, {"wide": size > 9, "stride": float(stride)}

    assert judged(judging.exact, [student], shapes, draw).credit == 1.0
    ones = lambda *given: [shapes(*given)[0], {**shapes(*given)[1], "wide": 1}]  # noqa: E731
    assert judged(judging.exact, [ones], shapes, draw).credit == 0.0


def test_of_a_list_the_first_item_that_differs_is_shown(judged):
    shapes = lambda size, kernel, stride: [(1, size), (5, size + 2), (7,)]  # noqa: E731
    fixed = lambda rng: (16, 3, 1)  # noqa: E731
    student = lambda size, *_: [(1, size), (5, size), (8,)]  # noqa: E731
    found = judged(judging.exact, [student], shapes, fixed)
    assert "(16, 3, 1) item 1 is [5, 16], expected [5, 18] (items" in found.message
    short = judged(judging.exact, [lambda size, *_: [(1, size)]], shapes, fixed)
    assert "the function returns [[1, 16]], expected [[1, 16], [5, 18], [7]]" in short.message


SHAPES = {"conv": (8, 8), "pool": (4, 4), "flatten": (16,), "linear": (10,)}


@pytest.mark.parametrize(
    ("changes", "credit", "said"),
    [
        ({}, 1.0, "Right"),
        ({"input": "not asked for"}, 1.0, "Right"),
        ({"pool": (8, 8)}, 0.75, "`pool` is [8, 8], expected [4, 4]. Always right: conv, flatten"),
        ({"pool": 4, "linear": None}, 0.5, "[4, 4]; `linear` is None"),
    ],
)
def test_each_name_of_a_dict_can_earn_its_share(judged, changes, credit, said):
    student = lambda *_: {**SHAPES, **changes}  # noqa: E731
    found = judged(judging.exact, [student], lambda *_: SHAPES, draw, by_name=True)
    assert found.credit == credit
    assert said in found.message


@pytest.mark.parametrize(
    ("student", "credit", "said"),
    [
        (lambda *_: {"conv": (8, 8)}, 0.25, "`pool` is missing, expected [4, 4]"),
        (lambda *_: list(SHAPES), 0.0, "the function returns ["),
        (lambda *_: {}["conv"], 0.0, "KeyError"),
    ],
)
def test_a_name_that_is_missing_earns_nothing(judged, student, credit, said):
    found = judged(judging.exact, [student], lambda *_: SHAPES, draw, by_name=True)
    assert found.credit == credit
    assert said in found.message


def test_shares_by_name_need_a_reference_with_names():
    with pytest.raises(JudgingError, match="returns a dict"):
        judging.exact(positions, positions, draw, by_name=True)


def test_numbers_that_are_not_whole_may_be_rounded(judged):
    share = lambda size, kernel, stride: size / (kernel * stride)  # noqa: E731
    student = lambda size, kernel, stride: size * (1 / kernel) * (1 / stride)  # noqa: E731
    assert judged(judging.exact, [student], share, draw).credit == 1.0


def test_a_function_that_changes_its_list_does_not_change_the_next_call(judged):
    student = lambda items, more: items.append(more) or sum(items)  # noqa: E731
    reference = lambda items, more: sum(items) + more  # noqa: E731
    lists = lambda rng: ([1, 2], rng.integers(0, 9))  # noqa: E731
    assert judged(judging.exact, [student], reference, lists).credit == 1.0


@pytest.mark.parametrize(
    ("reference", "arguments", "said"),
    [
        (positions, [5, 2, 1], "a tuple"),
        (lambda *_: object(), (5, 2, 1), "no plain data"),
        (lambda *_: float("nan"), (5, 2, 1), "no plain data"),
    ],
)
def test_what_is_no_plain_data_is_the_authors_error(reference, arguments, said):
    with pytest.raises(JudgingError, match=said):
        judging.exact(positions, reference, lambda rng: arguments)
