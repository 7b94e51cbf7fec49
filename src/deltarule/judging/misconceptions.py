r"""The bank of misconceptions: wrong backward passes that real students write, each with a name.

A misconception changes one step of the reference recursion
(:class:`deltarule.engine.BackwardSteps`) and leaves the others alone::

    loss_gradient ──► output_delta ──► weight_gradient, bias_gradient
                           │
                           └─ previous_delta ──► weight_gradient, bias_gradient ── …

It is a function from steps to steps that wraps what it is given, so that two can be put on top of
each other. ``explanation`` says what the code does, ``hint`` asks the question that leads to the
right equation without writing it down. Matching a student's tensors with the bank is the job of
:mod:`deltarule.judging.diagnosis`; the proof that hidden tests notice each of these is that of
``deltarule check``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.judging.wrong_steps import (
    Change,
    activation_value,
    at_z_out,
    both,
    changed,
    hidden_slope,
    loss_gradient_sent_back,
    no_slope,
    one_minus,
    one_sample,
    output_slope,
    replaced,
    residual,
    samples,
    scaled,
    sigmoid_rule,
    sigmoid_slope,
    slope_twice,
    slopes,
    tanh_rule,
    tanh_slope,
    thresholded,
    through_updated_weights,
    unit_length,
    weights_forgotten,
    with_pre_activations,
    zero_unless,
)

__all__ = ["GRADIENT_BANK", "Misconception"]


@dataclass(frozen=True)
class Misconception:
    """One way to be wrong.

    Attributes:
        name: in kebab case; stands in results and statistics.
        explanation: one sentence for the student: what the code does.
        hint: one sentence that helps without giving the answer away.
        changes: steps to steps; several where a free number (a step size) has usual values.
    """

    name: str
    explanation: str
    hint: str
    changes: tuple[Change, ...]


GRADIENT_BANK: tuple[Misconception, ...] = (
    # --- the gradient of the loss ------------------------------------------------------------
    Misconception(
        "missing-batch-mean",
        "The gradients are those of the sum over the batch, not of its mean.",
        "The loss is a mean over the samples. Where does its 1/N show up when you differentiate?",
        (scaled("loss_gradient", samples),),
    ),
    Misconception(
        "batch-mean-twice",
        "The gradients are divided by the number of samples once too often.",
        "Follow the 1/N from the loss to the weights: at how many places does it enter?",
        (scaled("loss_gradient", lambda c: 1.0 / samples(c)),),
    ),
    Misconception(
        "missing-factor-two",
        "All gradients are half as large as they should be.",
        "Differentiate the square in the loss of this lab once more, on paper.",
        (scaled("loss_gradient", lambda _: 0.5),),
    ),
    Misconception(
        "factor-two-twice",
        "All gradients are twice as large as they should be.",
        "The loss brings one constant factor along. Do you multiply by it a second time?",
        (scaled("loss_gradient", lambda _: 2.0),),
    ),
    Misconception(
        "sign-flipped",
        "All gradients have the opposite sign.",
        "If a prediction is too large, should the loss grow or fall with it? Check the difference.",
        (scaled("loss_gradient", lambda _: -1.0),),
    ),
    Misconception(
        "loss-for-its-gradient",
        "The squared error itself flows back instead of its derivative.",
        "What flows back is a derivative with respect to the predictions; what did you start with?",
        (
            replaced("loss_gradient", lambda c: residual(c) ** 2 / samples(c)),
            replaced("loss_gradient", lambda c: np.full_like(c.y, np.mean(residual(c) ** 2))),
        ),
    ),
    Misconception(
        "absolute-error-gradient",
        "Only the sign of each error flows back, as it would for the absolute error.",
        "How does the slope of a squared error depend on the size of the error?",
        (replaced("loss_gradient", lambda c: np.sign(residual(c)) / samples(c)),),
    ),
    Misconception(
        "thresholded-prediction",
        "The loss gradient is taken at predictions rounded to 0 or 1.",
        "The loss is computed with the network's outputs as they are; what does backward use?",
        (replaced("loss_gradient", thresholded),),
    ),
    Misconception(
        "only-last-sample",
        "Only the last sample of the batch contributes to the gradients.",
        "Look at what your code keeps when it goes on from one sample to the next.",
        (one_sample(-1),),
    ),
    Misconception(
        "only-first-sample",
        "Only the first sample of the batch contributes to the gradients.",
        "Look for an index or an early return that stops after one sample.",
        (one_sample(0),),
    ),
    # --- the derivative of the activation ----------------------------------------------------
    Misconception(
        "derivative-missing",
        "No layer multiplies by the derivative of its activation.",
        "Between a pre-activation and an output stands a function; what does the chain rule ask?",
        (slopes(no_slope),),
    ),
    Misconception(
        "output-derivative-missing",
        "The output layer does not multiply by the derivative of its activation.",
        "Compare your first delta with equation (5), factor by factor.",
        (output_slope(no_slope),),
    ),
    Misconception(
        "hidden-derivative-missing",
        "The hidden layers do not multiply by the derivative of their activation.",
        "Compare the way from one delta to the previous one with equation (8), factor by factor.",
        (hidden_slope(no_slope),),
    ),
    Misconception(
        "derivative-at-z-out",
        "The derivative of the activations is evaluated at their outputs.",
        "At which of the two stored values of a layer does the chain rule take the derivative?",
        (slopes(at_z_out),),
    ),
    Misconception(
        "output-derivative-at-z-out",
        "At the output layer the derivative is evaluated at the output.",
        "At which of the two stored values of the output layer is the derivative taken in (5)?",
        (output_slope(at_z_out),),
    ),
    Misconception(
        "hidden-derivative-at-z-out",
        "In the hidden layers the derivative is evaluated at the layer's output.",
        "At which of the two stored values of a hidden layer is the derivative taken in (8)?",
        (hidden_slope(at_z_out),),
    ),
    Misconception(
        "activation-for-derivative",
        "Deltas are multiplied by the activations themselves, not by their derivatives.",
        "A forward value or a slope: which of the two does the chain rule multiply with?",
        (slopes(activation_value),),
    ),
    Misconception(
        "hidden-activation-for-derivative",
        "In hidden layers deltas are multiplied by the activation, not by its derivative.",
        "A forward value or a slope: which of the two stands in equation (8)?",
        (hidden_slope(activation_value),),
    ),
    Misconception(
        "derivative-twice",
        "Each layer multiplies by the derivative of its activation twice.",
        "Count how often a delta passes the same activation on its way back.",
        (slopes(slope_twice),),
    ),
    Misconception(
        "hidden-derivative-twice",
        "The hidden layers multiply by the derivative of their activation twice.",
        "Count how often a delta passes the same hidden activation on its way back.",
        (hidden_slope(slope_twice),),
    ),
    Misconception(
        "output-derivative-twice",
        "The output layer multiplies by the derivative of its activation twice.",
        "Count how often the first delta passes the output activation.",
        (output_slope(slope_twice),),
    ),
    Misconception(
        "tanh-derivative-not-squared",
        "In hidden layers the derivative of tanh is taken as one minus its output.",
        "Differentiate tanh once more; what power of its output appears?",
        (hidden_slope(one_minus),),
    ),
    Misconception(
        "sigmoid-derivative-halved",
        "At the output the derivative of the sigmoid is taken as one minus its output.",
        "The derivative of the sigmoid is a product of two factors; which one is missing?",
        (output_slope(one_minus),),
    ),
    Misconception(
        "hidden-derivative-of-sigmoid",
        "The hidden layers use the derivative rule of the sigmoid, but they are tanh layers.",
        "Which activation do the hidden layers have, and whose derivative does your code use?",
        (hidden_slope(sigmoid_rule), hidden_slope(sigmoid_slope)),
    ),
    Misconception(
        "output-derivative-of-tanh",
        "The output layer uses the derivative rule of tanh, but it is a sigmoid layer.",
        "Which activation does the output layer have, and whose derivative does your code use?",
        (output_slope(tanh_rule), output_slope(tanh_slope)),
    ),
    # --- weights and biases ------------------------------------------------------------------
    Misconception(
        "bias-gradient-averaged",
        "The bias gradients are means over the batch, while the weights' are sums.",
        "Equation (7) and equation (6) treat the samples alike. Does your code?",
        (scaled("bias_gradient", lambda c: 1.0 / samples(c)),),
    ),
    Misconception(
        "weight-gradient-averaged",
        "The weight gradients are divided by the number of samples once more than the biases'.",
        "Where does the 1/N of the mean already stand when you reach equation (6)?",
        (scaled("weight_gradient", lambda c: 1.0 / samples(c)),),
    ),
    Misconception(
        "bias-gradient-of-one-sample",
        "The bias gradients are the delta of one sample only.",
        "A bias takes part in the prediction of every sample; what follows for its gradient?",
        (
            replaced("bias_gradient", lambda c: c.delta[-1].copy()),
            replaced("bias_gradient", lambda c: c.delta[0].copy()),
        ),
    ),
    Misconception(
        "bias-gradient-not-summed",
        "The bias gradients still have a row for every sample.",
        "A gradient has the shape of its parameter. What happened to the axis of the samples?",
        (replaced("bias_gradient", lambda c: c.delta.copy()),),
    ),
    Misconception(
        "bias-gradient-forgotten",
        "The bias gradients are all zero.",
        "What is the derivative of a pre-activation with respect to its own bias?",
        (scaled("bias_gradient", lambda _: 0.0),),
    ),
    Misconception(
        "weight-gradient-transposed",
        "The weight gradients are transposed.",
        "A gradient has the shape of its parameter: (inputs, outputs). Check the order in (6).",
        (changed("weight_gradient", lambda a, _: a.T.copy()),),
    ),
    Misconception(
        "pre-activation-as-input",
        "Weight gradients are formed with the previous layer's pre-activations.",
        "What is it that a weight multiplies in the forward pass?",
        (replaced("weight_gradient", with_pre_activations),),
    ),
    Misconception(
        "gradient-normalised",
        "The weight gradients are scaled to length one.",
        "Backpropagation computes the gradient; making it shorter or longer is another step's job.",
        (changed("weight_gradient", unit_length),),
    ),
    Misconception(
        "weight-decay-added",
        "The weights themselves are added to their gradients, as weight decay would do.",
        "Is there a term in this lab's loss that depends on the weights directly?",
        (changed("weight_gradient", lambda a, c: a + c.network.layers[c.layer].weight),),
    ),
    # --- the way from layer to layer ---------------------------------------------------------
    Misconception(
        "last-layer-only",
        "Only the output layer has gradients; those of all other layers are zero.",
        "Equation (8) takes you from one layer to the one before it. How often is it applied?",
        (zero_unless(lambda c: c.is_last, "weight_gradient", "bias_gradient"),),
    ),
    Misconception(
        "first-layer-forgotten",
        "The gradients of the first layer are zero.",
        "What comes into the first layer, and does your loop reach that layer?",
        (zero_unless(lambda c: c.layer > 0, "weight_gradient", "bias_gradient"),),
    ),
    Misconception(
        "delta-through-updated-weights",
        "Deltas go back through weights that have already been updated.",
        "Which weights did the forward pass use, and are those the ones that the deltas meet?",
        tuple(through_updated_weights(rate) for rate in (1.0, 0.1, 0.01, 0.25, 0.5, 0.001)),
    ),
    Misconception(
        "weights-forgotten",
        "Deltas go back without being multiplied by the weights.",
        "A unit influences the next layer through its outgoing connections. How strong are they?",
        (replaced("previous_delta", weights_forgotten),),
    ),
    Misconception(
        "loss-gradient-sent-back",
        "The loss gradient goes back to the hidden layers without the output's derivative.",
        "What exactly is multiplied by the output layer's weights in equation (8)?",
        (loss_gradient_sent_back,),
    ),
    Misconception(
        "batch-mean-at-every-layer",
        "Deltas are divided by the number of samples again at every layer.",
        "The 1/N of the mean enters once. Where, and what happens to it on the way back?",
        (
            scaled("previous_delta", lambda c: 1.0 / samples(c)),
            both(
                scaled("output_delta", lambda c: 1.0 / samples(c)),
                scaled("previous_delta", lambda c: 1.0 / samples(c)),
            ),
        ),
    ),
    Misconception(
        "delta-sign-flipped-on-the-way",
        "The sign of the deltas changes from layer to layer.",
        "Is there a minus sign in equation (8)?",
        (scaled("previous_delta", lambda _: -1.0),),
    ),
)
"""Misconceptions about the gradients of a network; singles, to be combined in pairs."""
