"""Verdicts on torch modules: outputs for given parameters, gradients, any depth."""

from collections import OrderedDict
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deltarule import judging
from deltarule.errors import JudgingError

LOGISTIC = {"layers": ("linear",), "sizes": (3, 1), "activations": ("sigmoid",)}
MLP = {
    "layers": ("linear_1", "linear_2"),
    "sizes": (2, 2, 1),
    "activations": ("sigmoid", "sigmoid"),
}


def logistic(forward, base=nn.Module):
    """A class with the layer of logistic regression, and this ``forward``."""

    class LogisticRegression(base):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 1)

    LogisticRegression.forward = forward
    return LogisticRegression


def mlp(forward, hidden=None, layers=lambda: (nn.Linear(2, 2), nn.Linear(2, 1))):
    class TitanicMLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear_1, self.linear_2 = layers()

    TitanicMLP.forward = forward
    TitanicMLP.hidden = hidden or (lambda self, x: torch.sigmoid(self.linear_1(x)))
    return TitanicMLP


def right(self, x):
    return torch.sigmoid(self.linear_2(torch.sigmoid(self.linear_1(x)))).squeeze(-1)


def with_parts(self, x):
    hidden = nn.Sigmoid()(self.linear_1(x))
    return nn.Sequential(self.linear_2, nn.Sigmoid(), nn.Flatten(0))(hidden)


def by_hand(self, x):
    hidden = 1 / (1 + torch.exp(-(x @ self.linear_1.weight.T + self.linear_1.bias)))
    return 1 / (1 + torch.exp(-(hidden @ self.linear_2.weight[0] + self.linear_2.bias)))


def in_functions(self, x):
    z = F.linear(x, self.linear_1.weight, self.linear_1.bias).sigmoid()
    return (
        torch.einsum("nd,d->n", z, self.linear_2.weight.flatten()).add(self.linear_2.bias).sigmoid()
    )


def only_single(self, x):
    return right(self, x.float())


def through_hidden(self, x):
    return torch.sigmoid(self.linear_2(self.hidden(x)))[:, 0]


RIGHT = [right, with_parts, by_hand, in_functions, only_single, through_hidden]


@pytest.mark.parametrize("forward", RIGHT, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_module_is_accepted_however_it_is_written(judged, monkeypatch, forward, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.module, [mlp(forward)], **MLP)
    assert found.credit == 1.0, found.message
    assert found.margin > 4


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: torch.sigmoid(self.linear(x)).squeeze(1),
        lambda self, x: torch.sigmoid(self.linear(x).flatten()),
        lambda self, x: torch.sigmoid(self.linear(x)).view(len(x)),
    ],
)
def test_logistic_regression_is_accepted(judged, forward):
    assert judged(judging.module, [logistic(forward)], **LOGISTIC).credit == 1.0


def test_layers_may_be_reached_through_paths_and_classes_take_arguments(judged):
    class Net(nn.Module):
        def __init__(self, inputs, width):
            super().__init__()
            self.body = nn.Sequential(
                OrderedDict(first=nn.Linear(inputs, width), act=nn.ReLU(), out=nn.Linear(width, 3))
            )

        def forward(self, x):
            return self.body(x).tanh()

    found = judged(
        judging.module,
        [Net],
        layers=("body.first", "body[2]"),
        sizes=(4, 5, 3),
        activations=("relu", "tanh"),
        arguments=(4, 5),
    )
    assert found.credit == 1.0, found.message


HIDDEN = {**MLP, "method": "hidden", "depth": 1}


@pytest.mark.parametrize("seed", range(3))
def test_the_hidden_layer_is_judged_by_itself(judged, monkeypatch, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.module, [mlp(lambda self, x: None)], **HIDDEN)
    assert found.credit == 1.0, found.message
    found = judged(judging.module, [mlp(right, lambda self, x: self.linear_1(x))], **HIDDEN)
    assert found.credit == 0.0
    assert found.diagnosis["name"] == "hidden-activation-forgotten"


def test_a_method_without_its_activation_is_told_of_the_method_not_of_the_network(judged):
    applied_in_forward = mlp(right, lambda self, x: self.linear_1(x))
    found = judged(judging.module, [applied_in_forward], **HIDDEN)
    assert found.diagnosis["explanation"] == "`hidden` returns the sums before the activation."
    assert "`hidden`" in found.diagnosis["hint"]
    found = judged(judging.module, [mlp(forward_of(first=same))], **MLP)
    assert found.diagnosis["explanation"] == "The hidden layers have no activation."


def forward_of(first=torch.sigmoid, second=torch.sigmoid, last=lambda z: z.squeeze(-1)):
    return lambda self, x: last(second(self.linear_2(first(self.linear_1(x)))))


def same(z):
    return z


WRONG = [
    (forward_of(first=same), "hidden-activation-forgotten"),
    (forward_of(second=same), "output-activation-forgotten"),
    (forward_of(same, same), "activation-forgotten"),
    (forward_of(first=torch.relu), "relu-for-sigmoid"),
    (forward_of(first=torch.tanh), "tanh-for-sigmoid"),
    (forward_of(second=torch.tanh), "tanh-for-sigmoid"),
    (forward_of(last=lambda z: torch.sigmoid(z).squeeze(-1)), "output-activation-twice"),
    (forward_of(last=same), "not-squeezed"),
    (forward_of(last=torch.squeeze), "squeezed-too-much"),
    (lambda self, x: torch.sigmoid(self.linear_2(x)).squeeze(-1), "layer-left-out"),
    (lambda self, x: torch.sigmoid(self.linear_1(x)), "layer-left-out"),
]


@pytest.mark.parametrize(("forward", "name"), WRONG)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_module_loses_points_and_is_named(judged, monkeypatch, forward, name, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.module, [mlp(forward)], **MLP)
    assert found.credit <= 0.5
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


NAMELESS = [
    lambda self, x: 0.99 * right(self, x),
    lambda self, x: right(self, x).flip(0),
    lambda self, x: right(self, 2 * x),
    lambda self, x: torch.full((len(x),), 0.5),
    lambda self, x: None,
    lambda self, x: 1 / 0,
    lambda self, x: self.linear_3(x),
    lambda self, x: [0.5],
]


@pytest.mark.parametrize("forward", NAMELESS)
def test_other_wrong_modules_get_no_name(judged, forward):
    found = judged(judging.module, [mlp(forward)], **MLP)
    assert found.credit == 0.0
    assert found.diagnosis is None


def test_a_column_of_outputs_is_told_of_broadcasting_and_keeps_its_gradients(judged):
    found = judged(judging.module, [mlp(forward_of(last=same))], **MLP)
    assert found.credit == 0.5
    assert "has shape (5, 1), expected (5,)" in found.message
    assert "would be broadcast to shape (5, 5)" in found.message
    assert "Always right: gradients" in found.message


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: right(self, x).detach(),
        lambda self, x: torch.tensor(right(self, x).tolist(), dtype=x.dtype),
        lambda self, x: torch.sigmoid(
            self.linear_2(torch.sigmoid(self.linear_1(x)).detach())
        ).squeeze(-1),
    ],
)
def test_outputs_that_autograd_cannot_follow_keep_half(judged, forward):
    found = judged(judging.module, [mlp(forward)], **MLP)
    assert found.credit == 0.5
    assert "utograd cannot follow" in found.message
    assert "Always right: outputs" in found.message
    assert found.diagnosis is None


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (lambda: (nn.Linear(2, 3), nn.Linear(3, 1)), "`torch.nn.Linear(2, 2)` is asked for"),
        (lambda: (nn.Linear(2, 2), nn.Linear(2, 2)), "`torch.nn.Linear(2, 1)` is asked for"),
        (lambda: (nn.Linear(2, 2), nn.Sigmoid()), "`linear_2` of the model is of type Sigmoid"),
        (lambda: (nn.Linear(2, 2, bias=False), nn.Linear(2, 1)), "has no bias"),
        (lambda: (3, nn.Linear(2, 1)), "of type int"),
        (lambda: 1 / 0, "cannot be built: your code raised ZeroDivisionError"),
    ],
)
def test_missing_layers_are_told(judged, layers, said):
    found = judged(judging.module, [mlp(right, layers=layers)], **MLP)
    assert found.credit == 0.0
    assert said in found.message


def test_a_layer_of_another_name_is_told(judged):
    found = judged(judging.module, [logistic(right)], **MLP)
    assert found.credit == 0.0
    assert (
        "the model has no `linear_1`; `torch.nn.Linear(2, 2)` is asked for"
        in found.message.replace("The model", "the model")
    )


def test_a_forgotten_super_is_told(judged):
    class Net(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(3, 1)

    found = judged(judging.module, [Net], **LOGISTIC)
    assert found.credit == 0.0
    assert "__init__" in found.message


def test_a_class_that_is_no_module_is_told(judged):
    found = judged(judging.module, [logistic(lambda self, x: x, base=object)], **LOGISTIC)
    assert found.credit == 0.0
    assert "no attribute 'double'" in found.message or "no attribute 'float'" in found.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"sizes": (2, 1)},
        {"activations": ("sigmoid",)},
        {"activations": ("sgmoid",) * 2},
        {"depth": 3},
    ],
)
def test_a_question_that_makes_no_sense_is_the_authors_error(wrong):
    with pytest.raises(JudgingError):
        judging.module(mlp(right), **{**MLP, **wrong})


# --- any depth ------------------------------------------------------------------------------------


def deep(forward, container=nn.ModuleList, hidden=lambda width, depth: [width] * depth):
    class DeepMLP(nn.Module):
        def __init__(self, inputs, width, depth, activation):
            super().__init__()
            sizes = [inputs, *hidden(width, depth), 1]
            self.layers = container([nn.Linear(a, b) for a, b in pairwise(sizes)])
            self.activation = activation

    DeepMLP.forward = forward
    return DeepMLP


def deep_right(self, x):
    for layer in self.layers[:-1]:
        x = self.activation(layer(x))
    return torch.sigmoid(self.layers[-1](x)).squeeze(-1)


def deep_counted(self, x):
    for number, layer in enumerate(self.layers):
        x = layer(x)
        x = torch.sigmoid(x) if number == len(self.layers) - 1 else self.activation(x)
    return x[:, 0]


def deep_recursive(self, x, number=0):
    z = self.layers[number](x)
    if number == len(self.layers) - 1:
        return z.sigmoid().reshape(-1)
    return deep_recursive(self, self.activation(z), number + 1)


@pytest.mark.parametrize("forward", [deep_right, deep_counted, deep_recursive])
@pytest.mark.parametrize("seed", range(3))
def test_a_right_deep_module_is_accepted(judged, monkeypatch, forward, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.deep_module, [deep(forward)])
    assert found.credit == 1.0, found.message
    assert found.margin > 4


def test_a_plain_list_of_layers_is_right_but_hears_of_module_lists(judged):
    found = judged(judging.deep_module, [deep(deep_right, container=list)])
    assert found.credit == 1.0
    assert "torch.nn.ModuleList" in found.message


def with_activation(hidden, last=torch.sigmoid):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = hidden(layer(x))
        return last(self.layers[-1](x)).squeeze(-1)

    return forward


def through_all_the_same(self, x):
    for layer in self.layers:
        x = self.activation(layer(x))
    return torch.sigmoid(x).squeeze(-1)


def hidden_layers_backwards(self, x):
    for layer in list(self.layers[:-1])[::-1]:
        x = self.activation(layer(x))
    return torch.sigmoid(self.layers[-1](x)).squeeze(-1)


def one_hidden_layer_less(self, x):
    for layer in self.layers[:-2]:
        x = self.activation(layer(x))
    return torch.sigmoid(self.layers[-1](x)).squeeze(-1)


DEEP_WRONG = [
    (with_activation(torch.relu), "activation-argument-ignored"),
    (with_activation(torch.sigmoid), "activation-argument-ignored"),
    (with_activation(same), "hidden-activation-forgotten"),
    (through_all_the_same, "output-activation-twice"),
    (lambda self, x: torch.sigmoid(self.layers[-1](x)).squeeze(-1), "only-last-layer"),
    (hidden_layers_backwards, "layers-exchanged"),
    (one_hidden_layer_less, "layer-left-out"),
]


@pytest.mark.parametrize(("forward", "name"), DEEP_WRONG)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_deep_module_loses_points_and_is_named(judged, monkeypatch, forward, name, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.deep_module, [deep(forward)])
    assert found.credit < 1.0
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


def test_an_activation_of_the_output_that_is_forgotten_is_named_by_outputs_alone(judged):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x).squeeze(-1)

    found = judged(judging.deep_module, [deep(forward)])
    assert found.credit == 0.0
    assert found.diagnosis["name"] == "output-activation-forgotten"


@pytest.mark.parametrize(
    ("student", "said"),
    [
        (deep(deep_right, hidden=lambda w, d: [w] * (d + 1)), "2 linear layers are asked for"),
        (deep(deep_right, hidden=lambda w, d: [w] * max(d - 1, 0)), "has 1 elements; 2 linear"),
        (deep(deep_right, hidden=lambda w, d: [w + 1] * d), "`torch.nn.Linear(3, 4)` is asked"),
        (deep(deep_right, container=lambda made: None), "has no list `layers`"),
        (nn.Linear, "raised TypeError"),
    ],
)
def test_another_architecture_is_told(judged, student, said):
    found = judged(judging.deep_module, [student])
    assert found.credit < 1.0
    assert said in found.message
