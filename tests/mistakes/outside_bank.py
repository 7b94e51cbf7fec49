"""Wrong backward passes for lab 4 that no single named misconception, and no two, explain.

    for description, backward in outside_bank(seed=0):
        NeuralNetwork.backward = backward

Each call with the same seed gives the same functions in the same order; functions with randomness
draw from a generator of their own, so that they, too, repeat themselves. Four sources:

- syntax mutants of three right backward passes (one change each, or two);
- three named misconceptions at once;
- exact gradients of something else: another loss, other data, other parameters;
- right gradients that are treated badly afterwards, and backward passes that stop half-way.

Everything is checked before it is handed out: it is wrong, and it equals none of ``NAMED``, alone
or in twos, on any of the probe networks with at least two hidden layers. ``NAMED`` is written from
the one-sentence explanations alone, with all readings of a sentence that a teacher might accept,
and is independent of the bank that it is a test for.
"""

from __future__ import annotations

import ast
import copy
import functools
import itertools
import math
import random
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch

Backward = Callable[..., None]
Gradients = list[tuple[torch.Tensor | None, torch.Tensor | None]]

# --- the named misconceptions, as I read them ------------------------------------------------


def _sigmoid_slope(z):
    return torch.sigmoid(z) * (1 - torch.sigmoid(z))


def _tanh_slope(z):
    return 1 - torch.tanh(z) ** 2


@dataclass
class Recipe:
    """A backward pass with exchangeable parts; as it stands, it is right."""

    error: Callable = lambda p, y: 2 * (p - y)
    factor: float = 1.0
    means: int = 1  # how often the loss gradient is divided by the number of samples
    sample: int | None = None  # the only sample that contributes
    out: Callable = _sigmoid_slope
    hidden: Callable = _tanh_slope
    out_after: bool = False  # is the slope evaluated behind the activation?
    hidden_after: bool = False
    out_power: int = 1
    hidden_power: int = 1
    zin_as_input: bool = False
    back_factor: Callable = lambda n: 1.0
    back_weight: Callable = lambda weight, grad: weight
    send_loss_gradient: bool = False
    weight_grad: list[Callable] = field(default_factory=list)  # (gradient, weight, n) -> gradient
    bias_grad: Callable = lambda deltas: deltas.sum(0)
    bias_divided: bool = False
    keep: Callable = lambda index, last: True  # layers with gradients other than zero

    def __call__(self, layers, x, y) -> Gradients:
        inputs, zins, z = [], [], x
        for index, (weight, bias) in enumerate(layers):
            inputs.append(z)
            zins.append(z @ weight + bias)
            z = torch.sigmoid(zins[-1]) if index == len(layers) - 1 else torch.tanh(zins[-1])
        n, last = len(x), len(layers) - 1
        signal = self.factor * self.error(z, y.reshape(-1, 1)) / n**self.means
        if self.sample is not None:
            mask = torch.zeros_like(signal)
            mask[self.sample] = 1
            signal = signal * mask
        found: Gradients = [(None, None)] * len(layers)
        for index in range(last, -1, -1):
            weight, bias = layers[index]
            if index == last:
                at = torch.sigmoid(zins[-1]) if self.out_after else zins[-1]
                delta = signal * self.out(at) ** self.out_power
            else:
                at = torch.tanh(zins[index]) if self.hidden_after else zins[index]
                delta = signal * self.hidden(at) ** self.hidden_power
            entered = zins[index - 1] if self.zin_as_input and index else inputs[index]
            grad = entered.T @ delta
            for change in self.weight_grad:
                grad = change(grad, weight, n)
            of_bias = self.bias_grad(delta) / (n if self.bias_divided else 1)
            if self.keep(index, last):
                found[index] = (grad, of_bias)
            else:
                found[index] = (torch.zeros_like(weight), torch.zeros_like(bias))
            sent = signal if self.send_loss_gradient and index == last else delta
            back = self.back_weight(weight, grad)
            signal = self.back_factor(n) * (sent @ back.T)
        return found


def _set(**parts) -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        for name, part in parts.items():
            if name == "factor":
                recipe.factor *= part
            elif name == "means":
                recipe.means += part
            elif name == "weight_grad":
                recipe.weight_grad = [*recipe.weight_grad, part]
            elif name == "back_factor":
                before = recipe.back_factor
                recipe.back_factor = lambda n, part=part, before=before: part(n) * before(n)
            elif name == "keep":
                kept = recipe.keep
                recipe.keep = lambda i, last, part=part, kept=kept: part(i, last) and kept(i, last)
            else:
                setattr(recipe, name, part)

    return change


def _both_slopes(function: Callable) -> Callable:
    return _set(out=function(torch.sigmoid), hidden=function(torch.tanh))


NAMED: dict[str, list[Callable[[Recipe], None]]] = {
    "missing-batch-mean": [_set(means=-1)],
    "batch-mean-twice": [_set(means=1)],
    "missing-factor-two": [_set(factor=0.5)],
    "factor-two-twice": [_set(factor=2.0)],
    "sign-flipped": [_set(factor=-1.0)],
    "loss-for-its-gradient": [
        _set(error=lambda p, y: (p - y) ** 2),
        _set(error=lambda p, y: ((p - y) ** 2).sum().expand_as(p)),
    ],
    "absolute-error-gradient": [_set(error=lambda p, y: torch.sign(p - y))],
    "thresholded-prediction": [_set(error=lambda p, y: 2 * (torch.round(p) - y))],
    "only-last-sample": [_set(sample=-1)],
    "only-first-sample": [_set(sample=0)],
    "derivative-missing": [_set(out_power=0, hidden_power=0)],
    "output-derivative-missing": [_set(out_power=0)],
    "hidden-derivative-missing": [_set(hidden_power=0)],
    "derivative-at-z-out": [_set(out_after=True, hidden_after=True)],
    "output-derivative-at-z-out": [_set(out_after=True)],
    "hidden-derivative-at-z-out": [_set(hidden_after=True)],
    "activation-for-derivative": [_both_slopes(lambda act: act)],
    "hidden-activation-for-derivative": [_set(hidden=torch.tanh)],
    "derivative-twice": [_set(out_power=2, hidden_power=2)],
    "hidden-derivative-twice": [_set(hidden_power=2)],
    "output-derivative-twice": [_set(out_power=2)],
    "tanh-derivative-not-squared": [_set(hidden=lambda z: 1 - torch.tanh(z))],
    "sigmoid-derivative-halved": [_set(out=lambda z: 1 - torch.sigmoid(z))],
    "hidden-derivative-of-sigmoid": [
        _set(hidden=_sigmoid_slope),
        _set(hidden=lambda z: torch.tanh(z) * (1 - torch.tanh(z))),
    ],
    "output-derivative-of-tanh": [
        _set(out=_tanh_slope),
        _set(out=lambda z: 1 - torch.sigmoid(z) ** 2),
    ],
    "bias-gradient-averaged": [_set(bias_divided=True)],
    "weight-gradient-averaged": [_set(weight_grad=lambda grad, weight, n: grad / n)],
    "bias-gradient-of-one-sample": [
        _set(bias_grad=lambda deltas: deltas[0]),
        _set(bias_grad=lambda deltas: deltas[-1]),
    ],
    "bias-gradient-not-summed": [_set(bias_grad=lambda deltas: deltas)],
    "bias-gradient-forgotten": [_set(bias_grad=lambda deltas: 0 * deltas.sum(0))],
    "weight-gradient-transposed": [_set(weight_grad=lambda grad, weight, n: grad.T)],
    "pre-activation-as-input": [_set(zin_as_input=True)],
    "gradient-normalised": [_set(weight_grad=lambda grad, weight, n: grad / grad.norm())],
    "weight-decay-added": [
        _set(weight_grad=lambda grad, weight, n: grad + weight.reshape(grad.shape)),
        _set(weight_grad=lambda grad, weight, n: grad + 2 * weight.reshape(grad.shape)),
    ],
    "last-layer-only": [_set(keep=lambda index, last: index == last)],
    "first-layer-forgotten": [_set(keep=lambda index, last: index > 0)],
    "delta-through-updated-weights": [
        _set(back_weight=lambda weight, grad, lr=lr: weight - lr * grad.reshape(weight.shape))
        for lr in (1.0, 0.5, 0.1, 0.01)
    ],
    "weights-forgotten": [
        _set(back_weight=lambda weight, grad: torch.ones_like(weight)),
        _set(back_weight=lambda weight, grad: torch.ones_like(weight) / weight.shape[1]),
    ],
    "loss-gradient-sent-back": [_set(send_loss_gradient=True)],
    "batch-mean-at-every-layer": [
        _set(back_factor=lambda n: 1 / n),
        _set(back_factor=lambda n: 1 / n, means=1),
    ],
    "delta-sign-flipped-on-the-way": [_set(back_factor=lambda n: -1.0)],
}


def recipe(*changes: Callable[[Recipe], None]) -> Recipe:
    """A backward pass with these changes, made one after the other."""
    made = Recipe()
    for change in changes:
        change(made)
    return made


# --- probes: is this function wrong, and is it outside? ---------------------------------------


def _linear(n_in: int, n_out: int, generator: torch.Generator) -> types.SimpleNamespace:
    draw = functools.partial(torch.randn, generator=generator, dtype=torch.float64)
    linear = types.SimpleNamespace(weight_grad=None, bias_grad=None)
    linear.weight, linear.bias = draw(n_in, n_out) / math.sqrt(n_in), 0.5 * draw(n_out)
    linear.forward = lambda x: x @ linear.weight + linear.bias
    return linear


def _layer(n_in: int, n_out: int, output: bool, generator: torch.Generator):
    """What lab 4 calls a Neuron, with the same methods and attributes."""
    layer = types.SimpleNamespace(linear=_linear(n_in, n_out, generator))
    layer.last_input = layer.last_zin = layer.last_zout = None
    layer.act = types.SimpleNamespace(
        forward=torch.sigmoid if output else torch.tanh,
        get_gradient=_sigmoid_slope if output else _tanh_slope,
    )

    def forward(x):
        layer.last_input, layer.last_zin = x, layer.linear.forward(x)
        layer.last_zout = layer.act.forward(layer.last_zin)
        return layer.last_zout

    layer.forward = forward
    layer.get_weight = lambda: layer.linear.weight
    layer.get_bias = lambda: layer.linear.bias
    layer.set_weight_gradient = functools.partial(setattr, layer.linear, "weight_grad")
    layer.set_bias_gradient = functools.partial(setattr, layer.linear, "bias_grad")
    return layer


def _network(sizes: list[int], generator: torch.Generator) -> types.SimpleNamespace:
    """What lab 4 calls a NeuralNetwork, as far as `backward` can tell."""
    last = len(sizes) - 2
    net = types.SimpleNamespace(
        layers=[
            _layer(a, b, index == last, generator)
            for index, (a, b) in enumerate(itertools.pairwise(sizes))
        ],
        loss=types.SimpleNamespace(
            forward=lambda y, p: ((p - y) ** 2).mean(),
            get_gradient=lambda y, p: 2 * (p - y) / p.numel(),
        ),
    )

    def forward(x):
        for layer in net.layers:
            x = layer.forward(x)
        return x.squeeze(-1)

    net.forward = forward
    return net


_PROBES = (  # layer sizes, samples, targets of 0 and 1 only?
    ([2, 5, 3, 1], 5, True),
    ([3, 4, 6, 1], 7, False),
    ([2, 3, 4, 2, 5, 1], 6, False),
    ([3, 3, 3, 1], 3, True),
)


def _probe(number: int):
    sizes, n, binary = _PROBES[number]
    generator = torch.Generator().manual_seed(1000 + number)
    net = _network(sizes, generator)
    x = torch.randn(n, sizes[0], generator=generator, dtype=torch.float64)
    y = torch.rand(n, generator=generator, dtype=torch.float64)
    return net, x, torch.round(y) if binary else y


def _stored(net) -> Gradients:
    return [(layer.linear.weight_grad, layer.linear.bias_grad) for layer in net.layers]


def _flat(found: Gradients) -> tuple[tuple, torch.Tensor] | None:
    """(shapes, numbers), or None if a gradient is missing."""
    parts = [part for pair in found for part in pair]
    if not all(isinstance(part, torch.Tensor) for part in parts):
        return None
    shapes = tuple(tuple(part.shape) for part in parts)
    return shapes, torch.cat([part.detach().double().reshape(-1) for part in parts])


@functools.cache
def _known(number: int) -> tuple[torch.Tensor, dict[tuple, torch.Tensor], dict[tuple, list[str]]]:
    """The right gradients on a probe, and by shapes those of all names, alone and in twos."""
    net, x, y = _probe(number)
    layers = [(layer.get_weight(), layer.get_bias()) for layer in net.layers]
    readings = [(name, change) for name, changes in NAMED.items() for change in changes]
    rows: dict[tuple, list[torch.Tensor]] = {}
    labels: dict[tuple, list[str]] = {}
    twos = [
        (a, b) for a, b in itertools.permutations(readings, 2) if a[0] != b[0]
    ]  # both orders: changes of the same part overwrite each other
    for chosen in [*((one,) for one in readings), *twos]:
        shapes, numbers = _flat(recipe(*(change for _, change in chosen))(layers, x, y))
        rows.setdefault(shapes, []).append(numbers)
        labels.setdefault(shapes, []).append("+".join(name for name, _ in chosen))
    right = _flat(Recipe()(layers, x, y))
    return right[1], {s: torch.stack(r) for s, r in rows.items()}, labels


def _distances(numbers: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return (rows - numbers).abs().amax(-1) / rows.abs().amax(-1).clamp(min=1e-12)


def explanations(found: Gradients, number: int) -> list[str]:
    """Which names, or twos of them, give these gradients on probe `number`; "right" is one."""
    flat = _flat(found)
    right, rows, labels = _known(number)
    if flat is None or flat[0] not in rows:
        return []
    known = rows[flat[0]]
    place = int(flat[1].abs().argmax())  # most rows differ here already, and this is quick
    candidates = ((known[:, place] - flat[1][place]).abs() <= 1e-6 * flat[1].abs().max()).nonzero()
    close = _distances(flat[1], known[candidates[:, 0]]) < 1e-7
    names = [labels[flat[0]][int(index)] for index in candidates[close]]
    if flat[1].shape == right.shape and _distances(flat[1], right[None])[0] < 1e-7:
        names.append("right")
    return names


def _run(backward: Backward, number: int) -> tuple[Gradients, bool]:
    """The gradients that `backward` leaves on a probe, and whether it went to its end."""
    net, x, y = _probe(number)
    try:
        backward(net, x, y)
    except Exception:  # noqa: BLE001 - mutants may raise anything
        return _stored(net), False
    return _stored(net), True


def _is_outside(make: Callable[[], Backward], may_raise: bool = True) -> tuple[bool, bool]:
    """(wrong and not named, goes to its end), on the probes."""
    ends = True
    for number in range(len(_PROBES)):
        found, finished = _run(make(), number)
        ends &= finished
        if (not ends and not may_raise) or explanations(found, number):
            return False, ends
    return True, ends


# --- syntax mutants ---------------------------------------------------------------------------

_REFERENCES = {
    "the reference": """
def backward(self, x, y):
    y_pred = self.forward(x)
    output_layer = self.layers[-1]
    loss_gradient = self.loss.get_gradient(y, y_pred).reshape(output_layer.last_zin.shape)
    deltas = loss_gradient * output_layer.act.get_gradient(output_layer.last_zin)
    for index in reversed(range(len(self.layers))):
        layer = self.layers[index]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if index > 0:
            previous = self.layers[index - 1]
            slope = previous.act.get_gradient(previous.last_zin)
            deltas = deltas @ layer.get_weight().T * slope
""",
    "formulas written out": """
def backward(self, x, y):
    y_pred = self.forward(x)
    n = len(y)
    a = [x] + [layer.last_zout for layer in self.layers]
    s = a[-1]
    delta = 2 * (y_pred - y).unsqueeze(1) / n * s * (1 - s)
    for l in range(len(self.layers) - 1, -1, -1):
        weight = self.layers[l].get_weight()
        self.layers[l].set_weight_gradient(a[l].T @ delta)
        self.layers[l].set_bias_gradient(delta.sum(0))
        delta = (delta @ weight.T) * (1 - a[l] ** 2)
""",
    "a loop over samples": """
def backward(self, x, y):
    y_pred = self.forward(x)
    n = len(x)
    top = len(self.layers) - 1
    grad = self.loss.get_gradient(y, y_pred)
    dw = [torch.zeros_like(layer.get_weight()) for layer in self.layers]
    db = [torch.zeros_like(layer.get_bias()) for layer in self.layers]
    for s in range(n):
        out = self.layers[top]
        delta = grad[s] * out.act.get_gradient(out.last_zin[s])
        for l in range(top, -1, -1):
            dw[l] += torch.outer(self.layers[l].last_input[s], delta)
            db[l] += delta
            if l > 0:
                below = self.layers[l - 1]
                slope = below.act.get_gradient(below.last_zin[s])
                delta = (self.layers[l].get_weight() @ delta) * slope
    for l in range(top + 1):
        self.layers[l].set_weight_gradient(dw[l])
        self.layers[l].set_bias_gradient(db[l])
""",
}

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow)
_COMPARISONS = (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq)
_EXCHANGES = (
    {"last_input", "last_zin", "last_zout"},
    {"get_gradient", "forward"},
    {"get_weight", "get_bias"},
    {"sum", "mean", "amax", "amin", "prod", "cumsum"},
    {"T", "mT", "abs"},
)
_WRAPPERS = ("torch.abs", "torch.sign", "torch.tanh", "torch.relu", "torch.square", "torch.exp")


def _edits(tree: ast.AST, names: list[str]) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """All changes of one place: (what, how); `how` edits the node that `ast.walk` meets there."""
    for place, node in enumerate(ast.walk(tree)):

        def at(change: Callable, place: int = place, kind=type(node)) -> Callable:
            def edit(other: ast.AST) -> None:
                met = next(itertools.islice(ast.walk(other), place, None))
                if type(met) is not kind:
                    raise LookupError("an earlier change has moved this place")
                change(met)

            return edit

        text = ast.unparse(node) if isinstance(node, ast.expr) else ""
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            for value in {node.value + 1, node.value - 1, -node.value, 2 * node.value} - {
                node.value
            }:
                yield f"{value} for {text}", at(lambda n, v=value: setattr(n, "value", v))
        elif isinstance(node, ast.BinOp):

            def swap(n):
                n.left, n.right = n.right, n.left

            def keep_left(n):
                n.op, n.right = ast.Mult(), ast.Constant(1)

            def keep_right(n):
                n.op, n.left = ast.Mult(), ast.Constant(1)

            if not isinstance(node.op, ast.Mult | ast.Add):
                yield f"operands swapped in `{text}`", at(swap)
            yield f"right operand of `{text}` dropped", at(keep_left)
            yield f"left operand of `{text}` dropped", at(keep_right)
            for op in _OPERATORS:
                if not isinstance(node.op, op):
                    yield (
                        f"{op.__name__} in `{text}`",
                        at(lambda n, op=op: setattr(n, "op", op())),
                    )
        elif isinstance(node, ast.Compare):
            for op in _COMPARISONS:
                if not isinstance(node.ops[0], op):
                    yield (
                        f"{op.__name__} in `{text}`",
                        at(lambda n, op=op: setattr(n, "ops", [op()])),
                    )
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            for other in names:
                if other != node.id:
                    yield (
                        f"variable {other} for {node.id} in line {node.lineno}",
                        at(lambda n, other=other: setattr(n, "id", other)),
                    )
        if isinstance(node, ast.Attribute):
            for group in _EXCHANGES:
                for other in sorted(group - {node.attr}) if node.attr in group else ():
                    yield (
                        f"{other} for `{text}` in line {node.lineno}",
                        at(lambda n, other=other: setattr(n, "attr", other)),
                    )
        if isinstance(node, ast.Call) and len(node.args) == 2:

            def turn(n):
                n.args.reverse()

            yield f"arguments swapped in `{text}`", at(turn)
        if isinstance(node, ast.Assign | ast.AugAssign) and not isinstance(
            node.value, ast.Constant | ast.List | ast.ListComp
        ):
            for wrapper in _WRAPPERS:

                def wrap(n, wrapper=wrapper):
                    n.value = ast.Call(ast.parse(wrapper, mode="eval").body, [n.value], [])

                yield f"{wrapper} around `{ast.unparse(node.value)}`", at(wrap)
        if isinstance(node, ast.AugAssign):
            yield (
                f"Sub in line {node.lineno}",
                at(lambda n: setattr(n, "op", ast.Sub())),
            )
        for block in ("body",):
            body = getattr(node, block, None)
            if not isinstance(body, list) or isinstance(node, ast.Module):
                continue
            for index, line in enumerate(body):
                said = ast.unparse(line).split("\n")[0]
                yield (
                    f"`{said}` dropped",
                    at(lambda n, i=index: n.body.__setitem__(i, ast.Pass())),
                )
                yield (
                    f"`{said}` twice",
                    at(lambda n, i=index: n.body.insert(i, copy.deepcopy(n.body[i]))),
                )
                if index:
                    yield (
                        f"`{said}` one line earlier",
                        at(lambda n, i=index: n.body.insert(i - 1, n.body.pop(i))),
                    )


def _checked(function: Backward) -> Backward:
    """With the check of shapes that lab 4 puts at the end of `backward`."""

    @functools.wraps(function)
    def backward(self, x, y):
        function(self, x, y)
        for number, layer in enumerate(self.layers, start=1):
            for name in ("weight", "bias"):
                parameter = getattr(layer.linear, name)
                gradient = getattr(layer.linear, f"{name}_grad")
                if gradient is None or gradient.shape != parameter.shape:
                    raise ValueError(f"layer {number}: the {name} gradient has a wrong shape")

    return backward


def _compiled(tree: ast.Module) -> Backward:
    names = {"torch": torch, "math": math}
    exec(compile(ast.fix_missing_locations(tree), "<mutant>", "exec"), names)
    return _checked(names["backward"])


@functools.cache
def _mutants() -> tuple[tuple[str, str, Callable[[ast.AST], None]], ...]:
    """(reference, what, how) for every change of one place."""
    found = []
    for name, text in _REFERENCES.items():
        tree = ast.parse(text)
        variables = sorted(
            {
                node.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            | {"x", "y"}
        )
        found += [(name, what, how) for what, how in _edits(tree, variables)]
    return tuple(found)


def _draw_mutants(rng: random.Random, count: int) -> Iterator[tuple[str, Backward]]:
    # Exchanged variables are many, and most of them raise: they get a fifth of the draws.
    pools = {
        (name, exchanged): [
            (what, how)
            for reference, what, how in _mutants()
            if reference == name and what.startswith("variable") == exchanged
        ]
        for name in _REFERENCES
        for exchanged in (True, False)
    }
    seen: set[str] = set()
    raising = 0
    while count:
        name = rng.choice(list(_REFERENCES))
        what, how = rng.choice(pools[name, rng.random() < 0.2])
        tree = ast.parse(_REFERENCES[name])
        try:
            how(tree)
            if rng.random() < 0.3:  # a second change; the first may have moved its place
                also, second = rng.choice(pools[name, False])
                second(tree)
                what = f"{what}; {also}"
            text = ast.unparse(ast.fix_missing_locations(tree))
            compiled = _compiled(ast.parse(text))
        except (LookupError, StopIteration, SyntaxError):
            continue  # no place for the second change
        if text in seen:
            continue
        seen.add(text)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            outside, ends = _is_outside(lambda compiled=compiled: compiled, raising < 15)
        if warned or not outside:
            continue
        raising += not ends
        count -= 1
        yield f"mutant of {name}: {what}" + ("" if ends else " (raises)"), compiled


# --- three names at once ----------------------------------------------------------------------


def _from_recipe(made: Recipe) -> Backward:
    def backward(self, x, y):
        self.forward(x)
        layers = [(layer.get_weight(), layer.get_bias()) for layer in self.layers]
        for layer, (weight_grad, bias_grad) in zip(self.layers, made(layers, x, y), strict=True):
            layer.set_weight_gradient(weight_grad)
            layer.set_bias_gradient(bias_grad)

    return _checked(backward)


def _draw_threes(rng: random.Random, count: int) -> Iterator[tuple[str, Backward]]:
    shapes = {"bias-gradient-not-summed", "weight-gradient-transposed"}
    names = [name for name in NAMED if name not in shapes]
    seen: set[tuple[str, ...]] = set()
    while count:
        chosen = sorted(rng.sample(names, 3), key=names.index)
        backward = _from_recipe(recipe(*(rng.choice(NAMED[name]) for name in chosen)))
        if tuple(chosen) in seen or not _is_outside(lambda b=backward: b)[0]:
            continue
        seen.add(tuple(chosen))
        count -= 1
        yield "three at once: " + "+".join(chosen), backward


# --- exact gradients of something else --------------------------------------------------------


def _exact(net, x, y, loss, weights=None, activations=None) -> Gradients:
    """Gradients of `loss(predictions, y, weights)` by automatic differentiation."""
    with torch.enable_grad():
        parameters = [
            (layer.get_weight().detach().clone(), layer.get_bias().detach().clone())
            for layer in net.layers
        ]
        if weights is not None:
            parameters = [(weights(w), b) for w, b in parameters]
        leaves = [part.requires_grad_() for pair in parameters for part in pair]
        hidden, output = activations or (torch.tanh, torch.sigmoid)
        z = x
        for weight, bias in parameters[:-1]:
            z = hidden(z @ weight + bias)
        p = output(z @ parameters[-1][0] + parameters[-1][1]).squeeze(-1)
        found = torch.autograd.grad(
            loss(p, y, [w for w, _ in parameters]), leaves, allow_unused=True
        )
    found = [torch.zeros_like(p) if g is None else g for g, p in zip(found, leaves, strict=True)]
    return list(zip(found[::2], found[1::2], strict=True))


def _mse(p, y, weights):
    return ((p - y) ** 2).mean()


def _bce(p, y, weights):
    p = p.clamp(1e-6, 1 - 1e-6)
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


def _store(net, found: Gradients) -> None:
    for layer, (weight_grad, bias_grad) in zip(net.layers, found, strict=True):
        layer.set_weight_gradient(weight_grad)
        layer.set_bias_gradient(bias_grad)


_LOSSES = {
    # BCE as a mean is no stranger: it is "no slope at the output" with "no factor two".
    "binary cross-entropy, summed": lambda p, y, w: _bce(p, y, w) * len(y),
    "cross-entropy with soft labels": lambda p, y, w: _bce(p, 0.8 * y + 0.1, w),
    "cross-entropy of a second sigmoid": lambda p, y, w: _bce(torch.sigmoid(p), y, w),
    "cross-entropy plus squared error": lambda p, y, w: _bce(p, y, w) + _mse(p, y, w),
    "cross-entropy with class weights": lambda p, y, w: _bce(p, 3 * y, w),
    "fourth power": lambda p, y, w: ((p - y) ** 4).mean(),
    "third power": lambda p, y, w: (p - y).abs().pow(3).mean(),
    "power one and a half": lambda p, y, w: (p - y).abs().pow(1.5).mean(),
    "Huber with 0.2": lambda p, y, w: torch.nn.functional.huber_loss(p, y, delta=0.2),
    "Huber with 0.05": lambda p, y, w: torch.nn.functional.huber_loss(p, y, delta=0.05),
    "log-cosh": lambda p, y, w: torch.log(torch.cosh(p - y)).mean(),
    "hinge": lambda p, y, w: torch.relu(0.7 - (2 * y - 1) * (2 * p - 1)).mean(),
    "squared hinge": lambda p, y, w: torch.relu(1 - (2 * y - 1) * (2 * p - 1)).pow(2).mean(),
    "pinball with 0.8": lambda p, y, w: torch.maximum(0.8 * (y - p), 0.2 * (p - y)).mean(),
    "root of the mean squared error": lambda p, y, w: _mse(p, y, w).sqrt(),
    "logarithm of the mean squared error": lambda p, y, w: _mse(p, y, w).log(),
    "square of the mean squared error": lambda p, y, w: _mse(p, y, w) ** 2,
    "squared logarithmic error": lambda p, y, w: (p.log1p() - y.log1p()).pow(2).mean(),
    "exponential": lambda p, y, w: torch.exp(-(2 * y - 1) * (2 * p - 1)).mean(),
    "error relative to the prediction": lambda p, y, w: (((p - y) / (p + 0.1)) ** 2).mean(),
    "largest error only": lambda p, y, w: ((p - y) ** 2).max(),
    "median error only": lambda p, y, w: ((p - y) ** 2).median(),
    "focal": lambda p, y, w: ((p - y).abs() * torch.log1p((p - y).abs())).mean(),
    "squared mean error": lambda p, y, w: (p - y).mean() ** 2,
    "the prediction itself": lambda p, y, w: p.mean(),
    "with a penalty of 0.1 |w|": lambda p, y, w: (
        _mse(p, y, w) + 0.1 * sum(v.abs().sum() for v in w)
    ),
    "with a penalty on the output weights": lambda p, y, w: _mse(p, y, w) + (w[-1] ** 2).sum(),
    "with a penalty on the predictions": lambda p, y, w: _mse(p, y, w) + (p**2).mean(),
    "Brier score of both classes, odds": lambda p, y, w: ((p / (1 - p) - y) ** 2).mean(),
}

_DATA = {
    "targets turned round, 1 - y": lambda x, y: (x, 1 - y),
    "targets of the next sample": lambda x, y: (x, y.roll(1)),
    "targets in the opposite order": lambda x, y: (x.flip(0), y),
    "all targets zero": lambda x, y: (x, torch.zeros_like(y)),
    "targets -1 and 1": lambda x, y: (x, 2 * y - 1),
    "targets a half larger": lambda x, y: (x, y + 0.5),
    "mean target": lambda x, y: (x, y.mean().expand_as(y)),
    "features in the opposite order": lambda x, y: (x.flip(1), y),
    "inputs twice as large": lambda x, y: (2 * x, y),
    "standardised inputs": lambda x, y: ((x - x.mean()) / (x.std() + 1), y),
    "absolute inputs": lambda x, y: (x.abs(), y),
    "inputs cut off at zero": lambda x, y: (x.relu(), y),
    "first feature zero": lambda x, y: (torch.cat([0 * x[:, :1], x[:, 1:]], 1), y),
    "first half of the batch": lambda x, y: (x[: (len(x) + 1) // 2] + 0.01, y[: (len(y) + 1) // 2]),
    "mean input for all": lambda x, y: (x.mean(0).expand_as(x), y),
    "first sample twice": lambda x, y: (torch.cat([x, x[:1]]), torch.cat([y, 1 - y[:1]])),
}

_PLACES = {
    "gradient at weights that are 0.1 larger": lambda w: w + 0.1,
    "gradient at weights that are half as large": lambda w: 0.5 * w,
    "gradient at absolute weights": lambda w: w.abs(),
    "gradient at weights with the rows turned round": lambda w: w.flip(0),
    "gradient at weights rounded to one decimal": lambda w: torch.round(w, decimals=1),
}

_ACTIVATIONS = {
    "hidden layers taken for relu": (torch.relu, torch.sigmoid),
    "hidden layers taken for linear": (lambda z: z, torch.sigmoid),
    "output taken for linear": (torch.tanh, lambda z: z),
    "hidden layers taken for softplus": (torch.nn.functional.softplus, torch.sigmoid),
    "all layers taken for sine": (torch.sin, torch.sin),
    "output through two sigmoids": (torch.tanh, lambda z: torch.sigmoid(torch.sigmoid(z))),
    "hidden layers through two tanhs": (lambda z: torch.tanh(torch.tanh(z)), torch.sigmoid),
}


def _others() -> Iterator[tuple[str, Callable[[], Backward]]]:
    def of(**parts):
        def make():
            def backward(self, x, y):
                self.forward(x)
                change = parts.get("data", lambda x, y: (x, y))
                found = _exact(
                    self,
                    *change(x, y),
                    parts.get("loss", _mse),
                    parts.get("weights"),
                    parts.get("activations"),
                )
                _store(self, found)

            return _checked(backward)

        return make

    for name, loss in _LOSSES.items():
        yield f"gradient of another loss: {name}", of(loss=loss)
    for name, data in _DATA.items():
        yield f"gradient for other data: {name}", of(data=data)
    for name, weights in _PLACES.items():
        yield name, of(weights=weights)
    for name, activations in _ACTIVATIONS.items():
        yield f"gradient of another network: {name}", of(activations=activations)


# --- right gradients, treated badly; and unfinished ones --------------------------------------


def _everywhere(change: Callable) -> Callable:
    return lambda net, found, g: [(change(w, g), change(b, g)) for w, b in found]


def _noise(like: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=g, dtype=torch.float64).to(like.dtype)


def _mask(like: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    mask = (torch.rand(like.shape, generator=g) < 0.5).to(like.dtype)
    mask.view(-1)[0] = 0  # never the whole
    return mask


def _whole(found: Gradients) -> torch.Tensor:
    return torch.sqrt(sum((w**2).sum() + (b**2).sum() for w, b in found))


def _by_layer(change: Callable) -> Callable:
    """`change(index, last, weight gradient, bias gradient, layer, g)` gives the two of a layer."""
    return lambda net, found, g: [
        change(index, len(found) - 1, w, b, layer, g)
        for index, (layer, (w, b)) in enumerate(zip(net.layers, found, strict=True))
    ]


_TREATMENTS = {
    "random gradients": _everywhere(_noise),
    "small random gradients": _everywhere(lambda v, g: 1e-3 * _noise(v, g)),
    "one per cent of noise": _everywhere(lambda v, g: v * (1 + 0.01 * _noise(v, g))),
    "ten per cent of noise": _everywhere(lambda v, g: v * (1 + 0.1 * _noise(v, g))),
    "noise of 0.01": _everywhere(lambda v, g: v + 0.01 * _noise(v, g)),
    "noise for the biases only": lambda net, found, g: [
        (w, b + 0.01 * _noise(b, g)) for w, b in found
    ],
    "rounded to two decimals": _everywhere(lambda v, g: torch.round(v, decimals=2)),
    "rounded to one significant digit": _everywhere(
        lambda v, g: torch.round(v * 4 / v.abs().max()) * v.abs().max() / 4
    ),
    "through half precision of eight bits": _everywhere(
        lambda v, g: v.to(torch.bfloat16).to(v.dtype)
    ),
    "clipped at half the largest entry": _everywhere(
        lambda v, g: v.clamp(-0.5 * v.abs().max(), 0.3 * v.abs().max())
    ),
    "clipped at 0.001": _everywhere(lambda v, g: v.clamp(-1e-3, 1e-3)),
    "positive part": _everywhere(lambda v, g: v.relu() + 1e-3 * v),
    "absolute values": _everywhere(lambda v, g: v.abs() + 1e-3 * v),
    "signs only": _everywhere(lambda v, g: torch.sign(v)),
    "signed square roots": _everywhere(lambda v, g: torch.sign(v) * v.abs().sqrt()),
    "squares": _everywhere(lambda v, g: v**2),
    "softmax": _everywhere(lambda v, g: torch.softmax(v.reshape(-1), 0).reshape(v.shape)),
    "minus their mean": _everywhere(lambda v, g: v - v.mean() - 0.01),
    "scaled by 0.7": _everywhere(lambda v, g: 0.7 * v),
    "scaled by 1.1": _everywhere(lambda v, g: 1.1 * v),
    "scaled by -3.3": _everywhere(lambda v, g: -3.3 * v),
    "shifted by 0.05": _everywhere(lambda v, g: v + 0.05),
    "half of the entries dropped": _everywhere(lambda v, g: v * _mask(v, g)),
    "half of the entries dropped, the others doubled": _everywhere(
        lambda v, g: 2 * v * _mask(v, g)
    ),
    "entries in the opposite order": _everywhere(
        lambda v, g: (v.reshape(-1).flip(0) * 1.001).reshape(v.shape)
    ),
    "entries sorted": _everywhere(lambda v, g: 1.001 * v.reshape(-1).sort().values.view(v.shape)),
    "transposed and reshaped": _by_layer(
        lambda i, n, w, b, layer, g: (w.T.reshape(w.shape), b + w[0])
    ),
    "whole gradient of length one": lambda net, found, g: [
        (w / _whole(found), b / _whole(found)) for w, b in found
    ],
    "weight columns of length one": _by_layer(
        lambda i, n, w, b, layer, g: (w / (w.norm(dim=0) + 1e-9) / 2, b)
    ),
    "everything of length one, biases too": _everywhere(lambda v, g: v / v.norm()),
    "running average, started at zero": _everywhere(lambda v, g: 0.1 * v),
    "momentum from random velocity": _everywhere(lambda v, g: v + 0.9 * 0.1 * _noise(v, g)),
    "divided by root mean square": _everywhere(lambda v, g: v / (v.pow(2).mean().sqrt() + 1e-3)),
    "weights updated instead of differentiated": _by_layer(
        lambda i, n, w, b, layer, g: (layer.get_weight() - 0.1 * w, layer.get_bias() - 0.1 * b)
    ),
    "the parameters themselves": _by_layer(
        lambda i, n, w, b, layer, g: (layer.get_weight().clone(), layer.get_bias() + 0.1)
    ),
    "ones": _everywhere(lambda v, g: torch.ones_like(v)),
    "decay of 0.3 for weights and biases": _by_layer(
        lambda i, n, w, b, layer, g: (w + 0.3 * layer.get_weight(), b + 0.3 * layer.get_bias())
    ),
    "bias gradients from the weight gradients": _by_layer(
        lambda i, n, w, b, layer, g: (w, w.mean(0))
    ),
    "weight gradients from the bias gradients": _by_layer(
        lambda i, n, w, b, layer, g: (b.expand_as(w).clone(), b)
    ),
    "weight gradients times the weights": _by_layer(
        lambda i, n, w, b, layer, g: (w * layer.get_weight(), b)
    ),
    "gradients grow layer by layer": _by_layer(
        lambda i, n, w, b, layer, g: (w * 1.5 ** (n - i + 1), b * 1.5 ** (n - i + 1))
    ),
    "stops above the first layer, random below": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i else (_noise(w, g), _noise(b, g))
    ),
    "only the last layer, ones elsewhere": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i == n else (torch.ones_like(w), torch.ones_like(b))
    ),
    "only the last layer, the weights elsewhere": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i == n else (layer.get_weight() + 0, b + 1)
    ),
    "only the last layer, nan elsewhere": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i == n else (w * math.nan, b * math.nan)
    ),
    "only the last layer, nothing elsewhere": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i == n else (None, None)
    ),
    "first layer without gradients": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i else (None, None)
    ),
    "last layer forgotten, random instead": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i < n else (_noise(w, g), _noise(b, g))
    ),
    "last layer forgotten, zeros instead": _by_layer(
        lambda i, n, w, b, layer, g: (w, b) if i < n else (0 * w, 0 * b)
    ),
    "all zeros but the first layer's biases": _by_layer(
        lambda i, n, w, b, layer, g: (0 * w, 0 * b if i else b)
    ),
    "weights forgotten, biases right": _by_layer(lambda i, n, w, b, layer, g: (0 * w, b)),
    "weights of the first layer random": _by_layer(
        lambda i, n, w, b, layer, g: (w if i else 0.1 * _noise(w, g), b)
    ),
    "biases random": _by_layer(lambda i, n, w, b, layer, g: (w, 0.1 * _noise(b, g))),
    "biases negated": _by_layer(lambda i, n, w, b, layer, g: (w, -b)),
    "weights negated": _by_layer(lambda i, n, w, b, layer, g: (-w, b)),
    "first layer doubled": _by_layer(lambda i, n, w, b, layer, g: (w, b) if i else (2 * w, 2 * b)),
    "gradients without rows of the first sender": _by_layer(
        lambda i, n, w, b, layer, g: (torch.cat([0 * w[:1], w[1:]]), b)
    ),
}


def _treated(treatment: Callable, seed: int) -> Callable[[], Backward]:
    def make():
        generator = torch.Generator().manual_seed(seed)

        def backward(self, x, y):
            self.forward(x)
            _store(self, treatment(self, _exact(self, x, y, _mse), generator))

        return _checked(backward)

    return make


def _with_memory(seed: int) -> Iterator[tuple[str, Callable[[], Backward]]]:
    """Mistakes that remember: what they give depends on the call before, random at the first."""

    def previous_batch():
        memory: dict[tuple, tuple] = {}
        generator = torch.Generator().manual_seed(seed)

        def backward(self, x, y):
            key = (tuple(x.shape), x.dtype)
            old = memory.get(key, (_noise(x, generator), y.flip(0)))
            memory[key] = (x, y)
            self.forward(x)
            _store(self, _exact(self, *old, _mse))

        return _checked(backward)

    def momentum():
        memory: dict[tuple, Gradients] = {}
        generator = torch.Generator().manual_seed(seed + 1)

        def backward(self, x, y):
            self.forward(x)
            now = _exact(self, x, y, _mse)
            key = (x.dtype, *(tuple(w.shape) for w, _ in now))
            start = [(0.1 * _noise(w, generator), 0.1 * _noise(b, generator)) for w, b in now]
            old = memory.get(key, start)
            memory[key] = [
                (0.9 * v + w, 0.9 * c + b) for (v, c), (w, b) in zip(old, now, strict=True)
            ]
            _store(self, memory[key])

        return _checked(backward)

    def dropout():
        generator = torch.Generator().manual_seed(seed + 2)

        def backward(self, x, y):
            self.forward(x)

            def hidden(z):
                return 2 * _mask(z, generator) * torch.tanh(z)

            _store(self, _exact(self, x, y, _mse, activations=(hidden, torch.sigmoid)))

        return _checked(backward)

    yield "gradient of the previous batch, of a random one at first", previous_batch
    yield "momentum over the calls, with a random start", momentum
    yield "gradient of a network with dropout", dropout


def outside_bank(
    seed: int = 0, mutants: int = 140, threes: int = 50
) -> Iterator[tuple[str, Backward]]:
    """Wrong backward passes that no name, and no two, explain; more than 250 with the defaults.

    Args:
        seed: chooses the mutants, the threes and the noise.
        mutants: how many syntax mutants; at most 15 of them raise an error.
        threes: how many combinations of three named mistakes.

    Yields:
        (what is wrong, a function to put in the place of ``NeuralNetwork.backward``).
    """
    rng = random.Random(seed)
    yield from _draw_mutants(rng, mutants)
    yield from _draw_threes(rng, threes)
    rest = [*_others(), *_with_memory(seed)]
    for number, (name, treatment) in enumerate(_TREATMENTS.items()):
        made = _treated(treatment, 1000 * seed + number)
        rest.append((f"right gradients, then: {name}", made))
    for description, make in rest:
        if _is_outside(make)[0]:
            yield description, make()
