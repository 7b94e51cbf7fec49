"""Verdicts on functions of tensors."""

import numpy as np
import pytest
import torch

from deltarule import judging


def outer(z_prev, delta):
    return torch.outer(z_prev, delta), delta


def reference(z_prev, delta):
    return np.outer(z_prev, delta), delta


def judge(student):
    return judging.function(student, reference, z_prev="n", delta="m")


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
def test_the_same_mathematics_written_differently_is_accepted(student):
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
def test_mistakes_lose_their_part_and_are_named(student, credit, said):
    found = judge(student)
    assert found.credit == credit
    assert said in found.message


def test_arguments_go_by_keyword_and_come_in_both_precisions():
    seen = []

    def student(*, z_prev, delta):
        seen.append(z_prev.dtype)
        return outer(z_prev, delta)

    assert judge(student).credit == 1.0
    assert set(seen) == {torch.float32, torch.float64}
