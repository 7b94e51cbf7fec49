"""Verdicts on trained parameters: ``params = [(w, b, h), …]`` of the notebook."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from deltarule import judging
from deltarule.errors import JudgingError
from deltarule.exchange.subject import Reference


def sigmoid(z):
    return 1 / (1 + torch.exp(-z))


def relu(z):
    return torch.maximum(z, torch.zeros_like(z))


def network(x, params):
    z = x
    for w, b, h in params:
        z = h(z @ w + b)
    return z.squeeze(dim=-1)


def layers(*sizes, hidden=relu, last=sigmoid, dtype=torch.float64):
    generator = torch.Generator().manual_seed(sum(sizes))
    made = []
    for number, (d0, d1) in enumerate(pairwise(sizes)):
        w = torch.randn((d0, d1), generator=generator, dtype=dtype) * (2 / d0) ** 0.5
        h = last if number == len(sizes) - 2 else hidden
        made.append((w.requires_grad_(), torch.zeros(d1, dtype=dtype, requires_grad=True), h))
    return made


def data_for(params, share=1.0, samples=200):
    """Samples whose labels the network predicts rightly in this share."""
    x = torch.randn(samples, len(params[0][0]), generator=torch.Generator().manual_seed(1))
    x = x.to(params[0][0].dtype)
    with torch.no_grad():
        y = network(x, params) > 0.5
    wrong = round((1 - share) * samples)
    y[:wrong] = ~y[:wrong]
    return x, y.double()


TWO = {"sizes": (8, 6, 1), "activations": ("relu", "sigmoid"), "accuracy": 0.95}


def judge(judged, params, x, y, **asked):
    return judged(judging.trained_layers, [params], x=x, y=y, **asked)


@pytest.mark.parametrize(
    ("hidden", "last"),
    [
        (relu, sigmoid),
        (torch.relu, torch.sigmoid),
        (torch.nn.ReLU(), torch.nn.Sigmoid()),
        (lambda z: z.clamp(min=0), lambda z: torch.exp(z) / (1 + torch.exp(z))),
        (lambda z: z * (z > 0), lambda z: 0.5 * (1 + torch.tanh(z / 2))),
        (lambda z: torch.where(z > 0, z, 0), torch.special.expit),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_trained_network_is_accepted(judged, hidden, last, dtype):
    params = layers(8, 6, 1, hidden=hidden, last=last, dtype=dtype)
    found = judge(judged, params, *data_for(params, 0.96), **TWO)
    assert found.credit == 1.0, found.message
    assert "accuracy is 0.96" in found.message


def test_data_may_be_arrays_or_tensors_and_labels_a_column(judged):
    params = layers(8, 6, 1)
    x, y = data_for(params)
    for own_x, own_y in ((x.numpy(), y.numpy()), (x.float(), y[:, None]), (x, y.bool())):
        assert judge(judged, params, own_x, own_y, **TWO).credit == 1.0


def test_layers_may_be_lists_and_biases_rows(judged):
    params = layers(8, 6, 1)
    x, y = data_for(params)
    other = [[w.detach(), b.detach()[None], h] for w, b, h in params]
    assert judge(judged, tuple(other), x, y, **TWO).credit == 1.0


def test_an_accuracy_below_the_mark_is_told(judged):
    params = layers(8, 6, 1)
    found = judge(judged, params, *data_for(params, 0.945), **TWO)
    assert found.credit == 0.5
    assert "accuracy is 0.945, and 0.95 is asked for" in found.message
    assert "Always right: architecture" in found.message


def test_an_accuracy_at_the_mark_is_enough(judged):
    params = layers(8, 6, 1)
    assert judge(judged, params, *data_for(params, 0.95), **TWO).credit == 1.0


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (layers(8, 5, 1), "sizes 8-5-1; 8-6-1 is asked for"),
        (layers(8, 1), "sizes 8-1; 8-6-1"),
        (layers(8, 6, 3, 1), "sizes 8-6-3-1; 8-6-1"),
        (layers(8, 6, 1, hidden=torch.tanh), "layer 1 is tanh; relu is asked for"),
        (layers(8, 6, 1, hidden=lambda z: z), "layer 1 is identity; relu"),
        (layers(8, 6, 1, hidden=torch.nn.LeakyReLU(0.1)), "layer 1 is another function; relu"),
    ],
)
def test_another_architecture_loses_its_half_only(judged, params, said):
    found = judge(judged, params, *data_for(params), **TWO)
    assert found.credit == 0.5, found.message
    assert said in found.message
    assert "accuracy is 1, and 0.95 is asked for" in found.message


DEEP = {"sizes": (8, ..., 1), "activations": ("relu", "sigmoid"), "accuracy": 0.9, "layers": 4}


@pytest.mark.parametrize("widths", [(6, 4, 3), (5, 5, 5), (6, 5, 4, 3)])
def test_any_hidden_widths_will_do_where_they_are_left_open(judged, widths):
    params = layers(8, *widths, 1)
    assert judge(judged, params, *data_for(params), **DEEP).credit == 1.0


@pytest.mark.parametrize("widths", [(), (6,), (6, 5)])
def test_too_few_layers_are_told(judged, widths):
    params = layers(8, *widths, 1)
    found = judge(judged, params, *data_for(params), **DEEP)
    assert found.credit == 0.5
    assert "at least 4 are asked for" in found.message


@pytest.mark.parametrize("hidden", [torch.tanh, torch.nn.ELU(), torch.nn.LeakyReLU(0.2)])
def test_any_hidden_activation_will_do_where_it_is_left_open(judged, hidden):
    params = layers(8, 6, 1, hidden=hidden)
    asked = {**TWO, "activations": ("any", "sigmoid")}
    assert judge(judged, params, *data_for(params), **asked).credit == 1.0


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (None, "is not a list of layers"),
        ([], "has 0 layers"),
        (3.5, "is not a list of layers"),
        ([(torch.ones(8, 1), torch.ones(1), sigmoid), 3], "ayer 2 of `params` is not a triple"),
        ([(1, 2)], "`w` is not a tensor"),
        ([(torch.ones(8, 1), None, sigmoid)], "`b` is not a tensor"),
        ([(torch.ones(8, 1), torch.ones(2), sigmoid)], "they should be (in, out) and (out,)"),
        ([(torch.full((8, 1), torch.nan), torch.ones(1), sigmoid)], "not finite"),
        ([(torch.ones(8, 1), torch.ones(1))], "activation function cannot be called"),
        ([(torch.ones(8, 1), torch.ones(1), "relu")], "activation function cannot be called"),
        ([(torch.ones(8, 1), torch.ones(1), torch.sum)], "of the shape of its argument"),
    ],
)
def test_odd_parameters_are_a_verdict_and_never_a_crash(judged, params, said):
    found = judge(judged, params, np.ones((3, 8)), np.ones(3), **TWO)
    assert found.credit == 0.0
    assert said in found.message


def test_layers_that_do_not_fit_together_are_told(judged):
    first, second = layers(8, 6, 1)[0], layers(8, 5, 1)[1]
    found = judge(judged, [first, second], np.ones((3, 8)), np.ones(3), **TWO)
    assert found.credit == 0.0
    assert "do not fit together" in found.message


def test_predictions_that_are_no_numbers_are_told(judged):
    params = layers(8, 6, 1, hidden=lambda z: torch.log(z - 1e9))
    asked = {**TWO, "activations": ("any", "sigmoid")}
    found = judge(judged, params, np.ones((3, 8)), np.ones(3), **asked)
    assert found.credit == 0.5
    assert "not finite" in found.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"sizes": (8,)},
        {"sizes": (8, ..., 3, ..., 1)},
        {"sizes": (8, 6, 2)},
        {"sizes": (9, 6, 1)},
        {"activations": "relu"},
        {"activations": ("rleu", "sigmoid")},
        {"activations": ("relu", "relu", "sigmoid")},
        {"y": np.ones(4)},
        {"x": Reference("x_test")},
    ],
)
def test_a_question_that_makes_no_sense_is_the_authors_error(wrong):
    asked = {**TWO, "x": np.ones((3, 8)), "y": np.ones(3), **wrong}
    with pytest.raises(JudgingError):
        judging.trained_layers(layers(8, 6, 1), **asked)
