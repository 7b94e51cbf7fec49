"""Verdicts on ``train_epoch``: right epochs in many styles, and every mistake of the bank."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deltarule import judging
from deltarule.judging import epoch_bank
from deltarule.judging.epoch_cases import epoch_cases
from deltarule.judging.epochs import NOT_SHUFFLED_COSTS


def network(x, params):
    z = x
    for w, b, h in params:
        z = h(z @ w + b)
    return z.squeeze(dim=-1)


def bce_loss(y, y_hat):
    return torch.mean(-(y * torch.log(y_hat) + (1 - y) * torch.log(1 - y_hat)))


def clamped_loss(y, y_hat):
    return bce_loss(y, y_hat.clamp(1e-4, 1 - 1e-4))


def shifted_loss(y, y_hat):
    return -torch.mean(y * torch.log(y_hat + 1e-4) + (1 - y) * torch.log(1 - y_hat + 1e-4))


def accuracy(y, y_hat):
    return torch.mean(((y_hat > 0.5) == y).float())


def add_gradients(params, step):
    with torch.no_grad():
        for w, b, _ in params:
            w += step * w.grad
            b += step * b.grad


def clear_gradients(params):
    for w, b, _ in params:
        w.grad = None
        b.grad = None


def course_epoch(
    *,
    network=network,
    loss=bce_loss,
    clear="before",
    factor=lambda rate, size: -rate,
    pick_y=lambda order, x_rows: x_rows,
    rows=lambda order, step, size: order[step * size : (step + 1) * size],
    order=torch.randperm,
    divide=lambda total, batches, n: total / batches,
    after=False,
    only_first=False,
):
    """The course's own solution, with places at which it can be made another one."""

    def train_epoch(params, x_train, y_train, learning_rate, batch_size):
        n = len(x_train)
        if batch_size is None or batch_size > n:
            batch_size = n
        num_batches = n // batch_size
        random_order = order(n)
        loss_total = accuracy_total = 0
        if clear == "once":
            clear_gradients(params)
        for step in range(num_batches):
            if clear == "before":
                clear_gradients(params)
            chosen = rows(random_order, step, batch_size)
            x_batch, y_batch = x_train[chosen], y_train[pick_y(random_order, chosen)]
            y_hat = network(x_batch, params)
            value = loss(y_batch, y_hat)
            value.backward()
            if clear == "too early":
                clear_gradients(params)
            add_gradients(params, factor(learning_rate, len(x_batch)))
            if clear == "after":
                clear_gradients(params)
            if after:
                y_hat = network(x_batch, params)
                value = loss(y_batch, y_hat)
            loss_total += value.item()
            accuracy_total += accuracy(y_batch, y_hat).item()
            if only_first:
                break
        return divide(loss_total, num_batches, n), divide(accuracy_total, num_batches, n)

    return train_epoch


# --- right epochs -------------------------------------------------------------------------------


def with_a_loader(params, x, y, learning_rate, batch_size):
    data = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(data, batch_size=batch_size or len(x), shuffle=True)
    losses, shares = [], []
    for xb, yb in loader:
        y_hat = network(xb, params)
        loss = F.binary_cross_entropy(y_hat, yb)
        tensors = [t for w, b, _ in params for t in (w, b)]
        for tensor, gradient in zip(tensors, torch.autograd.grad(loss, tensors), strict=True):
            tensor.data -= learning_rate * gradient
        losses.append(loss.detach())
        shares.append(((y_hat.detach() > 0.5) == yb).double().mean())
    return torch.stack(losses).mean(), torch.stack(shares).mean()


def with_an_optimiser(params, x, y, learning_rate, batch_size):
    n = len(x)
    optimiser = torch.optim.SGD([t for w, b, _ in params for t in (w, b)], lr=learning_rate)
    batches = torch.randperm(n).split(batch_size or n)
    loss_total, right = 0.0, 0
    for rows in batches:
        y_hat = network(x[rows], params)
        loss = clamped_loss(y[rows], y_hat)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss_total += loss.item() * len(rows)
        right += int(((y_hat > 0.5) == (y[rows] > 0.5)).sum())
    return loss_total / n, right / n


def replacing_the_layers(params, x, y, learning_rate, batch_size):
    n = len(x)
    batch_size = n if batch_size is None else batch_size
    order = np.random.permutation(n)
    losses, accuracies = [], []
    for start in range(0, n - batch_size + 1, batch_size):
        rows = torch.from_numpy(order[start : start + batch_size])
        y_hat = network(x[rows], params)
        loss = bce_loss(y[rows], y_hat)
        loss.backward()
        for i, (w, b, h) in enumerate(params):
            new_w = (w - learning_rate * w.grad).detach().requires_grad_()
            new_b = (b - learning_rate * b.grad).detach().requires_grad_()
            params[i] = (new_w, new_b, h)
        losses.append(loss.item())
        accuracies.append(accuracy(y[rows], y_hat).item())
    return np.mean(losses), np.mean(accuracies)


def shuffled_once_before(params, x, y, learning_rate, batch_size):
    n = len(x)
    batch_size = min(batch_size or n, n)
    indices = list(range(n))
    random.shuffle(indices)
    x, y = x[indices], y[indices]
    totals = torch.zeros(2, dtype=torch.float64)
    for step in range(n // batch_size):
        part = slice(step * batch_size, (step + 1) * batch_size)
        y_hat = network(x[part], params)
        loss = shifted_loss(y[part], y_hat)
        loss.backward()
        with torch.no_grad():
            for w, b, _ in params:
                for tensor in (w, b):
                    tensor.sub_(tensor.grad, alpha=learning_rate)
                    tensor.grad.zero_()
        totals += torch.stack([loss.detach(), accuracy(y[part], y_hat).to(loss)]).double()
    return list(totals / (n // batch_size))


def sums_over_samples(params, x, y, learning_rate, batch_size):
    """Sample by sample, dividing by the size of the batch itself."""
    n = len(x)
    batch_size = batch_size or n
    order = torch.randperm(n).tolist()
    loss_total = accuracy_total = 0.0
    for step in range(n // batch_size):
        clear_gradients(params)
        for i in order[step * batch_size : (step + 1) * batch_size]:
            y_hat = network(x[i : i + 1], params)
            loss = bce_loss(y[i : i + 1], y_hat) / batch_size
            loss.backward()
            loss_total += loss.item()
            accuracy_total += accuracy(y[i : i + 1], y_hat).item() / batch_size
        add_gradients(params, -learning_rate)
    return loss_total / (n // batch_size), accuracy_total / (n // batch_size)


def always_double(params, x, y, learning_rate, batch_size):
    return course_epoch(loss=lambda y, p: bce_loss(y.double(), p))(
        params, x.double(), y, learning_rate, batch_size
    )


def always_single(params, x, y, learning_rate, batch_size):
    return course_epoch()(params, x.float(), y.float(), learning_rate, batch_size)


def seeded_by_the_student(n):
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))


RIGHT = [
    course_epoch(),
    course_epoch(clear="after"),
    course_epoch(loss=clamped_loss),
    course_epoch(loss=shifted_loss),
    course_epoch(loss=lambda y, y_hat: F.binary_cross_entropy(y_hat, y)),
    course_epoch(loss=lambda y, y_hat: F.binary_cross_entropy(y_hat.float(), y.float())),
    course_epoch(order=seeded_by_the_student),
    with_a_loader,
    with_an_optimiser,
    replacing_the_layers,
    shuffled_once_before,
    sums_over_samples,
    always_double,
    always_single,
]


@pytest.mark.parametrize("student", RIGHT)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_epoch_is_accepted_however_it_is_written(judged, monkeypatch, student, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.training_epoch, [student])
    assert found.credit == 1.0, found.message
    assert found.margin > 1.2


# --- wrong epochs -------------------------------------------------------------------------------


def whole_set_in_every_step(order, step, size):
    return torch.arange(len(order))


def whole_set_once(params, x, y, learning_rate, batch_size):
    return course_epoch()(params, x, y, learning_rate, None)


def without_a_step(params, x, y, learning_rate, batch_size):
    n = len(x)
    losses, accuracies = [], []
    for rows in torch.randperm(n).split(batch_size or n):
        y_hat = network(x[rows], params)
        loss = bce_loss(y[rows], y_hat)
        loss.backward()
        losses.append(loss.item())
        accuracies.append(accuracy(y[rows], y_hat).item())
    return np.mean(losses), np.mean(accuracies)


def without_backward(params, x, y, learning_rate, batch_size):
    y_hat = network(x, params)
    add_gradients(params, -learning_rate)
    return bce_loss(y, y_hat).item(), accuracy(y, y_hat).item()


def last_loss(params, x, y, learning_rate, batch_size):
    kept = []

    def remember(y, y_hat):
        kept.append((bce_loss(y, y_hat), accuracy(y, y_hat)))
        return kept[-1][0]

    course_epoch(loss=remember)(params, x, y, learning_rate, batch_size)
    return kept[-1][0].item(), kept[-1][1].item()


WRONG = [
    (course_epoch(factor=lambda rate, size: rate), "ascent-for-descent", 1 / 3),
    (course_epoch(clear="never"), "gradients-not-cleared", 1 / 3),
    (course_epoch(clear="once"), "gradients-not-cleared", 2 / 3),
    (course_epoch(clear="too early"), "gradients-cleared-before-step", 0),
    (course_epoch(only_first=True), "one-batch-only", 1 / 3),
    (
        course_epoch(only_first=True, divide=lambda total, batches, n: total),
        "one-batch-only",
        2 / 3,
    ),
    (course_epoch(rows=whole_set_in_every_step), "batch-size-ignored", 2 / 3),
    (whole_set_once, "batch-size-ignored", 2 / 3),
    (
        course_epoch(pick_y=lambda order, rows: torch.randperm(len(order))[: len(rows)]),
        "samples-and-labels-parted",
        0,
    ),
    (
        course_epoch(pick_y=lambda order, rows: order.flip(0)[: len(rows)]),
        "samples-and-labels-parted",
        1 / 3,
    ),
    (course_epoch(factor=lambda rate, size: -1.0), "learning-rate-forgotten", 1 / 3),
    (course_epoch(factor=lambda rate, size: -rate / size), "learning-rate-over-batch", 1 / 3),
    (course_epoch(factor=lambda rate, size: -rate * size), "missing-batch-mean", 1 / 3),
    (
        course_epoch(divide=lambda total, batches, n: total),
        "loss-summed-over-batches",
        2 / 3,
    ),
    (course_epoch(after=True), "loss-after-update", 2 / 3),
    (
        course_epoch(divide=lambda total, batches, n: total / n),
        "mean-over-wrong-number",
        2 / 3,
    ),
    (last_loss, "loss-of-last-batch", 2 / 3),
    (lambda *a: course_epoch()(*a)[::-1], "loss-and-accuracy-exchanged", 2 / 3),
    (
        course_epoch(order=lambda n: torch.randint(n, (n,))),
        "samples-repeated",
        0,
    ),
    (
        course_epoch(rows=lambda order, step, size: order[step : step + size]),
        "samples-repeated",
        2 / 3,
    ),
    (without_a_step, "step-forgotten", 1 / 3),
    (without_backward, "backward-forgotten", 0),
    (
        course_epoch(factor=lambda rate, size: rate, clear="never"),
        "ascent-for-descent+gradients-not-cleared",
        1 / 3,
    ),
    (
        course_epoch(factor=lambda rate, size: rate, divide=lambda total, batches, n: total),
        "ascent-for-descent+loss-summed-over-batches",
        0,
    ),
]


@pytest.mark.parametrize(("student", "name", "most"), WRONG)
@pytest.mark.parametrize("seed", range(2))
def test_a_wrong_epoch_loses_points_and_is_named(judged, monkeypatch, student, name, most, seed):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    found = judged(judging.training_epoch, [student])
    assert found.credit <= most + 1e-9
    assert found.diagnosis is not None, found.message
    assert found.diagnosis["name"] == name


NAMELESS = [
    course_epoch(factor=lambda rate, size: -1.1 * rate),
    course_epoch(factor=lambda rate, size: -rate * rate),
    course_epoch(factor=lambda rate, size: -1e30),
    course_epoch(loss=lambda y, y_hat: torch.mean((y - y_hat) ** 2)),
    course_epoch(
        network=lambda x, params: network(x, [*params[:-1], (*params[-1][:2], torch.tanh)])
    ),
    course_epoch(divide=lambda total, batches, n: 0.5),
    lambda *a: course_epoch()(*a)[0],
    lambda *a: None,
    lambda *a: (1.0, 2.0, 3.0),
    lambda *a: 1 / 0,
    lambda params, *a: (params.clear(), 1.0),
]


@pytest.mark.parametrize("student", NAMELESS)
def test_other_wrong_epochs_get_no_name(judged, student):
    found = judged(judging.training_epoch, [student])
    assert found.credit < 1.0
    assert found.diagnosis is None


def test_batches_in_the_order_of_the_data_cost_little(judged):
    found = judged(judging.training_epoch, [course_epoch(order=torch.arange)])
    assert found.credit == pytest.approx(1 - NOT_SHUFFLED_COSTS)
    assert found.diagnosis["name"] == "not-shuffled"
    assert "in the order of the data" in found.message


def test_mistakes_are_charged_once(judged):
    found = judged(judging.training_epoch, [course_epoch(factor=lambda rate, size: rate)])
    assert found.credit == pytest.approx(1 / 3)
    assert "Always right: reported loss and accuracy" in found.message


def test_every_name_of_the_bank_is_tried_here():
    tried = {one for _, name, _ in WRONG for one in name.split("+")} | {"not-shuffled"}
    bank = {one.name for one in vars(epoch_bank).values() if isinstance(one, epoch_bank.Mistake)}
    assert tried == bank


# --- the student's own functions -----------------------------------------------------------------


def judge_with_own(judged, student, own_network, own_loss):
    return judged(
        lambda epoch, *own: judging.training_epoch(epoch, network=own[0], loss=own[1]),
        [student, own_network, own_loss],
    )


def no_bias(x, params):
    return network(x, [(w, b * 0, h) for w, b, h in params])


def sigmoid_everywhere(x, params):
    return network(x, [(w, b, torch.sigmoid) for w, b, _ in params])


def summed_loss(y, y_hat):
    return len(y) * bce_loss(y, y_hat)


def squared_loss(y, y_hat):
    return torch.mean((y - y_hat) ** 2)


OWN = [
    (sigmoid_everywhere, bce_loss),
    (network, summed_loss),
    (network, squared_loss),
    (sigmoid_everywhere, summed_loss),
]


@pytest.mark.parametrize(("own_network", "own_loss"), OWN)
@pytest.mark.parametrize("seed", range(2))
def test_wrong_functions_of_ones_own_cost_nothing_here(
    judged, monkeypatch, own_network, own_loss, seed
):
    monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
    student = course_epoch(network=own_network, loss=own_loss)
    found = judge_with_own(judged, student, own_network, own_loss)
    assert found.credit == 1.0, found.message
    assert "your own `network` and loss" in found.message


@pytest.mark.parametrize(("own_network", "own_loss"), OWN)
@pytest.mark.parametrize(
    "wrong",
    [
        {"factor": lambda rate, size: rate},
        {"clear": "never"},
        {"only_first": True},
        {"factor": lambda rate, size: -1.0},
        {"divide": lambda total, batches, n: total},
    ],
)
def test_a_wrong_epoch_over_wrong_functions_loses_points(judged, own_network, own_loss, wrong):
    student = course_epoch(network=own_network, loss=own_loss, **wrong)
    assert judge_with_own(judged, student, own_network, own_loss).credit < 1.0


def test_a_right_epoch_with_right_functions_hears_nothing_about_them(judged):
    found = judge_with_own(judged, course_epoch(), network, bce_loss)
    assert found.credit == 1.0
    assert "your own" not in found.message


def test_a_wrong_epoch_with_right_functions_is_still_named(judged):
    student = course_epoch(factor=lambda rate, size: rate)
    found = judge_with_own(judged, student, network, clamped_loss)
    assert found.diagnosis["name"] == "ascent-for-descent"


def test_a_network_that_autograd_cannot_follow_is_told(judged):
    def detached(x, params):
        return network(x, params).detach()

    found = judge_with_own(judged, course_epoch(network=detached), detached, bce_loss)
    assert found.credit == 0.0
    assert "cannot be used" in found.message


def test_an_epoch_over_a_network_that_stands_still_cannot_be_judged(judged):
    def constant(x, params):
        return network(x, params) * 0 + 0.5

    found = judge_with_own(judged, course_epoch(network=constant), constant, bce_loss)
    assert found.credit < 1.0
    assert "cannot be judged yet" in found.message


def test_an_unsolved_epoch_is_told_from_a_wrong_one(judged):
    def student(*arguments):
        raise NotImplementedError("train_epoch: your code is missing here")

    found = judged(judging.training_epoch, [student])
    assert found.credit == 0.0
    assert "not implemented yet" in found.message


def test_what_is_asked_covers_sizes_that_do_not_divide_and_both_precisions():
    cases = epoch_cases(np.random.default_rng(0))
    assert {case.kind for case in cases} == {"whole", "equal", "traced"}
    assert {case.samples % case.batch > 0 for case in cases} == {True, False}
    assert {case.start.dtype for case in cases} == {"float32", "float64"}
    assert any(None in case.batches for case in cases)
