"""A binary cross-entropy that survives certain predictions."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from deltarule import judging


def plain(y, y_hat):
    return -(y * torch.log(y_hat) + (1 - y) * torch.log(1 - y_hat)).mean()


def clamped(eps):
    return lambda y, y_hat: plain(y, y_hat.clamp(eps, 1 - eps))


def squeezed(eps):
    return lambda y, y_hat: plain(y, eps + (1 - 2 * eps) * y_hat)


def added(eps):
    return lambda y, y_hat: (
        -(y * torch.log(y_hat + eps) + (1 - y) * torch.log(1 - y_hat + eps)).mean()
    )


def in_a_loop(eps):
    def student(y, y_hat):
        total = 0
        for label, p in zip(y, y_hat.clamp(eps, 1 - eps), strict=True):
            total = total - torch.log(p if label == 1 else 1 - p)
        return total / len(y)

    return student


RIGHT = {
    "clamped at 1e-3": clamped(1e-3),
    "clamped at 1e-7": clamped(1e-7),
    "squeezed by 1e-4": squeezed(1e-4),
    "squeezed by 1e-6": squeezed(1e-6),
    "1e-4 in the logarithm": added(1e-4),
    "1e-12 in the logarithm": added(1e-12),
    "a loop": in_a_loop(1e-6),
    "torch's own": lambda y, y_hat: functional.binary_cross_entropy(y_hat, y),
    "by logits": lambda y, y_hat: functional.binary_cross_entropy_with_logits(
        torch.logit(y_hat, 1e-6), y.to(y_hat.dtype)
    ),
    "one logarithm": lambda y, y_hat: (
        -torch.log(torch.where(y == 1, y_hat, 1 - y_hat) + 1e-6).mean()
    ),
    "float32 inside": lambda y, y_hat: clamped(1e-6)(y.float(), y_hat.float()),
    "float64 only": lambda y, y_hat: clamped(1e-9)(torch.eye(len(y)).double() @ y, y_hat),
}


@pytest.mark.parametrize("how", RIGHT)
def test_every_cure_is_accepted(judged, how):
    for _ in range(3):
        found = judged(judging.stable_bce, [RIGHT[how]])
        assert found.credit == 1.0, found.message


WRONG = {
    "the plain formula": (plain, 0.25, "certain-prediction-nan"),
    "branches": (
        lambda y, y_hat: torch.where(y == 1, -torch.log(y_hat), -torch.log(1 - y_hat)).mean(),
        0.5,
        "gradient-nan-from-where",
    ),
    "a repaired value": (
        lambda y, y_hat: torch.nan_to_num(plain(y, y_hat)),
        0.75,
        "gradient-nan-from-where",
    ),
    "an if": (in_a_loop(0.0), 0.5, "certain-prediction-infinite"),
    "too little for float32": (clamped(1e-8), 0.25, "clipping-lost-in-float32"),
    "too much": (clamped(0.01), 0.5, "clipped-too-far"),
    "much too much": (squeezed(0.1), 0.0, "clipped-too-far"),
    "a sum": (lambda y, y_hat: clamped(1e-6)(y, y_hat) * len(y), 0.5, "sum-for-mean"),
    "a minus": (lambda y, y_hat: -clamped(1e-6)(y, y_hat), 0.0, "loss-sign-flipped"),
    "base two": (
        lambda y, y_hat: clamped(1e-6)(y, y_hat) / math.log(2),
        0.5,
        "logarithm-to-base-two",
    ),
    "one class": (
        lambda y, y_hat: -(y * torch.log(y_hat.clamp(1e-6, 1))).mean(),
        0.0,
        "second-class-forgotten",
    ),
    "exchanged": (
        lambda y, y_hat: clamped(1e-6)(y_hat, y.to(y_hat.dtype)),
        0.5,
        "targets-and-predictions-exchanged",
    ),
    "another loss": (lambda y, y_hat: ((y - y_hat) ** 2).mean(), 0.0, None),
    "nothing": (lambda y, y_hat: (0 * y_hat).sum(), 0.0, None),
}


@pytest.mark.parametrize("how", WRONG)
def test_mistakes_lose_their_quarters_and_are_named(judged, how):
    student, credit, name = WRONG[how]
    found = judged(judging.stable_bce, [student])
    assert found.credit == credit, found.message
    assert (found.diagnosis or {}).get("name") == name


@pytest.mark.parametrize(
    ("student", "credit", "said"),
    [
        (lambda y, y_hat: clamped(1e-6)(y, y_hat).item(), 0.75, "autograd cannot follow"),
        (lambda y, y_hat: clamped(1e-6)(y, y_hat.detach()), 0.75, "autograd cannot follow"),
        (lambda y, y_hat: plain(y, y_hat.clamp_(1e-6, 1 - 1e-6)), 0.25, "changes its argument"),
        (lambda y, y_hat: -(y * torch.log(y_hat + 1e-6)), 0.0, "has shape (5,)"),
        (lambda y, y_hat: None, 0.0, "return"),
        (lambda y, y_hat: -1e300, 0.0, "-1e+300"),
        (lambda y, y_hat: "0", 0.0, "type str"),
        (lambda y, y_hat: np.float64(1) / 0, 0.0, "The loss is inf"),
        (lambda y, y_hat: 1 / 0, 0.0, "ZeroDivisionError"),
    ],
)
def test_odd_answers_get_a_clear_sentence(judged, student, credit, said):
    found = judged(judging.stable_bce, [student])
    assert found.credit == credit
    assert said.lower() in found.message.lower()


@pytest.mark.parametrize("seed", range(5))
def test_credit_does_not_depend_on_the_seed(judged, monkeypatch, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    for how in ("one class", "too much"):
        student, credit, name = WRONG[how]
        found = judged(judging.stable_bce, [student])
        assert (found.credit, found.diagnosis["name"]) == (credit, name)


def test_nothing_is_named_where_that_is_switched_off(judged, monkeypatch):
    monkeypatch.setenv("DELTARULE_DIAGNOSE", "0")
    assert judged(judging.stable_bce, [plain]).diagnosis is None
