"""Verdicts on functions of layer lists: ``network(x, params)`` and ``evaluate(params, x, y)``."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deltarule import judging


def network(x, params):
    z = x
    for w, b, h in params:
        z = h(z @ w + b)
    return z.squeeze(dim=-1)


def bce_loss(y, y_hat):
    return torch.mean(-(y * torch.log(y_hat) + (1 - y) * torch.log(1 - y_hat)))


def accuracy(y, y_hat):
    return torch.mean(((y_hat > 0.5) == y).double())


def evaluate(params, x, y):
    with torch.no_grad():
        y_hat = network(x, params)
        return bce_loss(y, y_hat).item(), accuracy(y, y_hat).item()


# --- network ----------------------------------------------------------------------------------


def recursive(x, params):
    if not params:
        return x.squeeze(-1)
    (w, b, h), *rest = params
    return recursive(h(torch.matmul(x, w) + b), rest)


def reduced(x, params):
    z = functools.reduce(lambda z, layer: layer[2](z @ layer[0] + layer[1]), params, x)
    return z[..., 0] if z.shape[-1] == 1 else z


def with_einsum(x, params):
    z = x
    for i in range(len(params)):
        z = params[i][2](torch.einsum("nd,de->ne", z, params[i][0]) + params[i][1][None, :])
    return z.squeeze(1)


def in_functional_style(x, params):
    for w, b, h in params:
        x = h(F.linear(x, w.T, b))
    return x.flatten() if x.shape[1] == 1 else x


def sample_by_sample(x, params):
    rows = []
    for row in x:
        for w, b, h in params:
            row = h(row @ w + b)
        rows.append(row)
    return torch.stack(rows).squeeze(-1)


def with_sums(x, params):
    z = x
    for w, b, h in params:
        z = h((z[:, :, None] * w[None]).sum(dim=1) + b)
    return torch.squeeze(z, -1)


def in_double(x, params):
    z = x.double()
    for w, b, h in params:
        z = h(z @ w.double() + b.double())
    return z.squeeze(dim=-1)


def only_double_inputs(x, params):
    return network(x.double(), params)


def only_single_inputs(x, params):
    return network(x.float(), params)


def with_a_copy_of_numpy_at_the_end(x, params):
    return network(x, params).detach().numpy()


NETWORKS = [
    network,
    recursive,
    reduced,
    with_einsum,
    in_functional_style,
    sample_by_sample,
    with_sums,
    in_double,
    only_double_inputs,
    only_single_inputs,
    with_a_copy_of_numpy_at_the_end,
]


@pytest.mark.parametrize("student", NETWORKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_network_is_accepted_however_it_is_written(judged, monkeypatch, student, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.layered_outputs, [student])
    assert found.credit == 1.0, found.message
    assert found.margin > 4


def hardcoded(activation):
    def student(x, params):
        return network(x, [(w, b, activation) for w, b, _ in params])

    return student


def last_not_activated(x, params):
    *hidden, (w, b, _) = params
    return network(x, [*hidden, (w, b, lambda z: z)])


def no_activation(x, params):
    return network(x, [(w, b, lambda z: z) for w, b, _ in params])


def activated_at_the_end_only(x, params):
    z = x
    for w, b, _ in params:
        z = z @ w + b
    return params[-1][2](z).squeeze(-1)


def no_bias(x, params):
    return network(x, [(w, torch.zeros_like(b), h) for w, b, h in params])


def first_activation_everywhere(x, params):
    return network(x, [(w, b, params[0][2]) for w, b, _ in params])


def last_activation_everywhere(x, params):
    return network(x, [(w, b, params[-1][2]) for w, b, _ in params])


def input_into_every_layer(x, params):
    for w, b, h in params:
        z = h(x @ w + b)
    return z.squeeze(-1)


def returns_in_the_loop(x, params):
    z = x
    for w, b, h in params:
        z = h(z @ w + b)
        return z.squeeze(-1)
    return None


def last_layer_left_out(x, params):
    return network(x, params[:-1])


def activated_before(x, params):
    z = x
    for w, b, h in params:
        z = h(z) @ w + b
    return z.squeeze(-1)


def bias_outside(x, params):
    z = x
    for w, b, h in params:
        z = h(z @ w) + b
    return z.squeeze(-1)


def backwards(x, params):
    return network(x, params[::-1])


def not_squeezed(x, params):
    return functools.reduce(lambda z, layer: layer[2](z @ layer[0] + layer[1]), params, x)


def squeezed_everywhere(x, params):
    return not_squeezed(x, params).squeeze()


WRONG_NETWORKS = [
    (last_not_activated, "last-activation-forgotten"),
    (no_activation, "activation-forgotten"),
    (activated_at_the_end_only, "activation-forgotten"),
    (no_bias, "bias-forgotten"),
    (first_activation_everywhere, "same-activation-everywhere"),
    (last_activation_everywhere, "same-activation-everywhere"),
    (hardcoded(torch.relu), "same-activation-everywhere"),
    (hardcoded(torch.sigmoid), "same-activation-everywhere"),
    (input_into_every_layer, "only-last-layer"),
    (returns_in_the_loop, "only-first-layer"),
    (last_layer_left_out, "last-layer-left-out"),
    (activated_before, "activation-before-linear-map"),
    (bias_outside, "bias-after-activation"),
    (backwards, "layers-reversed"),
    (not_squeezed, "not-squeezed"),
    (squeezed_everywhere, "squeezed-too-much"),
]


@pytest.mark.parametrize(("student", "name"), WRONG_NETWORKS)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_network_loses_points_and_is_named(judged, monkeypatch, student, name, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.layered_outputs, [student])
    assert found.credit < 1.0
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


NAMELESS_NETWORKS = [
    lambda x, params: network(x, params) * 1.001,
    lambda x, params: network(2 * x, params),
    lambda x, params: network(x, [(w.T, b, h) for w, b, h in params]),
    lambda x, params: network(x, [(w, 2 * b, h) for w, b, h in params]),
    lambda x, params: network(x, params).flip(0),
    lambda x, params: torch.zeros(len(x)),
    lambda x, params: None,
    lambda x, params: 1 / 0,
    lambda x, params: "0.5",
    lambda x, params: network(x, params).tolist()[:1],
    lambda x, params: network(x, [(w, b, torch.softmax) for w, b, _ in params]),
]


@pytest.mark.parametrize("student", NAMELESS_NETWORKS)
def test_other_wrong_networks_get_no_name(judged, student):
    found = judged(judging.layered_outputs, [student])
    assert found.credit <= 0.34
    assert found.diagnosis is None


def test_credit_is_given_by_depth(judged):
    found = judged(judging.layered_outputs, [first_activation_everywhere])
    assert found.credit == pytest.approx(1 / 3)
    assert "Always right: one layer" in found.message


def test_only_the_batch_of_one_suffers_from_squeezing_all_axes(judged):
    found = judged(judging.layered_outputs, [squeezed_everywhere])
    assert found.credit == pytest.approx(2 / 3)
    assert "has shape ()" in found.message


def test_a_network_that_changes_its_input_is_told_so(judged):
    def student(x, params):
        result = network(x, params)
        x.mul_(2)
        return result

    found = judged(judging.layered_outputs, [student])
    assert found.credit == 0.0
    assert "changes its argument `x`" in found.message


def test_an_unsolved_network_is_told_from_a_wrong_one(judged):
    def student(x, params):
        raise NotImplementedError("network: your code is missing here")

    found = judged(judging.layered_outputs, [student])
    assert found.credit == 0.0
    assert "not implemented yet" in found.message


# --- evaluate ---------------------------------------------------------------------------------


def kept_finite(eps, how):
    ways = {
        "clamped": lambda y, p: bce_loss(y, p.clamp(eps, 1 - eps)),
        "added": lambda y, p: -torch.mean(y * (p + eps).log() + (1 - y) * (1 - p + eps).log()),
        "scaled": lambda y, p: bce_loss(y, p * (1 - 2 * eps) + eps),
    }
    return lambda params, x, y: (
        ways[how](y, network(x, params)).item(),
        accuracy(y, network(x, params)),
    )


def with_torchs_loss(params, x, y):
    with torch.no_grad():
        y_hat = network(x, params)
        return F.binary_cross_entropy(y_hat, y), (y_hat.round() == y).float().mean().item()


def with_sums_and_a_list(params, x, y):
    y_hat = network(x, params).detach()
    right = sum(int((p > 0.5) == bool(t)) for p, t in zip(y_hat, y, strict=True))
    return [float(bce_loss(y, y_hat)), right / len(y)]


def tensors_that_are_tracked(params, x, y):
    y_hat = network(x, params)
    return bce_loss(y, y_hat), accuracy(y, y_hat)


def in_numpy(params, x, y):
    y_hat = network(x, params).detach().numpy()
    y = y.numpy()
    loss = -np.mean(np.where(y == 1, np.log(y_hat), np.log(1 - y_hat)))
    return loss, np.mean((y_hat > 0.5) == (y > 0.5))


def in_single_precision(params, x, y):
    y_hat = network(x, params).float()
    return F.binary_cross_entropy(y_hat, y.float()).item(), accuracy(y, y_hat).item()


def from_logits(params, x, y):
    w, b, _ = params[-1]
    logits = network(x, [*params[:-1], (w, b, lambda z: z)])
    loss = F.binary_cross_entropy_with_logits(logits, y)
    return torch.stack([loss, ((logits > 0) == (y > 0.5)).to(loss).mean()])


EVALUATIONS = [
    evaluate,
    *(kept_finite(eps, how) for how in ("clamped", "added", "scaled") for eps in (1e-4, 1e-7)),
    with_torchs_loss,
    with_sums_and_a_list,
    tensors_that_are_tracked,
    in_numpy,
    in_single_precision,
    from_logits,
]


@pytest.mark.parametrize("student", EVALUATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_evaluation_is_accepted_however_it_is_written(judged, monkeypatch, student, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.evaluation, [student])
    assert found.credit == 1.0, found.message
    assert found.margin > 1.3


def changed(loss=lambda y, p: bce_loss(y, p).item(), share=lambda y, p: accuracy(y, p).item()):
    """An evaluation with another loss or accuracy."""

    def student(params, x, y):
        with torch.no_grad():
            y_hat = network(x, params)
            return loss(y, y_hat), share(y, y_hat)

    return student


def stable(y, p, eps=1e-7):
    return bce_loss(y.clamp(eps, 1 - eps), p.clamp(eps, 1 - eps)).item()


def exchanged(eps):
    def loss(y, p):
        y = y.clamp(eps, 1 - eps)
        return -torch.mean(p * y.log() + (1 - p) * (1 - y).log()).item()

    return loss


WRONG_EVALUATIONS = [
    (changed(lambda y, p: len(y) * bce_loss(y, p)), "sum-for-mean"),
    (changed(lambda y, p: -bce_loss(y, p)), "loss-sign-flipped"),
    (changed(lambda y, p: F.mse_loss(p, y)), "squared-error-for-cross-entropy"),
    (changed(exchanged(1e-7)), "targets-and-predictions-exchanged"),
    (changed(exchanged(1e-4)), "targets-and-predictions-exchanged"),
    (changed(lambda y, p: F.binary_cross_entropy(y, p)), "targets-and-predictions-exchanged"),
    (changed(share=lambda y, p: ((p > 0.5) == y).sum()), "accuracy-as-count"),
    (changed(share=lambda y, p: ((p > 0.5) != y).float().mean()), "error-rate-for-accuracy"),
    (changed(share=lambda y, p: 100 * accuracy(y, p)), "accuracy-in-percent"),
    (changed(share=lambda y, p: (p > 0.5).float().mean()), "labels-not-looked-at"),
    (lambda *a: evaluate(*a)[::-1], "loss-and-accuracy-exchanged"),
    (
        changed(lambda y, p: len(y) * bce_loss(y, p), lambda y, p: len(y) * accuracy(y, p)),
        "sum-for-mean+accuracy-as-count",
    ),
]


@pytest.mark.parametrize(("student", "name"), WRONG_EVALUATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_evaluation_loses_its_half_and_is_named(judged, monkeypatch, student, name, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.evaluation, [student])
    both = "+" in name or name == "loss-and-accuracy-exchanged"
    assert found.credit == (0.0 if both else 0.5)
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


NAMELESS_EVALUATIONS = [
    changed(lambda y, p: 1.01 * bce_loss(y, p)),
    changed(lambda y, p: bce_loss(y, p) / 0.6931471805599453),
    changed(share=lambda y, p: 0.0),
    changed(share=lambda y, p: ((p > 0.4) == y).float().mean() * 0.99),
    changed(share=lambda y, p: None),
    lambda *a: evaluate(*a)[0],
    lambda *a: None,
    lambda *a: (*evaluate(*a), 0.0),
    lambda *a: 1 / 0,
    lambda *a: ("good", "better"),
]


@pytest.mark.parametrize("student", NAMELESS_EVALUATIONS)
def test_other_wrong_evaluations_get_no_name(judged, student):
    found = judged(judging.evaluation, [student])
    assert found.credit <= 0.5
    assert found.diagnosis is None


def test_an_evaluation_that_trains_is_told_so(judged):
    def student(params, x, y):
        result = evaluate(params, x, y)
        with torch.no_grad():
            params[0][0].mul_(0.9)
        return result

    found = judged(judging.evaluation, [student])
    assert found.credit == 0.0
    assert "changes the parameters" in found.message


def judge_with_own(judged, student, own_network, own_loss):
    return judged(
        lambda f, *own: judging.evaluation(f, network=own[0], loss=own[1]),
        [student, own_network, own_loss],
    )


def test_a_wrong_network_or_loss_of_ones_own_costs_nothing_here(judged):
    for own_network in (network, no_bias, returns_in_the_loop):
        for own_loss in (bce_loss, lambda y, p: bce_loss(y, p) * len(y)):
            if (own_network, own_loss) == (network, bce_loss):
                continue

            def student(params, x, y, own_network=own_network, own_loss=own_loss):
                with torch.no_grad():
                    y_hat = own_network(x, params)
                    return own_loss(y, y_hat).item(), accuracy(y, y_hat).item()

            found = judge_with_own(judged, student, own_network, own_loss)
            if own_network is returns_in_the_loop:  # its outputs have several columns
                assert found.credit < 1.0
            else:
                assert found.credit == 1.0, found.message
                assert "your own `network` and loss" in found.message


@pytest.mark.parametrize("own_network", [network, no_bias])
def test_a_mistake_of_the_evaluation_itself_is_not_carried_away(judged, own_network):
    def student(params, x, y):
        y_hat = own_network(x, params)
        return 2 * bce_loss(y, y_hat).item(), 1 - accuracy(y, y_hat).item()

    assert judge_with_own(judged, student, own_network, bce_loss).credit == 0.0


def test_a_network_of_ones_own_that_raises_does_not_end_the_test(judged):
    def broken(x, params):
        raise NotImplementedError("network: your code is missing here")

    found = judge_with_own(judged, lambda p, x, y: (broken(x, p), 0), broken, bce_loss)
    assert found.credit == 0.0
    assert "not implemented yet" in found.message
