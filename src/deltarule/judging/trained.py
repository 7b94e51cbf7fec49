"""Judge a network that a student trained: the notebook's own ``params = [(w, b, h), …]``.

Its layers are read, its activations are recognised by what they do to secret numbers, and the
accuracy is measured by the engine's forward pass on data of the test's own. How it was trained is
not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import EllipsisType
from typing import Any

import numpy as np

from deltarule.engine import Activation, Array
from deltarule.errors import JudgingError
from deltarule.exchange.inkernel import subject_of
from deltarule.exchange.subject import Program, Reference, Subject, TensorValue
from deltarule.judging.layered_cases import KINDS, accuracy_of
from deltarule.judging.tally import Tally
from deltarule.judging.tolerance import epsilon_of
from deltarule.judging.verdicts import Verdict, new_rng

__all__ = ["trained_layers"]

ANY = "any"
MOST_LAYERS = 100
PROBES = (6, 4)
"""Shape of the numbers on which activations are recognised."""

ACTIVATION_ERROR = 64.0
"""Units in the last place that a student's own activation function may be off."""

Sizes = tuple[int | EllipsisType, ...]


@dataclass(frozen=True)
class _Layer:
    """One layer as it was read."""

    number: int
    weight: Array
    bias: Array
    dtype: str
    activation: Activation | None


@np.errstate(all="ignore")  # odd numbers of a student's are judged, not warned about
def trained_layers(
    params: Any,
    *,
    sizes: Sizes,
    activations: Sequence[str],
    x: Any,
    y: Any,
    accuracy: float,
    layers: int | None = None,
) -> Verdict:
    """Judge the architecture and the accuracy of trained layers.

    Args:
        params: the notebook's list of (w, b, h), w of shape (in, out), b (out,).
        sizes: inputs, then units of every layer. One ``...`` stands for any number of layers of any
            width.
        activations: a name of the engine's for each layer, or two, for all hidden layers and for
            the last one; ``"any"`` where it does not matter.
        x: the samples to measure on, (samples, inputs), an array or tensor of the test's.
        y: their labels, (samples,), 0 or 1.
        accuracy: the share of right predictions that is asked for.
        layers: the least number of layers.

    Returns:
        The verdict, filed on the open sheet: half for the architecture, half for the accuracy.

    Raises:
        JudgingError: sizes, names or data do not make sense.
    """
    samples, labels = _data(x, "x"), _data(y, "y").reshape(-1)
    _check_question(sizes, activations, samples, labels)
    tally = Tally("trained network")
    subject = subject_of(params)
    found = _read_layers(params, subject)
    if isinstance(found, str):
        tally.fail(["architecture", "accuracy"], found)
        return tally.verdict("")
    wrong = _what_is_wrong(found, sizes, activations, layers)
    if wrong:
        tally.fail(["architecture"], wrong)
    else:
        tally.groups["architecture"] = [True]
    reached = _accuracy(found, params, subject, samples, labels)
    if isinstance(reached, str):
        tally.fail(["accuracy"], reached)
        return tally.verdict("")
    enough = reached >= accuracy - 1e-9
    measured = f"the accuracy is {reached:.4g}, and {accuracy:g} is asked for"
    if enough:
        tally.groups["accuracy"] = [True]
    else:
        tally.fail(["accuracy"], measured)
    # The number is of interest in any case, so it is said behind another complaint too.
    advice = "" if not enough and not wrong else f"{measured[0].upper()}{measured[1:]}."
    return tally.verdict("The network has the layers that are asked for.", advice=advice)


def _data(given: Any, name: str) -> Array:
    if isinstance(given, Reference):
        raise JudgingError(f"`{name}` must be data of the test's own, not the notebook's")
    plain = given.detach().cpu().numpy() if hasattr(given, "detach") else given
    return np.asarray(plain, dtype=np.float64)


def _check_question(
    sizes: Sizes, activations: Sequence[str], samples: Array, labels: Array
) -> None:
    known = {one.name for one in KINDS} | {ANY}
    if isinstance(activations, str) or not activations or set(activations) - known:
        said = ", ".join(sorted(known))
        raise JudgingError(f"activations={activations!r}: a tuple of names among {said}")
    exact = [size for size in sizes if size is not Ellipsis]
    if len(exact) < 2 or sizes[-1] != 1 or len(sizes) - len(exact) > 1:
        raise JudgingError(f"sizes={sizes!r}: inputs, widths or one `...`, and 1 at the end")
    if samples.ndim != 2 or samples.shape[1] != sizes[0] or labels.shape != samples.shape[:1]:
        raise JudgingError(f"x of shape {samples.shape} does not fit y or sizes={sizes!r}")
    if Ellipsis not in sizes and len(activations) not in (2, len(sizes) - 1):
        raise JudgingError(f"activations={activations!r}: one for each layer, or two")
    if Ellipsis in sizes and len(activations) != 2:
        raise JudgingError(f"activations={activations!r}: with `...` two, hidden and last")


# --- reading ------------------------------------------------------------------------------------


def _read_layers(params: Any, subject: Subject) -> list[_Layer] | str:
    """All layers, or what is wrong with the list."""
    program = Program()
    program.read(program.call_method(params, "__len__"))
    outcome = subject.run(program)
    count = outcome.values[0] if outcome.values else None
    if type(count) is not int:
        return "`params` is not a list of layers (w, b, h)"
    if not 1 <= count <= MOST_LAYERS:
        return f"`params` has {count} layers"
    probes = _probes()
    made: list[_Layer] = []
    for number in range(count):
        layer = _read_layer(params, subject, number, probes)
        if isinstance(layer, str):
            return layer
        made.append(layer)
    return made


def _probes() -> Array:
    """Secret numbers of both signs, none of them near zero."""
    rng = new_rng()
    numbers = rng.uniform(0.2, 3.0, PROBES)
    return np.asarray(np.where(np.arange(numbers.size).reshape(PROBES) % 2, numbers, -numbers))


def _read_layer(params: Any, subject: Subject, number: int, probes: Array) -> _Layer | str:
    program = Program()
    program.read(program.get(params, f"[{number}][0]"))
    program.read(program.get(params, f"[{number}][1]"))
    outcome = subject.run(program)
    said = f"layer {number + 1} of `params`"
    if outcome.failure:
        return f"{said} is not a triple (w, b, h)"
    w, b = outcome.values
    for value, name in ((w, "w"), (b, "b")):
        if not isinstance(value, TensorValue) or value.array.dtype.kind != "f":
            return f"in {said} `{name}` is not a tensor of floating-point numbers"
        if not np.all(np.isfinite(value.array)):
            return f"in {said} `{name}` has elements that are not finite numbers"
    if w.array.ndim != 2 or b.array.size != w.array.shape[1]:
        return (
            f"in {said} w has shape {w.array.shape} and b {b.array.shape}; "
            "they should be (in, out) and (out,)"
        )
    values = _call_activation(params, subject, number, probes, w.dtype)
    if isinstance(values, str):
        return f"in {said} {values}"
    limit = ACTIVATION_ERROR * epsilon_of(w.dtype)
    fitting = [one for one in KINDS if np.allclose(values, one.value(probes), limit, limit)]
    return _Layer(
        number,
        w.array.astype(np.float64),
        b.array.astype(np.float64).reshape(-1),
        w.dtype,
        fitting[0] if fitting else None,
    )


def _call_activation(
    params: Any, subject: Subject, number: int, z: Array, dtype: str
) -> Array | str:
    program = Program()
    h = program.get(params, f"[{number}][2]")
    program.read(program.call(h, program.tensor(z, dtype)))
    outcome = subject.run(program)
    if outcome.failure:
        return f"the activation function cannot be called: {outcome.failure}"
    (value,) = outcome.values
    if not isinstance(value, TensorValue) or value.array.shape != z.shape:
        return "the activation function does not give a tensor of the shape of its argument"
    return value.array.astype(np.float64)


# --- judging ------------------------------------------------------------------------------------


def _what_is_wrong(
    found: Sequence[_Layer], sizes: Sizes, activations: Sequence[str], least: int | None
) -> str:
    """A sentence, or ""."""
    shapes = [layer.weight.shape for layer in found]
    got = [shapes[0][0], *(shape[1] for shape in shapes)]
    said = "-".join(str(size) for size in got)
    if any(a[1] != b[0] for a, b in pairwise(shapes)):
        return f"the layers do not fit together: w has the shapes {', '.join(map(str, shapes))}"
    if not _sizes_fit(got, sizes):
        asked = "-".join("…" if size is Ellipsis else str(size) for size in sizes)
        return f"the network has the sizes {said}; {asked} is asked for"
    if least is not None and len(found) < least:
        return f"the network has {len(found)} layers; at least {least} are asked for"
    if len(activations) == len(found):
        wanted = list(activations)
    else:
        wanted = [activations[0]] * (len(found) - 1) + [activations[-1]]
    for layer, name in zip(found, wanted, strict=True):
        own = layer.activation.name if layer.activation else "another function"
        if name not in (ANY, own):
            return f"the activation of layer {layer.number + 1} is {own}; {name} is asked for"
    return ""


def _sizes_fit(got: Sequence[int], sizes: Sizes) -> bool:
    if Ellipsis not in sizes:
        return list(got) == list(sizes)
    gap = sizes.index(Ellipsis)
    before, after = list(sizes[:gap]), list(sizes[gap + 1 :])
    fits = list(got[:gap]) == before and list(got[len(got) - len(after) :]) == after
    return fits and len(got) >= len(before) + len(after)


def _accuracy(
    found: Sequence[_Layer], params: Any, subject: Subject, x: Array, y: Array
) -> float | str:
    """The share of right predictions, or why there is none."""
    z = x
    for layer in found:
        if z.shape[1] != layer.weight.shape[0]:
            return (
                f"the accuracy cannot be measured: layer {layer.number + 1} takes "
                f"{layer.weight.shape[0]} inputs and is given {z.shape[1]}"
            )
        z_in = z @ layer.weight + layer.bias
        if layer.activation is not None:
            z = layer.activation.value(z_in)
            continue
        made = _call_activation(params, subject, layer.number, z_in, layer.dtype)
        if isinstance(made, str):
            return f"the accuracy cannot be measured: {made}"
        z = made
    if z.shape[1] != 1:
        return f"the accuracy cannot be measured: the network has {z.shape[1]} outputs"
    if not np.all(np.isfinite(z)):
        return "the predictions of the network are not finite numbers"
    return accuracy_of(y, z[:, 0])
