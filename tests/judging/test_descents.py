"""Gradient descent on a plain function: right runs, and the names of wrong ones."""

import math

import numpy as np
import pytest
import torch

from deltarule import judging
from deltarule.errors import JudgingError
from deltarule.exchange.subject import Reference
from deltarule.judging import descents


def f(x, y):
    return x**2 + y**2 + x * (y + 2) + np.cos(3 * x)


def slope_x(x, y):
    return 2 * x - 3 * np.sin(3 * x) + y + 2


def slope_y(x, y):
    return x + 2 * y


REFERENCE = judging.descent(f, (slope_x, slope_y))
DRAW = {"x": (-3.0, 3.0), "y": (-3.0, 3.0), "step_size": (0.02, 0.15), "steps": (1, 6)}
PLAIN = {"x": "", "y": "", "step_size": "", "steps": ""}


def judge(judged, student, *, decay=False):
    draw = DRAW | ({"decay": (0.5, 0.95)} if decay else {})
    shapes = PLAIN | ({"decay": ""} if decay else {})
    bank = judging.DECAY_RUN if decay else judging.OPTIMISE
    return judged(judging.function, [student], REFERENCE, draw=draw, mistakes=bank, **shapes)


def right(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        dx, dy = slope_x(x, y), slope_y(x, y)
        x, y = x - step_size * decay**step * dx, y - step_size * decay**step * dy
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist


def in_numpy(x, y, step_size, steps, decay=1.0):
    path = np.zeros((steps + 1, 2))
    path[0] = x, y
    for t, eta in enumerate(step_size * np.power(decay, np.arange(steps))):
        path[t + 1] = path[t] - eta * np.array([slope_x(*path[t]), slope_y(*path[t])])
    return [path[-1, 0], path[-1, 1], f(*path[-1]), list(path[:, 0]), path[:, 1]]


def in_plain_python(x, y, step_size, steps, decay=1.0):
    points = [(x, y)]
    while len(points) <= steps:
        a, b = points[-1]
        dx = 2 * a - 3 * math.sin(3 * a) + b + 2
        points.append((a - step_size * dx, b - step_size * (a + 2 * b)))
        step_size *= decay
    a, b = points[-1]
    value = a * a + b * b + a * b + 2 * a + math.cos(3 * a)
    return a, b, value, tuple(p[0] for p in points), tuple(p[1] for p in points)


def by_autograd_in_float32(x, y, step_size, steps, decay=1.0):
    point = torch.tensor([x, y], requires_grad=True)
    path = [point.detach().clone()]
    for _ in range(steps):
        point.grad = None
        height(point).backward()
        with torch.no_grad():
            point -= step_size * point.grad
        step_size = step_size * decay
        path.append(point.detach().clone())
    x_hist, y_hist = torch.stack(path).T.tolist()
    return x_hist[-1], y_hist[-1], height(point).item(), x_hist, y_hist


def height(point):
    x, y = point
    return x**2 + y**2 + x * (y + 2) + torch.cos(3 * x)


@pytest.mark.parametrize("student", [right, in_numpy, in_plain_python, by_autograd_in_float32])
@pytest.mark.parametrize("decay", [False, True])
def test_the_same_descent_written_differently_is_accepted(judged, student, decay):
    for _ in range(5):
        found = judge(judged, student, decay=decay)
        assert found.credit == 1.0, found.message


@pytest.mark.parametrize("one", judging.OPTIMISE, ids=lambda one: one.name)
def test_each_mistake_of_a_descent_is_named(judged, one):
    found = judge(judged, lambda **arguments: one.wrong(REFERENCE)(**arguments))
    assert found.credit < 1.0
    assert found.diagnosis is not None
    assert found.diagnosis["name"] == one.name


@pytest.mark.parametrize("one", judging.DECAY_RUN, ids=lambda one: one.name)
def test_each_mistake_of_a_descent_with_decay_is_named(judged, one):
    found = judge(judged, lambda **arguments: one.wrong(REFERENCE)(**arguments), decay=True)
    assert found.credit < 1.0
    assert found.diagnosis is not None
    assert found.diagnosis["name"] == one.name


def decayed_in_place(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        step_size *= decay**step
        x, y = x - step_size * slope_x(x, y), y - step_size * slope_y(x, y)
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist


def decayed_first(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for _ in range(steps):
        step_size *= decay
        x, y = x - step_size * slope_x(x, y), y - step_size * slope_y(x, y)
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist


def one_after_the_other(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        x -= step_size * decay**step * slope_x(x, y)
        y -= step_size * decay**step * slope_y(x, y)
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist


@pytest.mark.parametrize(
    ("student", "name"),
    [
        (decayed_in_place, "decay-multiplied-up"),
        (decayed_first, "decay-one-step-early"),
        (one_after_the_other, "updated-x-used-for-y"),
    ],
)
def test_mistakes_as_students_write_them_are_named(judged, student, name):
    found = judge(judged, student, decay=True)
    assert found.credit == 0.0
    assert found.diagnosis["name"] == name


@pytest.mark.parametrize(
    ("student", "credit"),
    [
        (lambda **given: (*right(**given)[:3], *right(**given)[:2:-1]), 0.6),
        (lambda **given: right(**{**given, "step_size": given["step_size"] / 2}), 0.0),
        (lambda **given: right(**given)[:3], 0.0),
    ],
)
def test_other_wrong_descents_have_no_name(judged, student, credit):
    found = judge(judged, student)
    assert found.credit == pytest.approx(credit)
    assert found.diagnosis is None


def test_credit_goes_to_the_values_that_are_right(judged):
    without_start = lambda **given: (*right(**given)[:3], *(h[1:] for h in right(**given)[3:]))  # noqa: E731
    found = judge(judged, without_start)
    assert found.credit == pytest.approx(0.6)
    assert "Always right: value 1, value 2, value 3." in found.message


def test_every_number_of_steps_occurs_whatever_the_seed(judged, monkeypatch):
    for seed in range(10):
        monkeypatch.setenv(judging.SEED_VARIABLE, str(seed))
        wrong_at_six = lambda steps, **given: right(steps=steps - (steps == 6), **given)  # noqa: E731
        assert judge(judged, wrong_at_six).credit == 0.0


def test_a_descent_may_have_any_number_of_coordinates():
    single = judging.descent(lambda a: a**2, [lambda a: 2 * a])
    *last, history = single(a=1.0, step_size=0.25, steps=2)
    assert last == [0.25, 0.0625]
    assert history.tolist() == [1.0, 0.5, 0.25]


def test_a_descent_runs_on_functions_of_the_hidden_test_only():
    with pytest.raises(JudgingError, match="hidden test's own"):
        judging.descent(Reference("f"), [slope_x, slope_y])
    assert isinstance(REFERENCE, descents.Descent)
