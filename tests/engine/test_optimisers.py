"""Optimisers against torch.optim, schedules, the course's function, and training."""

import numpy as np
import pytest
import torch

from deltarule.engine import (
    BCE,
    MSE,
    RELU,
    SIGMOID,
    TANH,
    Adam,
    GradientDescent,
    Layer,
    Momentum,
    Network,
    backward,
    forward,
    initialisers,
    loss,
    minibatches,
    minimise,
    parameters,
    random_network,
    train,
    train_minibatches,
)
from deltarule.engine.optimisers import constant, exponential_decay, inverse_time_decay

from .oracles import EPS

STEPS = 30
SHAPES = [(3, 2), (2,), (2, 1), (1,)]


def course_function(point):
    x, y = point
    return float(x**2 + y**2 + x * (y + 2) + np.cos(3 * x))


def course_gradient(point):
    x, y = point
    return np.array([2 * x + y + 2 - 3 * np.sin(3 * x), x + 2 * y])


def bumpy_gradient(array):
    return 3 * array + np.sin(5 * array)


PAIRS = {
    "sgd": (GradientDescent(constant(0.05)), lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": (
        Momentum(constant(0.05), 0.8),
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8),
    ),
    "adam": (Adam(constant(0.05)), lambda p: torch.optim.Adam(p, lr=0.05)),
    "adam with other constants": (
        Adam(constant(0.01), 0.7, 0.95, 1e-3),
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.7, 0.95), eps=1e-3),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_optimiser_follows_torch_for_many_steps(name):
    optimiser, make_torch = PAIRS[name]
    rng = np.random.default_rng(0)
    params = tuple(rng.normal(size=shape) for shape in SHAPES)
    tensors = [torch.from_numpy(param.copy()).requires_grad_() for param in params]
    torch_optimiser = make_torch(tensors)
    state = optimiser.init(params)
    for _ in range(STEPS):
        gradients = tuple(bumpy_gradient(param) for param in params)
        state, params = optimiser.step(state, params, gradients)
        for tensor in tensors:
            tensor.grad = 3 * tensor.detach() + torch.sin(5 * tensor.detach())
        torch_optimiser.step()
        for got, expected in zip(params, tensors, strict=True):
            # bumpy_gradient magnifies no difference, so the roundings of the steps add up.
            np.testing.assert_allclose(
                got, expected.detach().numpy(), rtol=0, atol=10 * STEPS * EPS
            )
    assert state.t == STEPS


@pytest.mark.parametrize("name", PAIRS)
def test_step_changes_neither_its_arguments_nor_the_state(name):
    optimiser, _ = PAIRS[name]
    params, gradients = (np.ones(3),), (np.full(3, 2.0),)
    first_state, _ = optimiser.step(optimiser.init(params), params, gradients)
    before = [array.copy() for array in (*first_state.first, *first_state.second)]
    once = optimiser.step(first_state, params, gradients)[1]
    again = optimiser.step(first_state, params, gradients)[1]
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(params, [np.ones(3)])
    assert all(map(np.array_equal, before, (*first_state.first, *first_state.second)))


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_of_other_shapes_are_refused(name):
    optimiser, _ = PAIRS[name]
    params = (np.ones((5, 1)),)
    with pytest.raises(ValueError, match=r"\(5, 1\).*\(5,\)"):
        optimiser.step(optimiser.init(params), params, (np.ones(5),))


def test_first_step_of_adam_has_the_step_size_whatever_the_gradient():
    optimiser = Adam(constant(0.1))
    params = (np.zeros(3),)
    _, (moved,) = optimiser.step(optimiser.init(params), params, (np.array([1e-3, -5.0, 1e6]),))
    np.testing.assert_allclose(moved, [-0.1, 0.1, -0.1], rtol=1e-4)


def test_schedules_start_at_eta_0():
    for schedule in (constant(0.2), exponential_decay(0.2, 0.5), inverse_time_decay(0.2, 0.5)):
        assert schedule(0) == 0.2


def test_schedules_in_numbers():
    assert constant(0.2)(7) == 0.2
    assert exponential_decay(0.2, 0.5)(3) == 0.2 / 8
    assert inverse_time_decay(0.2, 0.5)(2) == 0.1


def test_ten_steps_on_the_course_function():
    path = minimise(course_function, course_gradient, np.array([3.0, 2.0]), constant(0.1), 10)
    assert path.points.shape == (11, 2)
    assert path.values.shape == (11,)
    assert path.values[-1] == pytest.approx(1.2967615849902097, rel=1e-13)
    np.testing.assert_array_equal(path.points[0], [3.0, 2.0])
    assert path.values[0] == course_function([3.0, 2.0])


def test_decay_of_one_is_no_decay():
    start = np.array([3.0, 2.0])
    plain = minimise(course_function, course_gradient, start, constant(0.2), 10)
    decay = minimise(course_function, course_gradient, start, exponential_decay(0.2, 1.0), 10)
    np.testing.assert_array_equal(plain.points, decay.points)


def test_decay_counts_from_the_first_step_size():
    path = minimise(lambda p: p[0], lambda p: np.ones(1), np.zeros(1), exponential_decay(1, 0.5), 4)
    np.testing.assert_array_equal(path.points[:, 0], [0.0, -1.0, -1.5, -1.75, -1.875])


def test_decay_reaches_the_goal_of_the_course_where_a_constant_step_does_not():
    start = np.array([3.0, 2.0])
    plain = minimise(course_function, course_gradient, start, constant(0.2), 40)
    decay = minimise(course_function, course_gradient, start, exponential_decay(0.2, 0.9), 40)
    assert decay.values[-1] < -2 < plain.values[-1]


def test_minimise_takes_integer_starts_and_leaves_them_alone():
    start = np.array([3, 2])
    path = minimise(course_function, course_gradient, start, constant(0.1), 2)
    assert path.points.dtype == np.float64
    np.testing.assert_array_equal(start, [3, 2])


FIVE_POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]])
FIVE_LABELS = np.array([[1.0], [0.0], [0.0], [0.0], [0.0]])


def lab_4_network(seed):
    rng = np.random.default_rng(seed)
    sizes = (2, 5, 3, 1)
    layers = tuple(
        Layer(
            initialisers.glorot_uniform(rng, sizes[i], sizes[i + 1]),
            np.zeros(sizes[i + 1]),
            SIGMOID if i == 2 else TANH,
        )
        for i in range(3)
    )
    return Network(layers, MSE)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lab_4_learns_its_five_points(seed):
    network, losses = train(
        lab_4_network(seed), FIVE_POINTS, FIVE_LABELS, GradientDescent(constant(0.25)), 2500
    )
    assert losses.shape == (2500,)
    assert 1e-4 < losses[-1] < 5e-3  # the lab's own run ends near 1.6e-3
    predictions = forward(network, FIVE_POINTS).y_hat
    np.testing.assert_array_equal(predictions.round(), FIVE_LABELS)


def test_losses_are_recorded_before_each_update():
    network = lab_4_network(0)
    trained, losses = train(network, FIVE_POINTS, FIVE_LABELS, GradientDescent(constant(0.25)), 3)
    assert losses[0] == loss(network, FIVE_POINTS, FIVE_LABELS)
    assert loss(trained, FIVE_POINTS, FIVE_LABELS) < losses[-1]


def test_one_epoch_is_one_step_along_the_gradient():
    network = lab_4_network(0)
    gradients = backward(network, forward(network, FIVE_POINTS), FIVE_LABELS)
    trained, _ = train(network, FIVE_POINTS, FIVE_LABELS, GradientDescent(constant(0.25)), 1)
    for new, old, slope in zip(
        parameters(trained), parameters(network), gradients.by_parameter(), strict=True
    ):
        np.testing.assert_array_equal(new, old - 0.25 * slope)


def test_no_epochs_change_nothing():
    network = lab_4_network(0)
    trained, losses = train(network, FIVE_POINTS, FIVE_LABELS, GradientDescent(constant(1.0)), 0)
    assert losses.shape == (0,)
    assert all(map(np.array_equal, parameters(network), parameters(trained)))


@pytest.mark.parametrize(("n", "size"), [(7, 3), (6, 3), (1, 5), (5, 1), (0, 2)])
def test_minibatches_hold_every_sample_once(n, size):
    batches = minibatches(np.random.default_rng(0), n, size)
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(0 < len(batch) <= size for batch in batches)
    assert sorted(i for batch in batches for i in batch) == list(range(n))


def test_minibatches_come_in_another_order_each_time():
    rng = np.random.default_rng(0)
    first, second = (np.concatenate(minibatches(rng, 50, 10)) for _ in range(2))
    assert (first != second).any()


def test_minibatch_of_no_samples_is_refused():
    with pytest.raises(ValueError, match="at least one sample"):
        minibatches(np.random.default_rng(0), 5, 0)


def test_minibatch_of_all_samples_is_gradient_descent():
    network, optimiser = lab_4_network(0), Momentum(constant(0.1))
    plain, losses = train(network, FIVE_POINTS, FIVE_LABELS, optimiser, 4)
    batched, batch_losses = train_minibatches(
        network, FIVE_POINTS, FIVE_LABELS, optimiser, 4, 5, np.random.default_rng(0)
    )
    # The same sums in another order.
    np.testing.assert_allclose(batch_losses[:, 0], losses, rtol=1000 * EPS)
    for a, b in zip(parameters(plain), parameters(batched), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1000 * EPS)


def test_minibatch_training_learns_and_reports_every_minibatch():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 2))
    y = (x[:, :1] * x[:, 1:] > 0).astype(np.float64)
    network = random_network(rng, (2, 8, 1), RELU, SIGMOID, BCE)
    trained, losses = train_minibatches(network, x, y, Adam(constant(0.02)), 60, 8, rng)
    assert losses.shape == (60, 7)
    assert loss(trained, x, y) < 0.5 * loss(network, x, y)


def test_targets_for_other_samples_are_refused():
    with pytest.raises(ValueError, match="differ in samples"):
        train_minibatches(
            lab_4_network(0),
            FIVE_POINTS,
            FIVE_LABELS[:4],
            GradientDescent(constant(0.1)),
            1,
            2,
            np.random.default_rng(0),
        )
