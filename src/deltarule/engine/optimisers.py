"""Gradient descent and its relatives, as pure functions: old state in, new state out.

With the gradient g_t at the parameters theta_t, the step size eta_t of a schedule, and t from 0:

    gradient descent   theta_{t+1} = theta_t - eta_t g_t
    momentum           v_{t+1} = mu v_t + g_t            theta_{t+1} = theta_t - eta_t v_{t+1}
    Adam               m_{t+1} = beta1 m_t + (1 - beta1) g_t
                       v_{t+1} = beta2 v_t + (1 - beta2) g_t^2
                       theta_{t+1} = theta_t - eta_t m^ / (sqrt(v^) + epsilon)
                       m^ = m_{t+1} / (1 - beta1^{t+1}),  v^ = v_{t+1} / (1 - beta2^{t+1})

Momentum is written as PyTorch writes it: the step size scales the whole velocity (Polyak's form
has it inside v; the two differ as soon as eta_t varies). Adam is algorithm 1 of Kingma & Ba (2015).
The loss that training records is the one before each update, as in lab 4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Parameters
from .networks import Network, backward, forward, parameters, with_parameters

Schedule: TypeAlias = Callable[[int], float]
"""The step size eta_t of step t, counted from 0."""


def constant(step_size: float) -> Schedule:
    """eta_t = eta_0."""
    return lambda _t: step_size


def exponential_decay(step_size: float, decay: float) -> Schedule:
    """eta_t = eta_0 d^t: always from eta_0, not from the step size before."""
    return lambda t: step_size * decay**t


def inverse_time_decay(step_size: float, decay: float) -> Schedule:
    """eta_t = eta_0 / (1 + d t): slow enough to reach any point, as its sum diverges."""
    return lambda t: step_size / (1.0 + decay * t)


@dataclass(frozen=True, eq=False)
class OptimiserState:
    """What an optimiser remembers between two steps.

    Attributes:
        t: Number of steps done.
        first: Per parameter, momentum's velocity or Adam's m; empty if not used.
        second: Per parameter, Adam's v; empty if not used.
    """

    t: int
    first: Parameters = ()
    second: Parameters = ()


class Optimiser(Protocol):
    """Anything that turns gradients into new parameters."""

    def init(self, params: Parameters) -> OptimiserState:
        """The state before the first step."""
        ...

    def step(
        self, state: OptimiserState, params: Parameters, gradients: Parameters
    ) -> tuple[OptimiserState, Parameters]:
        """One step; neither the arrays nor the state that come in are changed.

        Raises:
            ValueError: If gradients and parameters differ in number or shapes.
        """
        ...


def _require_matching(params: Parameters, gradients: Parameters) -> None:
    expected = [param.shape for param in params]
    found = [gradient.shape for gradient in gradients]
    if expected != found:
        raise ValueError(f"parameters have shapes {expected}, their gradients {found}")


def _zeros(params: Parameters) -> Parameters:
    return tuple(np.zeros_like(param) for param in params)


def _blend(keep: float, old: Parameters, add: float, new: Parameters) -> Parameters:
    return tuple(keep * a + add * b for a, b in zip(old, new, strict=True))


@dataclass(frozen=True)
class GradientDescent:
    """Plain gradient descent; on minibatches, stochastic gradient descent.

    Attributes:
        schedule: The step sizes.
    """

    schedule: Schedule

    def init(self, params: Parameters) -> OptimiserState:
        """The state before the first step: no memory but the step count."""
        del params  # every optimiser is asked in the same way
        return OptimiserState(0)

    def step(
        self, state: OptimiserState, params: Parameters, gradients: Parameters
    ) -> tuple[OptimiserState, Parameters]:
        """One step; see `Optimiser.step`."""
        _require_matching(params, gradients)
        moved = _blend(1.0, params, -self.schedule(state.t), gradients)
        return OptimiserState(state.t + 1), moved


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with momentum (heavy ball), without dampening, not Nesterov's.

    Attributes:
        schedule: The step sizes.
        coefficient: mu, the share of the velocity that is kept, in [0, 1).
    """

    schedule: Schedule
    coefficient: float = 0.9

    def init(self, params: Parameters) -> OptimiserState:
        """The state before the first step: at rest."""
        return OptimiserState(0, first=_zeros(params))

    def step(
        self, state: OptimiserState, params: Parameters, gradients: Parameters
    ) -> tuple[OptimiserState, Parameters]:
        """One step; see `Optimiser.step`."""
        _require_matching(params, gradients)
        velocity = _blend(self.coefficient, state.first, 1.0, gradients)
        moved = _blend(1.0, params, -self.schedule(state.t), velocity)
        return OptimiserState(state.t + 1, first=velocity), moved


@dataclass(frozen=True)
class Adam:
    """Adam, with bias correction; Kingma & Ba (2015), algorithm 1.

    Attributes:
        schedule: The step sizes.
        beta1: Decay of the mean of the gradients, in [0, 1).
        beta2: Decay of the mean of their squares, in [0, 1).
        epsilon: Added to the root, outside of it, in units of the gradient.
    """

    schedule: Schedule
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, params: Parameters) -> OptimiserState:
        """The state before the first step: both means zero."""
        return OptimiserState(0, first=_zeros(params), second=_zeros(params))

    def step(
        self, state: OptimiserState, params: Parameters, gradients: Parameters
    ) -> tuple[OptimiserState, Parameters]:
        """One step; see `Optimiser.step`."""
        _require_matching(params, gradients)
        squares = tuple(gradient**2 for gradient in gradients)
        first = _blend(self.beta1, state.first, 1.0 - self.beta1, gradients)
        second = _blend(self.beta2, state.second, 1.0 - self.beta2, squares)
        t = state.t + 1
        # Means that start at 0 are too small by these factors at first.
        first_share, second_share = 1.0 - self.beta1**t, 1.0 - self.beta2**t
        directions = tuple(
            (m / first_share) / (np.sqrt(v / second_share) + self.epsilon)
            for m, v in zip(first, second, strict=True)
        )
        moved = _blend(1.0, params, -self.schedule(state.t), directions)
        return OptimiserState(t, first, second), moved


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where gradient descent went.

    Attributes:
        points: The start and the point after every step, shape (steps + 1, *start.shape).
        values: f at these points, shape (steps + 1,).
    """

    points: Array
    values: Array


def minimise(
    f: Callable[[Array], float],
    gradient: Callable[[Array], Array],
    start: Array,
    schedule: Schedule,
    steps: int,
) -> Trajectory:
    """Minimise a plain function by gradient descent.

    Args:
        f: The function of one array.
        gradient: Its gradient, of the shape of its argument.
        start: Where to begin, any shape.
        schedule: The step sizes.
        steps: How many steps to take.

    Returns:
        All points visited, with their values.

    Raises:
        ValueError: If the gradient's shape is not that of the point.
    """
    optimiser = GradientDescent(schedule)
    point = np.array(start, dtype=np.float64)
    state = optimiser.init((point,))
    points = [point]
    for _ in range(steps):
        state, (point,) = optimiser.step(state, (point,), (gradient(point),))
        points.append(point)
    return Trajectory(np.stack(points), np.array([f(point) for point in points]))


def _update(
    network: Network, x: Array, y: Array, optimiser: Optimiser, state: OptimiserState
) -> tuple[Network, OptimiserState, float]:
    trace = forward(network, x)
    value = network.loss.value(y, trace.y_hat)
    gradients = backward(network, trace, y).by_parameter()
    state, values = optimiser.step(state, parameters(network), gradients)
    return with_parameters(network, values), state, value


def train(
    network: Network, x: Array, y: Array, optimiser: Optimiser, epochs: int
) -> tuple[Network, Array]:
    """Train on all samples at once, one update per epoch; lab 4's `train`.

    Args:
        network: Where to begin; unchanged.
        x: Shape (samples, inputs).
        y: Shape (samples, outputs).
        optimiser: What to do with the gradients.
        epochs: Number of updates.

    Returns:
        The trained network, and the losses *before* each update, shape (epochs,).

    Raises:
        TypeError: If x is not a float64 array.
        ValueError: If a shape is wrong.
    """
    state = optimiser.init(parameters(network))
    losses = np.empty(epochs)
    for epoch in range(epochs):
        network, state, losses[epoch] = _update(network, x, y, optimiser, state)
    return network, losses


def minibatches(rng: np.random.Generator, n: int, size: int) -> tuple[NDArray[np.intp], ...]:
    """Split n samples into random minibatches: every sample in exactly one.

    Args:
        rng: Source of the order.
        n: Number of samples.
        size: Samples per minibatch; the last one has what is left.

    Returns:
        Arrays of sample indices.

    Raises:
        ValueError: If size is less than 1.
    """
    if size < 1:
        raise ValueError(f"a minibatch has at least one sample, got size {size}")
    order = rng.permutation(n)
    return tuple(order[start : start + size] for start in range(0, n, size))


def train_minibatches(
    network: Network,
    x: Array,
    y: Array,
    optimiser: Optimiser,
    epochs: int,
    size: int,
    rng: np.random.Generator,
) -> tuple[Network, Array]:
    """Train on random minibatches, drawn anew in every epoch.

    Args:
        network: Where to begin; unchanged.
        x: Shape (samples, inputs).
        y: Shape (samples, outputs).
        optimiser: What to do with the gradients.
        epochs: How often every sample is seen.
        size: Samples per minibatch; the last one of an epoch may have fewer.
        rng: Source of the orders.

    Returns:
        The trained network, and each minibatch's own loss before its update, shape
        (epochs, minibatches).

    Raises:
        TypeError: If x is not a float64 array.
        ValueError: If a shape is wrong, if x and y differ in samples, or if size is less than 1.
    """
    if len(x) != len(y):
        raise ValueError(f"x of shape {x.shape} and y of shape {y.shape} differ in samples")
    state = optimiser.init(parameters(network))
    losses: list[list[float]] = []
    for _ in range(epochs):
        losses.append([])
        for rows in minibatches(rng, len(x), size):
            network, state, value = _update(network, x[rows], y[rows], optimiser, state)
            losses[-1].append(value)
    return network, np.array(losses, dtype=np.float64)
