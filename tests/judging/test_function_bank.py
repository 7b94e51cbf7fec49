"""Misconceptions about the course's functions and initialisers."""

import math

import numpy as np
import pytest
import torch

from deltarule import judging
from deltarule.errors import JudgingError
from deltarule.judging import function_bank as bank

TOPICS = {
    "sigmoid": (bank.SIGMOID, lambda x: 1 / (1 + np.exp(-x)), {"x": "n"}, {}),
    "relu": (bank.RELU, lambda x: np.maximum(x, 0), {"x": "n m"}, {}),
    "bce": (
        bank.BCE,
        lambda y, y_hat: -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)),
        {"y": "n", "y_hat": "n"},
        {"y": "binary", "y_hat": "probability"},
    ),
    "decay": (
        bank.DECAY,
        lambda eta, d, t: eta * d**t,
        {"eta": "", "d": "", "t": ""},
        {"eta": "positive", "d": "probability", "t": "count"},
    ),
    "descent": (
        bank.DESCENT,
        lambda x, gradient, eta: x - eta * gradient,
        {"x": "n", "gradient": "n", "eta": ""},
        {"eta": "positive"},
    ),
    "standardise": (bank.STANDARDISE, lambda x: (x - x.mean(0)) / x.std(0), {"x": "zz m"}, {}),
    "unit": (
        bank.UNIT,
        lambda x, w, b: 1 / (1 + np.exp(-np.sum(x * w) - b)),
        {"x": "n", "w": "n", "b": ""},
        {},
    ),
    "threshold": (
        bank.THRESHOLD,
        lambda y_hat: (y_hat > 0.5).astype(float),
        {"y_hat": "n"},
        {"y_hat": "probability"},
    ),
}
ENTRIES = [(topic, one) for topic, (entries, *_) in TOPICS.items() for one in entries]


def in_torch(function):
    """A student's function that computes with NumPy inside, as float tensors outside."""

    def student(**tensors):
        arrays = {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}
        dtypes = [tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()]
        return torch.tensor(np.asarray(function(**arrays)), dtype=dtypes[0])

    return student


def judge(judged, topic, student):
    entries, reference, shapes, draw = TOPICS[topic]
    return judged(judging.function, [student], reference, draw=draw, mistakes=entries, **shapes)


def test_the_bank_covers_the_rest_of_the_course():
    names = [one.name for _, one in ENTRIES] + [one.name for one in bank.INITIALISERS]
    names += [one.name for one in bank.SIMPLE]
    assert len(names) >= 15
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_right_function_is_accepted(judged, topic):
    reference = TOPICS[topic][1]
    for _ in range(5):
        assert judge(judged, topic, in_torch(reference)).credit == 1.0


@pytest.mark.parametrize(("topic", "one"), ENTRIES, ids=lambda value: getattr(value, "name", value))
def test_each_wrong_function_is_rejected_and_named(judged, topic, one):
    found = judge(judged, topic, in_torch(one.wrong(TOPICS[topic][1])))
    assert found.credit == 0.0
    assert found.diagnosis is not None
    assert found.diagnosis["name"] == one.name


@pytest.mark.parametrize("one", bank.SIMPLE, ids=lambda one: one.name)
def test_simple_mistakes_fit_any_function(judged, one):
    reference = lambda a, b: np.outer(a, b)  # noqa: E731
    student = in_torch(one.wrong(reference))
    found = judged(judging.function, [student], reference, a="n", b="m")
    assert found.credit == 0.0
    assert found.diagnosis["name"] == one.name


def test_another_wrong_function_has_no_name(judged):
    found = judge(judged, "relu", in_torch(lambda x: np.maximum(x, 0.1 * x)))
    assert found.credit == 0.0
    assert found.diagnosis is None


def test_nothing_is_named_where_that_is_switched_off(judged, monkeypatch):
    monkeypatch.setenv("DELTARULE_DIAGNOSE", "0")
    found = judge(judged, "relu", in_torch(bank.RELU[0].wrong(TOPICS["relu"][1])))
    assert found.credit == 0.0
    assert found.diagnosis is None
    assert judged(judging.initialiser, [drawing(bank.INITIALISERS[0].std)], he).diagnosis is None


def test_a_misspelt_way_to_draw_is_the_authors_error():
    with pytest.raises(JudgingError, match="probability"):
        judging.function(abs, np.abs, draw={"x": "probabilty"}, x="n")


def he(fan_in, _):
    return math.sqrt(2 / fan_in)


def drawing(std):
    return lambda fan_in, fan_out: torch.randn(fan_in, fan_out) * std(fan_in, fan_out)


@pytest.mark.parametrize("seed", range(20))
def test_he_initialisation_is_accepted(judged, seed):
    torch.manual_seed(seed)
    assert judged(judging.initialiser, [drawing(he)], he).credit == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_uniform_glorot_initialisation_is_accepted(judged, seed):
    torch.manual_seed(seed)

    def student(fan_in, fan_out):
        bound = math.sqrt(6 / (fan_in + fan_out))
        return torch.empty(fan_in, fan_out).uniform_(-bound, bound)

    found = judged(
        judging.initialiser,
        [student],
        lambda a, b: math.sqrt(2 / (a + b)),
        distribution="uniform",
    )
    assert found.credit == 1.0


@pytest.mark.parametrize("one", bank.INITIALISERS, ids=lambda one: one.name)
def test_each_wrong_spread_is_rejected_and_named(judged, one):
    found = judged(judging.initialiser, [drawing(one.std)], he)
    assert found.credit == 0.0
    assert found.diagnosis["name"] == one.name


@pytest.mark.parametrize(
    ("student", "said"),
    [
        (lambda a, b: torch.randn(b, a) * he(a, b), "it should be"),
        (lambda a, b: torch.zeros(a, b), "same every time"),
        (lambda a, b: torch.randn(a, b) * he(a, b) + 0.1 * he(a, b), "the mean is about"),
        (lambda a, b: (torch.rand(a, b) - 0.5) * 12**0.5 * he(a, b), "normally distributed"),
        (lambda a, b: "weights", "should be a tensor"),
        (lambda a, b: torch.randn(a, b) * float("nan"), "finite"),
        (lambda a, b: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_other_wrong_initialisers_get_a_clear_sentence(judged, student, said):
    found = judged(judging.initialiser, [student], he)
    assert found.credit == 0.0
    assert said in found.message


def test_a_matrix_inside_what_is_returned_can_be_reached(judged):
    def make_layer(fan_in, fan_out, activation):
        return drawing(he)(fan_in, fan_out), torch.zeros(fan_out), activation

    found = judged(judging.initialiser, [make_layer], he, path="[0]", extra=("relu",))
    assert found.credit == 1.0


def test_the_bounds_promise_no_more_than_they_keep():
    """The stated false-alarm probability is what the single bounds add up to."""
    from deltarule.judging import initialisers

    level = math.log(2 * initialisers.BOUNDS * len(initialisers.SHAPES) / initialisers.FALSE_ALARM)
    each = 2 * math.exp(-level)
    total = each * initialisers.BOUNDS * len(initialisers.SHAPES)
    assert total <= initialisers.FALSE_ALARM * (1 + 1e-9)
    assert initialisers.FALSE_ALARM <= 1e-9
