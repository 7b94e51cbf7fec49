"""Fully connected networks: the forward pass, and lab 4's backward recursion with its steps named.

    x ──W1,b1──► z_in 1 ──sigma 1──► z_out 1 ──W2,b2──► ... ──sigma L──► z_out L = y_hat ──► loss

Row = sample. With Delta(l) = dL/dZ_in(l), lab 4 derives for a batch:

    Delta(L)   = dL/dZ_out(L) * sigma'(Z_in(L))                     (5)  output_delta
    dL/dW(l)   = Z_out(l-1)^T @ Delta(l)                            (6)  weight_gradient
    dL/db(l)   = sum of the rows of Delta(l)                        (7)  bias_gradient
    Delta(l-1) = (Delta(l) @ W(l)^T) * sigma'(Z_in(l-1))            (8)  previous_delta

Equations (1)-(4) are the same for a single sample: a batch of one. The mean over the batch is
part of the loss, so it enters once, in dL/dZ_out(L) (`loss_gradient`), and nowhere else.

Each step is a field of `BackwardSteps`, so that a misconception is the reference with one step
replaced: `dataclasses.replace(STEPS, bias_gradient=not_summed)`. Layers count from 0 in the code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from .activations import Activation
from .arrays import Array, Parameters, require_float64
from .losses import Loss


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: z_in = z_prev @ weight + bias, z_out = activation(z_in).

    Attributes:
        weight: Shape (in, out).
        bias: Shape (out,).
        activation: Applied to z_in.

    Raises:
        TypeError: If weight or bias is not a float64 array.
        ValueError: If their shapes do not belong together.
    """

    weight: Array
    bias: Array
    activation: Activation

    def __post_init__(self) -> None:
        """Check types and shapes."""
        require_float64("weight", self.weight)
        require_float64("bias", self.bias)
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[1:]:
            raise ValueError(
                f"a layer needs a weight of shape (in, out) and a bias of shape (out,), "
                f"got {self.weight.shape} and {self.bias.shape}"
            )


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in the order of the forward pass, and the loss that training minimises.

    Attributes:
        layers: At least one; the outputs of each are the inputs of the next.
        loss: Takes y and the last layer's z_out.

    Raises:
        ValueError: If there is no layer, or if two neighbours do not fit.
    """

    layers: tuple[Layer, ...]
    loss: Loss

    def __post_init__(self) -> None:
        """Check that the layers fit together."""
        if not self.layers:
            raise ValueError("a network needs at least one layer")
        for index in range(1, len(self.layers)):
            before, after = self.layers[index - 1].weight.shape, self.layers[index].weight.shape
            if before[1] != after[0]:
                raise ValueError(
                    f"layers {index - 1} and {index} do not fit: "
                    f"weights of shape {before} and {after}"
                )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of inputs, then of units per layer."""
        first, *_ = self.layers
        return (first.weight.shape[0], *(layer.weight.shape[1] for layer in self.layers))


@dataclass(frozen=True, eq=False)
class Trace:
    """What a forward pass computed, kept for the backward pass.

    Attributes:
        x: The batch, shape (samples, inputs).
        z_in: Pre-activations per layer, each (samples, units).
        z_out: Activations per layer, each (samples, units).
    """

    x: Array
    z_in: tuple[Array, ...]
    z_out: tuple[Array, ...]

    @property
    def y_hat(self) -> Array:
        """The predictions: the last layer's z_out, shape (samples, outputs)."""
        return self.z_out[-1]

    def z_prev(self, layer: int) -> Array:
        """What entered a layer: x for layer 0, else z_out of the layer before."""
        return self.x if layer == 0 else self.z_out[layer - 1]


@dataclass(frozen=True, eq=False)
class Gradients:
    """What a backward pass computed, one array per layer, in the order of the layers.

    Attributes:
        weight: dL/dW, each of the shape of its weight, (in, out).
        bias: dL/db, each (out,).
        delta: dL/dZ_in, each (samples, out).
    """

    weight: tuple[Array, ...]
    bias: tuple[Array, ...]
    delta: tuple[Array, ...]

    def by_parameter(self) -> Parameters:
        """Weight and bias gradients in the order of `parameters`: (dW1, db1, dW2, db2, ...)."""
        pairs = zip(self.weight, self.bias, strict=True)
        return tuple(array for pair in pairs for array in pair)


def forward(network: Network, x: Array) -> Trace:
    """Run a batch through the network.

    Args:
        network: The network.
        x: Shape (samples, inputs).

    Returns:
        z_in and z_out of every layer.

    Raises:
        TypeError: If x is not a float64 array.
        ValueError: If x is not (samples, inputs) with the inputs that the first layer expects.
    """
    require_float64("x", x)
    if x.ndim != 2 or x.shape[1] != network.sizes[0]:
        raise ValueError(f"x must have shape (samples, {network.sizes[0]}), got {x.shape}")
    z_in: list[Array] = []
    z_out: list[Array] = []
    z_prev = x
    for layer in network.layers:
        z_in.append(z_prev @ layer.weight + layer.bias)
        z_out.append(layer.activation.value(z_in[-1]))
        z_prev = z_out[-1]
    return Trace(x, tuple(z_in), tuple(z_out))


def loss(network: Network, x: Array, y: Array) -> float:
    """The network's loss on a batch.

    Args:
        network: The network.
        x: Shape (samples, inputs).
        y: Targets, shape (samples, outputs); never (samples,).

    Raises:
        TypeError: If x is not a float64 array.
        ValueError: If a shape is wrong.
    """
    return network.loss.value(y, forward(network, x).y_hat)


@dataclass(frozen=True, eq=False)
class BackwardContext:
    """All that one step of the recursion may look at.

    Attributes:
        network: The network.
        trace: Its forward pass.
        y: Targets, shape (samples, outputs).
        steps: The steps in use, so that a replaced step can call the others.
        layer: The layer at hand, counted from 0.
        deltas: Delta of this layer and of those after it: `deltas[0]` belongs to `layer`,
            `deltas[-1]` to the last layer. Empty while the first delta is being computed.
    """

    network: Network
    trace: Trace
    y: Array
    steps: "BackwardSteps"
    layer: int
    deltas: tuple[Array, ...] = ()

    @property
    def delta(self) -> Array:
        """Delta of the layer at hand, shape (samples, out)."""
        return self.deltas[0]

    @property
    def z_prev(self) -> Array:
        """What entered the layer at hand, shape (samples, in)."""
        return self.trace.z_prev(self.layer)

    @property
    def is_last(self) -> bool:
        """Whether the layer at hand is the output layer."""
        return self.layer == len(self.network.layers) - 1


Step: TypeAlias = Callable[[BackwardContext], Array]
"""One step of the recursion."""


def _loss_gradient(context: BackwardContext) -> Array:
    return context.network.loss.gradient(context.y, context.trace.y_hat)


def _output_delta(context: BackwardContext) -> Array:
    activation = context.network.layers[-1].activation
    return activation.pullback(context.trace.z_in[-1], context.steps.loss_gradient(context))


def _weight_gradient(context: BackwardContext) -> Array:
    return context.z_prev.T @ context.delta


def _bias_gradient(context: BackwardContext) -> Array:
    return np.asarray(np.sum(context.delta, axis=0))


def _previous_delta(context: BackwardContext) -> Array:
    weight = context.network.layers[context.layer].weight
    activation = context.network.layers[context.layer - 1].activation
    return activation.pullback(context.trace.z_in[context.layer - 1], context.delta @ weight.T)


@dataclass(frozen=True)
class BackwardSteps:
    """The steps of the backward recursion; each is a function of the context.

    What a step returns is not checked: a replaced one may well return a wrong shape, since that is
    what some misconceptions do.

    Attributes:
        loss_gradient: dL/dZ_out of the last layer, (samples, outputs); called by `output_delta`.
        output_delta: Equation (5), (samples, outputs); called once, with the last layer.
        weight_gradient: Equation (6), (in, out); called for every layer, the last one first.
        bias_gradient: Equation (7), (out,); called for every layer, after its weight gradient.
        previous_delta: Equation (8), delta of `layer - 1`; called for every layer but the first.
    """

    loss_gradient: Step = _loss_gradient
    output_delta: Step = _output_delta
    weight_gradient: Step = _weight_gradient
    bias_gradient: Step = _bias_gradient
    previous_delta: Step = _previous_delta


STEPS: Final = BackwardSteps()
"""The right ones."""


def backward(network: Network, trace: Trace, y: Array, steps: BackwardSteps = STEPS) -> Gradients:
    """Compute all gradients of the loss: lab 4, equations (5)-(8).

    Args:
        network: The network.
        trace: Its forward pass of the batch.
        y: Targets, shape (samples, outputs).
        steps: The recursion's steps; replace one to see what a mistake in it does.

    Returns:
        Gradients of the loss (not of the sum over samples, unless the loss is one).

    Raises:
        ValueError: If y does not have the shape of the predictions.
    """
    last = len(network.layers) - 1
    context = BackwardContext(network, trace, y, steps, last)
    deltas: tuple[Array, ...] = (steps.output_delta(context),)
    weight: tuple[Array, ...] = ()
    bias: tuple[Array, ...] = ()
    for layer in range(last, -1, -1):
        context = replace(context, layer=layer, deltas=deltas)
        weight = (steps.weight_gradient(context), *weight)
        bias = (steps.bias_gradient(context), *bias)
        if layer > 0:
            deltas = (steps.previous_delta(context), *deltas)
    return Gradients(weight, bias, deltas)


def input_gradient(network: Network, gradients: Gradients) -> Array:
    """The gradient of the loss with respect to x: equation (8) without the activation.

    Args:
        network: The network.
        gradients: What `backward` returned.

    Returns:
        dL/dx, shape (samples, inputs).
    """
    return gradients.delta[0] @ network.layers[0].weight.T


def parameters(network: Network) -> Parameters:
    """All parameters, as optimisers take them: (W1, b1, W2, b2, ...)."""
    return tuple(array for layer in network.layers for array in (layer.weight, layer.bias))


def with_parameters(network: Network, values: Parameters) -> Network:
    """The same network with other parameters.

    Args:
        network: The network; unchanged.
        values: In the order of `parameters`.

    Raises:
        TypeError: If an array is not float64.
        ValueError: If number or shapes differ from the network's own.
    """
    expected = [array.shape for array in parameters(network)]
    found = [array.shape for array in values]
    if found != expected:
        raise ValueError(f"the network has parameters of shapes {expected}, got {found}")
    layers = tuple(
        Layer(weight, bias, layer.activation)
        for layer, weight, bias in zip(network.layers, values[::2], values[1::2], strict=True)
    )
    return Network(layers, network.loss)


def random_network(
    rng: np.random.Generator,
    sizes: Sequence[int],
    hidden: Activation,
    output: Activation,
    loss: Loss,
    scale: float = 1.0,
) -> Network:
    """Draw a network for a test: no parameter is zero, so that no mistake can hide behind one.

    Args:
        rng: Source of randomness.
        sizes: Inputs, hidden widths, outputs; at least two numbers.
        hidden: Activation of every layer but the last.
        output: Activation of the last layer.
        loss: The loss.
        scale: Weights are normal with standard deviation scale / sqrt(in), biases with
            scale / 2, so that pre-activations are of the order of scale at every depth.

    Raises:
        ValueError: If there are fewer than two sizes.
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes need inputs and outputs at least, got {tuple(sizes)}")
    layers: list[Layer] = []
    for index in range(1, len(sizes)):
        fan_in, fan_out = sizes[index - 1], sizes[index]
        weight = rng.normal(0.0, scale / np.sqrt(fan_in), (fan_in, fan_out))
        bias = rng.normal(0.0, scale / 2.0, fan_out)
        layers.append(Layer(weight, bias, output if index == len(sizes) - 1 else hidden))
    return Network(tuple(layers), loss)
