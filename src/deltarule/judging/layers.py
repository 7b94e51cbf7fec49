"""Judge a function that makes one layer: weights, biases, and the activation function.

The weights are judged as :func:`deltarule.judging.initialiser` judges them, by a statistical test
that practically never rejects right ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deltarule.engine import Array
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Outcome, Program, TensorValue
from deltarule.judging.function_bank import INITIALISERS, InitialiserMisconception
from deltarule.judging.initialisers import DRAWS, SHAPES, judge_weights
from deltarule.judging.verdicts import Verdict, file_verdict, new_rng

__all__ = ["layer"]

WEIGHTS_SHARE = 2.0 / 3.0
"""What the weights earn; biases and activation earn the rest, together."""

PROBES = 9
"""Numbers on which two activation functions are compared."""

ACTIVATIONS = ("", "torch.tanh", "torch.relu")
"""One for each of ``SHAPES``: the notebook's own, and two of torch's that must come back too."""


def layer(
    student: Any,
    activation: Any,
    *,
    std: Callable[[int, int], float],
    mistakes: Sequence[InitialiserMisconception] = INITIALISERS,
) -> Verdict:
    """Judge ``student(d0, d1, activation) -> (w, b, h)``.

    Args:
        student: the student's function.
        activation: an activation function of the notebook's.
        std: the standard deviation that is asked for, as a function of (d0, d1).
        mistakes: wrong standard deviations to name.

    Returns:
        The verdict, filed on the open sheet. Two thirds for the weights: of shape (d0, d1), normal
        with mean zero. One third for the rest: biases of shape (d1,) that are zero and of the same
        floating-point type as the weights, and an ``h`` that behaves like ``activation``.
    """
    rng = new_rng()
    drawn = []
    complaint = ""
    for (fan_in, fan_out), library in zip(SHAPES, ACTIVATIONS, strict=True):
        fans = (fan_in + int(rng.integers(0, 5)), fan_out + int(rng.integers(0, 5)))
        given = library or activation
        outcome = _make(student, given, fans)
        wrong = str(outcome.failure) if outcome.failure else _about_parts(outcome.values)
        if wrong:
            return file_verdict(Verdict("layer", 0.0, f"{wrong[0].upper()}{wrong[1:]}."))
        drawn.append((*fans, [parts[0] for parts in outcome.values]))
        probe = rng.normal(0.0, 2.0, PROBES)
        complaint = (
            complaint
            or _about_biases(outcome.values[0], fans[1])
            or _about_activation(student, given, fans, probe)
        )
    weights = judge_weights(drawn, std, mistakes=mistakes)
    credit = WEIGHTS_SHARE * (not weights.complaint) + (1.0 - WEIGHTS_SHARE) * (not complaint)
    said = [weights.complaint or "The weights are right."]
    said.append(f"{complaint[0].upper()}{complaint[1:]}." if complaint else _PRAISE)
    message = " ".join(said)
    return file_verdict(Verdict("layer", min(credit, 1.0), message, diagnosis=weights.diagnosis))


_PRAISE = "Biases and activation are right."


def _given(program: Program, activation: Any) -> Any:
    """The notebook's activation function, or one of torch's by its name."""
    return program.library(activation) if isinstance(activation, str) else activation


def _make(student: Any, activation: Any, fans: tuple[int, int]) -> Outcome:
    program = Program()
    given = _given(program, activation)
    for _ in range(DRAWS):
        program.read(program.call(student, *fans, given))
    return subject_of(student, activation).run(program)


def _about_parts(made: Sequence[Any]) -> str:
    for parts in made:
        if parts is None:
            return "the function returns None; a `return` may be missing"
        if not isinstance(parts, list | tuple) or len(parts) != 3:
            return "the function should return three things: weights, biases, activation function"
    return ""


def _about_biases(parts: Sequence[Any], fan_out: int) -> str:
    w, b = parts[0], parts[1]
    if not isinstance(b, TensorValue):
        return "the biases should be a tensor"
    if b.array.shape != (fan_out,):
        return f"the biases have shape {b.array.shape}; for {fan_out} outputs it is ({fan_out},)"
    if b.array.dtype.kind != "f":
        return f"the biases have element type {b.dtype}; they should be floating-point numbers"
    if np.any(b.array != 0):
        return "the biases should be zero"
    if isinstance(w, TensorValue) and w.dtype != b.dtype:
        return f"the weights have element type {w.dtype} and the biases {b.dtype}; use one for both"
    return ""


def _about_activation(student: Any, activation: Any, fans: tuple[int, int], probe: Array) -> str:
    """Compare what comes back with what went in, on secret numbers."""
    program = Program()
    given = _given(program, activation)
    h = program.get(program.call(student, *fans, given), "[2]")
    for function in (given, h):
        program.read(program.attempt(function, program.tensor(probe, "float64")))
    outcome = subject_of(student, activation).run(program)
    if outcome.failure:
        return str(outcome.failure)
    wanted, got = (_numbers(value) for value in outcome.values)
    if wanted is None:  # the notebook's own function fails; torch's will tell
        return ""
    if got is None:
        return "the third thing that is returned is not the activation function"
    if not np.array_equal(wanted, got, equal_nan=True):
        return "the returned function is another one than the activation function that was given"
    return ""


def _numbers(value: Any) -> Array | None:
    if not isinstance(value, TensorValue) or value.array.dtype.kind not in "iuf":
        return None
    return value.array.astype(np.float64)
