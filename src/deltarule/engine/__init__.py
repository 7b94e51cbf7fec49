"""The reference engine: the answer key that a student's tensors are compared with.

    forward      Z_in(l) = Z_out(l-1) @ W(l) + b(l)    Z_out(l) = sigma(Z_in(l))    W: (in, out)
    backward     Delta(L) = dL/dZ_out(L) * sigma'(Z_in(L))                          lab 4, (5)
                 dL/dW(l) = Z_out(l-1)^T @ Delta(l)                                        (6)
                 dL/db(l) = sum of the rows of Delta(l)                                    (7)
                 Delta(l-1) = (Delta(l) @ W(l)^T) * sigma'(Z_in(l-1))                      (8)
    learning     W <- W - eta dL/dW

Everything is NumPy, float64, row = sample; frozen dataclasses and pure functions, no autograd. It
is written to be read next to the textbook, and is checked against `torch.autograd` and against
central differences. It is not for speed, and not for students: they never install it.

    rng = np.random.default_rng(0)
    network = random_network(rng, (2, 5, 3, 1), hidden=TANH, output=SIGMOID, loss=MSE)
    gradients = backward(network, forward(network, x), y)      # x: (n, 2), y: (n, 1)
    wrong = backward(network, forward(network, x), y, replace(STEPS, bias_gradient=not_summed))
"""

from . import activations, initialisers, losses, networks, numerical, optimisers
from .activations import IDENTITY, RELU, SIGMOID, SOFTMAX, TANH, Activation
from .arrays import Array, Parameters
from .losses import (
    BCE,
    BCE_WITH_LOGITS,
    CROSS_ENTROPY,
    CROSS_ENTROPY_WITH_LOGITS,
    MSE,
    Loss,
)
from .networks import (
    STEPS,
    BackwardContext,
    BackwardSteps,
    Gradients,
    Layer,
    Network,
    Step,
    Trace,
    backward,
    forward,
    input_gradient,
    loss,
    parameters,
    random_network,
    with_parameters,
)
from .optimisers import (
    Adam,
    GradientDescent,
    Momentum,
    Optimiser,
    OptimiserState,
    Schedule,
    Trajectory,
    minibatches,
    minimise,
    train,
    train_minibatches,
)

__all__ = [
    "BCE",
    "BCE_WITH_LOGITS",
    "CROSS_ENTROPY",
    "CROSS_ENTROPY_WITH_LOGITS",
    "IDENTITY",
    "MSE",
    "RELU",
    "SIGMOID",
    "SOFTMAX",
    "STEPS",
    "TANH",
    "Activation",
    "Adam",
    "Array",
    "BackwardContext",
    "BackwardSteps",
    "GradientDescent",
    "Gradients",
    "Layer",
    "Loss",
    "Momentum",
    "Network",
    "Optimiser",
    "OptimiserState",
    "Parameters",
    "Schedule",
    "Step",
    "Trace",
    "Trajectory",
    "activations",
    "backward",
    "forward",
    "initialisers",
    "input_gradient",
    "loss",
    "losses",
    "minibatches",
    "minimise",
    "networks",
    "numerical",
    "optimisers",
    "parameters",
    "random_network",
    "train",
    "train_minibatches",
    "with_parameters",
]
