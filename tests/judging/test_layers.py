"""One layer: weights, biases and activation function."""

import random

import numpy as np
import pytest
import torch

from deltarule import judging
from deltarule.judging import function_bank as bank


def he(fan_in, _):
    return (2 / fan_in) ** 0.5


def relu(x):
    return torch.clamp(x, min=0)


def judge(judged, student, activation=relu):
    return judged(judging.layer, [student, activation], std=he)


def weights(d0, d1):
    return torch.randn(d0, d1).double() * (2 / d0) ** 0.5


def zeros(d1):
    return torch.zeros(d1, dtype=torch.float64)


def layer(w=weights, b=zeros, h=lambda activation: activation):
    return lambda d0, d1, activation: (w(d0, d1), b(d1), h(activation))


def by_kaiming(d0, d1, activation):
    w = torch.nn.init.kaiming_normal_(torch.empty(d1, d0), nonlinearity="relu")
    return [w.T.clone(), torch.zeros(d1), activation]


def by_numpy(d0, d1, activation):
    return torch.tensor(np.random.normal(0, (2 / d0) ** 0.5, (d0, d1))), zeros(d1), activation


def by_python(d0, d1, activation):
    rows = [[random.gauss(0, (2 / d0) ** 0.5) for _ in range(d1)] for _ in range(d0)]
    return torch.tensor(rows), torch.zeros(d1), activation


def as_parameters(d0, d1, activation):
    w, b = torch.nn.Parameter(weights(d0, d1)), torch.nn.Parameter(zeros(d1))
    return w, b, lambda x: activation(x)


@pytest.mark.parametrize("student", [layer(), by_kaiming, by_numpy, by_python, as_parameters])
def test_the_same_layer_written_differently_is_accepted(judged, student):
    found = judge(judged, student)
    assert found.credit == 1.0, found.message


@pytest.mark.parametrize("one", bank.INITIALISERS, ids=lambda one: one.name)
def test_a_wrong_spread_costs_two_thirds_and_is_named(judged, one):
    found = judge(judged, layer(lambda d0, d1: torch.randn(d0, d1).double() * one.std(d0, d1)))
    assert found.credit == pytest.approx(1 / 3)
    assert found.diagnosis["name"] == one.name
    assert "Biases and activation are right." in found.message


@pytest.mark.parametrize(
    ("student", "credit", "said"),
    [
        (layer(lambda d0, d1: weights(d1, d0)), 1 / 3, "The weights have shape"),
        (layer(lambda d0, d1: 1.0), 1 / 3, "The weights should be a tensor"),
        (layer(b=lambda d1: torch.randn(d1).double()), 2 / 3, "The biases should be zero"),
        (layer(b=lambda d1: zeros(d1)[None]), 2 / 3, "The biases have shape (1, "),
        (layer(b=lambda d1: torch.zeros(d1)), 2 / 3, "use one for both"),
        (layer(b=lambda d1: torch.zeros(d1, dtype=int)), 2 / 3, "element type int64"),
        (layer(b=lambda d1: [0.0] * d1), 2 / 3, "The biases should be a tensor"),
        (layer(h=lambda _: torch.sigmoid), 2 / 3, "another one than the activation"),
        (layer(h=lambda _: relu), 2 / 3, "another one than the activation"),
        (layer(h=lambda activation: activation(torch.ones(2))), 2 / 3, "not the activation"),
        (layer(h=lambda _: None), 2 / 3, "not the activation"),
        (lambda d0, d1, activation: (weights(d0, d1), zeros(d1)), 0, "three things"),
        (lambda d0, d1, activation: {"w": 1}, 0, "three things"),
        (lambda d0, d1, activation: None, 0, "`return`"),
        (lambda d0, d1: None, 0, "TypeError"),
    ],
)
def test_mistakes_lose_their_part(judged, student, credit, said):
    found = judge(judged, student)
    assert found.credit == pytest.approx(credit)
    assert said in found.message


def test_an_activation_function_that_fails_costs_nothing_here(judged):
    assert judge(judged, layer(), lambda x: 1 / 0).credit == 1.0
    assert judge(judged, layer(h=lambda _: None), lambda x: 1 / 0).credit == pytest.approx(2 / 3)
