"""Verdicts on what is done with a torch model: looking at gradients, a step of training."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deltarule import judging


def bce_loss(y, y_hat, eps=0.0):
    return -torch.mean(y * torch.log(y_hat + eps) + (1 - y) * torch.log(1 - y_hat + eps))


# --- gradient_magnitudes --------------------------------------------------------------------------


def magnitudes(model, x, y):
    model.zero_grad()
    F.binary_cross_entropy(model(x), y).backward()
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return [layer.weight.grad.abs().mean().item() for layer in layers]


def by_attribute(model, x, y):
    for layer in model.layers:
        layer.weight.grad = None
    nn.BCELoss()(model(x), y).backward()
    return [float(torch.mean(torch.abs(layer.weight.grad))) for layer in model.layers]


def by_autograd(model, x, y):
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    gradients = torch.autograd.grad(bce_loss(y, model(x)), weights)
    return torch.stack([gradient.abs().mean() for gradient in gradients])


def cleared_afterwards(model, x, y):
    bce_loss(y, model(x), eps=1e-4).backward()
    sizes = [np.abs(p.grad.numpy()).mean() for p in model.parameters() if p.ndim == 2]
    model.zero_grad()
    return sizes


def clamped(model, x, y):
    model.zero_grad(set_to_none=False)
    bce_loss(y, model(x).clamp(1e-4, 1 - 1e-4)).backward()
    return tuple(p.grad.norm(1) / p.numel() for p in list(model.parameters())[::2])


def on_a_copy(model, x, y):
    import copy

    return magnitudes(copy.deepcopy(model), x.clone(), y)


MAGNITUDES = [magnitudes, by_attribute, by_autograd, cleared_afterwards, clamped, on_a_copy]


@pytest.mark.parametrize("student", MAGNITUDES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_right_magnitudes_are_accepted_however_they_are_found(judged, monkeypatch, student, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.gradient_magnitudes, [student])
    assert found.credit == 1.0, found.message
    assert found.margin > 1.2


def measured(measure, clear=True, loss=F.binary_cross_entropy):
    def student(model, x, y):
        if clear:
            model.zero_grad()
        loss(model(x), y).backward()
        return measure(list(model.parameters()))

    return student


def each(measure):
    return lambda parameters: [measure(p.grad).item() for p in parameters[::2]]


WRONG_MAGNITUDES = [
    (measured(each(lambda g: g.mean())), "absolute-value-forgotten", 0),
    (measured(each(lambda g: g.mean().abs())), "absolute-value-after-mean", 0),
    (measured(each(lambda g: g.abs().sum())), "sum-for-mean", 0),
    (measured(each(lambda g: g.norm())), "norm-for-mean", 0),
    (measured(each(lambda g: g.square().mean().sqrt())), "norm-for-mean", 0),
    (lambda *a: magnitudes(*a)[::-1], "order-reversed", 0),
    (
        measured(lambda parameters: [p.grad.abs().mean().item() for p in parameters]),
        "biases-included",
        0,
    ),
    (
        measured(
            lambda parameters: [
                torch.cat([w.grad.flatten(), b.grad]).abs().mean().item()
                for w, b in zip(parameters[::2], parameters[1::2], strict=True)
            ]
        ),
        "biases-included",
        0,
    ),
    (
        measured(lambda parameters: [p.abs().mean().item() for p in parameters[::2]]),
        "weights-for-gradients",
        0,
    ),
    (measured(each(lambda g: g.abs().mean()), clear=False), "gradients-not-cleared", 0.5),
    (
        measured(each(lambda g: g.abs().sum()), clear=False),
        "sum-for-mean+gradients-not-cleared",
        0,
    ),
    (
        measured(
            each(lambda g: g.abs().mean()),
            loss=lambda p, y: F.binary_cross_entropy(p, y, reduction="sum"),
        ),
        "missing-batch-mean",
        0,
    ),
]


@pytest.mark.parametrize(("student", "name", "credit"), WRONG_MAGNITUDES)
@pytest.mark.parametrize("seed", range(3))
def test_wrong_magnitudes_are_named(judged, monkeypatch, student, name, credit, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.gradient_magnitudes, [student])
    assert found.credit == credit
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


NAMELESS_MAGNITUDES = [
    lambda *a: [1.02 * size for size in magnitudes(*a)],
    lambda *a: [1e300 * size for size in magnitudes(*a)],
    measured(each(lambda g: g.abs().max())),
    measured(each(lambda g: g.abs().mean()), loss=F.mse_loss),
    lambda *a: magnitudes(*a)[:1],
    lambda *a: {"layer": magnitudes(*a)},
    lambda *a: None,
    lambda *a: ["large"],
    lambda *a: 1 / 0,
]


@pytest.mark.parametrize("student", NAMELESS_MAGNITUDES)
def test_other_wrong_magnitudes_get_no_name(judged, student):
    found = judged(judging.gradient_magnitudes, [student])
    assert found.credit < 1.0
    assert found.diagnosis is None


# --- training_step --------------------------------------------------------------------------------


def step(model, optimiser, x, y):
    optimiser.zero_grad()
    loss = F.binary_cross_entropy(model(x), y)
    loss.backward()
    optimiser.step()
    return loss.item()


def cleared_at_the_end(model, optimiser, x, y):
    loss = nn.BCELoss()(model(x), y)
    loss.backward()
    optimiser.step()
    model.zero_grad()
    return loss


def with_a_closure(model, optimiser, x, y):
    def closure():
        optimiser.zero_grad()
        loss = bce_loss(y, model(x))
        loss.backward()
        return loss

    return optimiser.step(closure).detach()


def kept_finite(model, optimiser, x, y):
    model.train()
    model.zero_grad(set_to_none=False)
    loss = bce_loss(y, model(x).clamp(1e-4, 1 - 1e-4))
    loss.backward()
    optimiser.step()
    return float(loss)


def with_a_small_number(model, optimiser, x, y):
    optimiser.zero_grad()
    loss = bce_loss(y, model(x), eps=1e-4)
    loss.backward()
    optimiser.step()
    return np.float64(loss.item())


def with_set_gradients(model, optimiser, x, y):
    parameters = list(model.parameters())
    loss = F.binary_cross_entropy(model(x), y)
    for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.grad = gradient
    optimiser.step()
    return loss


STEPS = [
    step,
    cleared_at_the_end,
    with_a_closure,
    kept_finite,
    with_a_small_number,
    with_set_gradients,
]


@pytest.mark.parametrize("student", STEPS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_step_is_accepted_however_it_is_written(judged, monkeypatch, student, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.training_step, [student])
    assert found.credit == 1.0, found.message
    assert found.margin > 2


def course_step(clear=True, backward=True, move=True, late=False, loss=F.binary_cross_entropy):
    def student(model, optimiser, x, y):
        if clear:
            optimiser.zero_grad()
        value = loss(model(x), y)
        if backward:
            value.backward()
        if move:
            optimiser.step()
        if late:
            value = loss(model(x), y)
        return value.item()

    return student


def summed(y_hat, y):
    return F.binary_cross_entropy(y_hat, y, reduction="sum")


WRONG_STEPS = [
    (course_step(clear=False), "gradients-not-cleared", 0.5),
    (course_step(move=False), "step-forgotten", 0.5),
    (course_step(backward=False), "backward-forgotten", 0.5),
    (course_step(late=True), "loss-after-update", 0.5),
    (course_step(loss=summed), "missing-batch-mean", 0),
    (course_step(clear=False, late=True), "gradients-not-cleared+loss-after-update", 0),
]


@pytest.mark.parametrize(("student", "name", "credit"), WRONG_STEPS)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_step_is_named(judged, monkeypatch, student, name, credit, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.training_step, [student])
    assert found.credit == credit
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


def cleared_too_early(model, optimiser, x, y):
    loss = F.binary_cross_entropy(model(x), y)
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss


NAMELESS_STEPS = [
    cleared_too_early,
    lambda *a: 2 * step(*a),
    lambda *a: 0.0 * step(*a),
    lambda *a: 1e300 * step(*a),
    course_step(loss=F.mse_loss),
    lambda model, optimiser, x, y: step(model, torch.optim.SGD(model.parameters(), 0.01), x, y),
    lambda *a: (step(*a), None)[1],
    lambda *a: None,
    lambda *a: 1 / 0,
]


@pytest.mark.parametrize("student", NAMELESS_STEPS)
def test_other_wrong_steps_get_no_name(judged, student):
    found = judged(judging.training_step, [student])
    assert found.credit <= 0.5
    assert found.diagnosis is None


def test_a_first_step_that_is_right_does_not_hide_that_gradients_pile_up(judged):
    found = judged(judging.training_step, [course_step(clear=False)])
    assert "after step 2" in found.message.lower()
    assert "Always right: loss" in found.message
