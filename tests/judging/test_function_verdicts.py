"""Verdicts on functions of tensors."""

import numpy as np
import pytest
import torch

from deltarule import judging


def outer(z_prev, delta):
    return torch.outer(z_prev, delta), delta


def reference(z_prev, delta):
    return np.outer(z_prev, delta), delta


@pytest.fixture
def judge(judged):
    def call(student):
        return judged(judging.function, [student], reference, z_prev="n", delta="m")

    return call


@pytest.mark.parametrize(
    "student",
    [
        outer,
        lambda z_prev, delta: (z_prev[:, None] * delta[None, :], delta.clone()),
        lambda z_prev, delta: [torch.einsum("i,j->ij", z_prev, delta), delta],
        lambda delta, z_prev: (z_prev.unsqueeze(1) @ delta.unsqueeze(0), delta + 0),
        lambda z_prev, delta: (np.outer(z_prev.numpy(), delta.numpy()), delta.tolist()),
    ],
)
def test_the_same_mathematics_written_differently_is_accepted(judge, student):
    for _ in range(5):
        found = judge(student)
        assert found.credit == 1.0, found.message


@pytest.mark.parametrize(
    ("student", "credit", "said"),
    [
        (lambda z_prev, delta: (torch.outer(delta, z_prev), delta), 0.5, "rows and columns"),
        (lambda z_prev, delta: (torch.outer(z_prev, delta), 2 * delta), 0.5, "expected"),
        (lambda z_prev, delta: torch.outer(z_prev, delta), 0.0, "should return 2 tensors"),
        (lambda z_prev, delta: None, 0.0, "should return 2 tensors"),
        (lambda z_prev, delta: (torch.outer(z_prev.mul_(2), delta) / 2, delta), 0.0, "changes its"),
        (lambda z_prev, delta: 1 / 0, 0.0, "ZeroDivisionError"),
    ],
)
def test_mistakes_lose_their_part_and_are_named(judge, student, credit, said):
    found = judge(student)
    assert found.credit == credit
    assert said in found.message


def test_arguments_go_by_keyword(judge):
    def student(*, z_prev, delta):
        return outer(z_prev, delta)

    assert judge(student).credit == 1.0


def test_a_function_that_works_in_one_precision_only_is_found_out(judge):
    def student(z_prev, delta):
        return torch.outer(z_prev, delta) * (1.1 if z_prev.dtype == torch.float64 else 1.0), delta

    found = judge(student)
    assert found.credit == 0.5
    assert "float64" in found.message
