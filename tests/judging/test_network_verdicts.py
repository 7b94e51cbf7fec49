"""Verdicts on networks: right code is never rejected, and each wrong one loses what it should."""

import sys

import numpy as np
import pytest
import torch

from deltarule import judging

SEEDS = range(12)


@pytest.fixture
def network_class(lab4):
    """A fresh subclass, so that a test may replace methods."""
    return type("NeuralNetwork", (lab4.NeuralNetwork,), {})


@pytest.fixture
def verdict(judged):
    """Judge with a given seed, in both places."""

    def call(monkeypatch, seed, judge, *students):
        monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
        return judged(judge, students)

    return call


@pytest.mark.parametrize("seed", SEEDS)
def test_the_solution_of_lab_4_agrees_with_the_engine(
    verdict, monkeypatch, lab4, network_class, seed
):
    for judge, args in (
        (judging.network_outputs, [network_class]),
        (judging.network_loss, [network_class]),
        (judging.network_gradients, [network_class]),
        (judging.network_update, [network_class]),
        (judging.network_trajectory, [lab4.train, network_class]),
    ):
        found = verdict(monkeypatch, seed, judge, *args)
        assert found.credit == 1.0, found.message
        assert found.margin > 1.0


def test_margins_leave_room_without_hiding_mistakes(verdict, monkeypatch, network_class):
    margins = [
        verdict(monkeypatch, seed, judging.network_gradients, network_class).margin
        for seed in range(30)
    ]
    assert min(margins) > 4  # right answers stay well inside the allowance


@pytest.mark.parametrize("factor", [1 + 1e-3, 1 - 1e-3, 2.0, -1.0])
def test_gradients_off_by_a_factor_are_rejected(verdict, monkeypatch, network_class, factor):
    def backward(self, x, y):
        super(network_class, self).backward(x, y)
        for layer in self.layers:
            layer.linear.weight_grad = layer.linear.weight_grad * factor

    network_class.backward = backward
    for seed in SEEDS:
        found = verdict(monkeypatch, seed, judging.network_gradients, network_class)
        assert found.credit == 0.5
        assert "Always right: hidden biases, output biases" in found.message or (
            "output biases" in found.message
        )


def test_a_small_relative_error_of_float64_gradients_is_seen(verdict, monkeypatch, network_class):
    def backward(self, x, y):
        super(network_class, self).backward(x, y)
        if x.dtype == torch.float64:
            last = self.layers[-1].linear
            last.bias_grad = last.bias_grad * (1 + 1e-9)

    network_class.backward = backward
    assert verdict(monkeypatch, 1, judging.network_gradients, network_class).credit < 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: y.unsqueeze(-1), "remove the last axis"),
        (lambda y: None, "is None; is a `return` missing?"),
        (lambda y: y * float("nan"), "where a number should be"),
        (lambda y: "0.5", "is of type str"),
        (lambda y: object(), "an object of type object"),
        (lambda y: y > 0.5, "element type bool"),
        (lambda y: y.half(), "(element type float16)"),
        (lambda y: y + 0.01, "expected"),
    ],
)
def test_wrong_outputs_get_a_clear_sentence(verdict, monkeypatch, network_class, change, said):
    network_class.forward = lambda self, x: change(super(network_class, self).forward(x))
    found = verdict(monkeypatch, 3, judging.network_outputs, network_class)
    assert found.credit == 0.0
    assert said in found.message


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.numpy(),
        lambda y: y.tolist(),
        lambda y: list(y),
        lambda y: y.clone().requires_grad_(),
        lambda y: y.double(),
    ],
)
def test_right_numbers_in_another_container_are_accepted(
    verdict, monkeypatch, network_class, change
):
    network_class.forward = lambda self, x: change(super(network_class, self).forward(x))
    assert verdict(monkeypatch, 4, judging.network_outputs, network_class).credit == 1.0


def test_code_that_insists_on_float32_is_accepted(verdict, monkeypatch, network_class):
    def forward(self, x):
        for layer in self.layers:
            zeros = torch.zeros(len(x), layer.linear.weight.shape[0], dtype=torch.float32)
            x = layer.forward(x) + (zeros @ torch.zeros_like(layer.linear.weight))
        return x.squeeze(-1)

    network_class.forward = forward
    assert verdict(monkeypatch, 5, judging.network_outputs, network_class).credit == 1.0


def test_an_unsolved_stub_is_told_from_a_wrong_answer(verdict, monkeypatch, network_class):
    def backward(self, x, y):
        raise NotImplementedError("NeuralNetwork.backward: your code is missing here")

    network_class.backward = backward
    found = verdict(monkeypatch, 1, judging.network_gradients, network_class)
    assert found.credit == 0.0
    assert "not implemented yet" in found.message


def test_messages_do_not_quote_secret_inputs(verdict, monkeypatch, network_class):
    def forward(self, x):
        raise ValueError(f"look at this: {x}")

    network_class.forward = forward
    message = verdict(monkeypatch, 1, judging.network_outputs, network_class).message
    assert message.startswith("Your code raised ValueError")
    assert "look at this" not in message


def test_wrong_backward_costs_nothing_in_the_test_of_train(
    verdict, monkeypatch, lab4, network_class
):
    def backward(self, x, y):
        super(network_class, self).backward(x, y)
        for layer in self.layers:
            layer.linear.weight_grad = layer.linear.weight_grad * 3.0

    network_class.backward = backward
    for seed in SEEDS:
        found = verdict(monkeypatch, seed, judging.network_trajectory, lab4.train, network_class)
        assert found.credit == 1.0, found.message


def test_wrong_train_over_a_wrong_backward_earns_nothing(verdict, monkeypatch, lab4, network_class):
    network_class.backward = lambda self, x, y: super(network_class, self).backward(x, 1 - y)

    def train(x, y, net, epochs, lr):
        return lab4.train(x, y, net, epochs, 2 * lr)

    for seed in SEEDS:
        found = verdict(monkeypatch, seed, judging.network_trajectory, train, network_class)
        assert found.credit < 1.0


def test_train_over_a_backward_that_does_nothing_cannot_be_judged(
    verdict, monkeypatch, lab4, network_class
):
    def backward(self, x, y):
        for layer in self.layers:
            layer.linear.weight_grad = torch.zeros_like(layer.linear.weight)
            layer.linear.bias_grad = torch.zeros_like(layer.linear.bias)

    network_class.backward = backward
    network_class.apply_gradients = lambda self, learning_rate: None

    def train(x, y, net, epochs, lr):
        return net, torch.stack([net.get_loss(x, y)] * epochs)

    found = verdict(monkeypatch, 1, judging.network_trajectory, train, network_class)
    assert found.credit == 0.0
    assert "cannot be judged yet" in found.message


def test_wrong_forward_costs_nothing_in_the_test_of_get_loss(verdict, monkeypatch, network_class):
    network_class.forward = lambda self, x: 0.5 * super(network_class, self).forward(x)
    assert verdict(monkeypatch, 1, judging.network_loss, network_class).credit == 1.0
    assert verdict(monkeypatch, 1, judging.network_outputs, network_class).credit == 0.0


def test_output_and_warnings_of_the_students_code_stay_out_of_the_test_cell(
    verdict, monkeypatch, network_class, capsys
):
    import warnings

    def forward(self, x):
        print("debugging", x)
        print("to stderr", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return super(network_class, self).forward(x)

    network_class.forward = forward
    assert verdict(monkeypatch, 1, judging.network_outputs, network_class).credit == 1.0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_the_same_seed_gives_the_same_message(verdict, monkeypatch, network_class):
    network_class.forward = lambda self, x: 0.9 * super(network_class, self).forward(x)
    first, second, other = (
        verdict(monkeypatch, seed, judging.network_outputs, network_class).message
        for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other


def test_cases_cover_depths_batches_and_precisions():
    from deltarule.judging.cases import network_cases

    cases = network_cases(np.random.default_rng(0))
    assert {len(case.hidden_sizes) for case in cases} == {0, 1, 2, 3, 4}
    assert 1 in {len(case.x) for case in cases}
    assert {case.dtype for case in cases} == {"float32", "float64"}
    assert {(case.kind, case.dtype) for case in cases} >= {
        ("no hidden layer", "float32"),
        ("several", "float32"),
        ("several", "float64"),
    }


def test_automatic_differentiation_is_found_out(verdict, monkeypatch, network_class):
    def backward(self, x, y):
        for layer in self.layers:
            layer.linear.weight.requires_grad_()
            layer.linear.bias.requires_grad_()
        self.get_loss(x, y).backward()
        for layer in self.layers:
            layer.linear.weight_grad = layer.linear.weight.grad
            layer.linear.bias_grad = layer.linear.bias.grad

    network_class.backward = backward
    found = verdict(monkeypatch, 1, judging.network_gradients, network_class)
    assert found.credit == 0.0
    assert "automatic differentiation" in found.message


def test_automatic_differentiation_is_fine_where_the_author_allows_it(
    verdict, monkeypatch, network_class
):
    def backward(self, x, y):
        tensors = [t for layer in self.layers for t in (layer.linear.weight, layer.linear.bias)]
        for tensor in tensors:
            tensor.requires_grad_()
        gradients = torch.autograd.grad(self.get_loss(x, y), tensors)
        for layer, w, b in zip(self.layers, gradients[::2], gradients[1::2], strict=True):
            layer.linear.weight_grad, layer.linear.bias_grad = w, b

    network_class.backward = backward
    allowed = judging.NetworkInterface(autograd=True)
    found = verdict(
        monkeypatch, 1, lambda net: judging.network_gradients(net, allowed), network_class
    )
    assert found.credit == 1.0


def test_a_forward_pass_that_changes_its_input_is_told_so(verdict, monkeypatch, network_class):
    def forward(self, x):
        result = super(network_class, self).forward(x)
        x.mul_(2)
        return result

    network_class.forward = forward
    found = verdict(monkeypatch, 1, judging.network_outputs, network_class)
    assert found.credit == 0.0
    assert "changes its argument `x`" in found.message


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (lambda y: y.to_sparse(), "type sparse tensor"),
        (lambda y: torch.zeros(len(y), device="meta"), "type empty tensor"),
        (lambda y: y[:1].expand(10**10), "type tensor with 10000000000 elements"),
        (lambda y: [10**400] * len(y), "too large for any floating-point type"),
        (lambda y: sys.exit(0), "SystemExit"),
    ],
)
def test_odd_answers_are_a_verdict_and_never_a_crash(
    verdict, monkeypatch, network_class, odd, said
):
    network_class.forward = lambda self, x: odd(super(network_class, self).forward(x))
    found = verdict(monkeypatch, 1, judging.network_outputs, network_class)
    assert found.credit == 0.0
    assert said in found.message
