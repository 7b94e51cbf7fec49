"""What hidden tests call: compare a student's tensors with the engine's, and say what is wrong.

::

    ### BEGIN HIDDEN TESTS
    from deltarule import judging
    judging.network_gradients(NeuralNetwork)
    ### END HIDDEN TESTS

A test says *what* is compared in a line or two; this library draws secret inputs, reaches the
student's code through a ``Subject``, derives tolerances from the arithmetic, and turns the outcome
into a verdict: a number and a sentence. Importing it brings in neither torch nor nbgrader.
"""

from deltarule.judging.asking import NetworkInterface
from deltarule.judging.descents import DECAY_RUN, OPTIMISE, Descent, descent
from deltarule.judging.epochs import training_epoch
from deltarule.judging.function_bank import (
    BCE,
    DECAY,
    DESCENT,
    RELU,
    SIGMOID,
    STANDARDISE,
    THRESHOLD,
    UNIT,
    FunctionMisconception,
)
from deltarule.judging.functions import function
from deltarule.judging.gradients import network_gradients
from deltarule.judging.initialisers import initialiser
from deltarule.judging.layered import evaluation, layered_outputs
from deltarule.judging.layers import layer
from deltarule.judging.losses import stable_bce
from deltarule.judging.magnitudes import gradient_magnitudes
from deltarule.judging.modules import deep_module, module
from deltarule.judging.networks import network_loss, network_outputs, network_update
from deltarule.judging.tabular import tables
from deltarule.judging.trained import trained_layers
from deltarule.judging.training import network_trajectory
from deltarule.judging.training_steps import training_step
from deltarule.judging.values import exact
from deltarule.judging.verdicts import SEED_VARIABLE, VERDICT_MIME, Score, Sheet, Verdict

__all__ = [
    "BCE",
    "DECAY",
    "DECAY_RUN",
    "DESCENT",
    "OPTIMISE",
    "RELU",
    "SEED_VARIABLE",
    "SIGMOID",
    "STANDARDISE",
    "THRESHOLD",
    "UNIT",
    "VERDICT_MIME",
    "Descent",
    "FunctionMisconception",
    "NetworkInterface",
    "Score",
    "Sheet",
    "Verdict",
    "deep_module",
    "descent",
    "evaluation",
    "exact",
    "function",
    "gradient_magnitudes",
    "initialiser",
    "layer",
    "layered_outputs",
    "module",
    "network_gradients",
    "network_loss",
    "network_outputs",
    "network_trajectory",
    "network_update",
    "stable_bce",
    "tables",
    "trained_layers",
    "training_epoch",
    "training_step",
]
