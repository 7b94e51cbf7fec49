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
from deltarule.judging.function_bank import (
    BCE,
    DECAY,
    DESCENT,
    RELU,
    SIGMOID,
    STANDARDISE,
    THRESHOLD,
)
from deltarule.judging.functions import function
from deltarule.judging.gradients import network_gradients
from deltarule.judging.initialisers import initialiser
from deltarule.judging.networks import network_loss, network_outputs, network_update
from deltarule.judging.training import network_trajectory
from deltarule.judging.verdicts import SEED_VARIABLE, VERDICT_MIME, Score, Sheet, Verdict

__all__ = [
    "BCE",
    "DECAY",
    "DESCENT",
    "RELU",
    "SEED_VARIABLE",
    "SIGMOID",
    "STANDARDISE",
    "THRESHOLD",
    "VERDICT_MIME",
    "NetworkInterface",
    "Score",
    "Sheet",
    "Verdict",
    "function",
    "initialiser",
    "network_gradients",
    "network_loss",
    "network_outputs",
    "network_trajectory",
    "network_update",
]
