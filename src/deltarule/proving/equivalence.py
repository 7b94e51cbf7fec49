"""Is a mutant that no test kills the solution in other words? Asked without the tests' help.

::

    reference run ──recorded calls of homework functions──► replayed on both: as they were,
                                                            with other numbers, with other sizes
    lab 4's network? ──► five judging functions under fresh seeds

Tests are used as a source of calls only; what they compare does not count, so that a weak test
cannot make its own survivors equivalent. A probe on which the reference itself fails says nothing.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deltarule import judging
from deltarule.grading.cells import close_figures, new_namespace, run_cell, seed_generators
from deltarule.grading.forked import CodeCell
from deltarule.judging import SEED_VARIABLE
from deltarule.proving.bank import METHODS
from deltarule.proving.sameness import LOUD, SAME, VALUES, difference

__all__ = ["Probe", "Reference"]

SEEDS = tuple(range(7_000, 7_010))
"""Of the judging functions; none of them is a seed that tests are run with."""

CALLS = 8
"""Recorded calls of each function that are replayed, spread over all that were made."""

ROUNDS = 2
"""How often each call is replayed with other numbers, and with other sizes."""


@dataclass
class Reference:
    """The solution's run, with its homework functions watched: what mutants are compared with.

    Attributes:
        cells: the reference notebook's, tests included.
        tasks: qualified names of the functions with homework.
        names: the namespace after the run, with the original functions; None before it.
        calls: some calls of each function, spread over all that were made; for each of its
            definitions, since a notebook may define a function anew.
    """

    cells: Sequence[CodeCell]
    tasks: Sequence[str]
    names: dict[str, Any] | None = None
    calls: dict[str, list[_Calls]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Run the cells, once; later ones find the names that are kept."""
        if self.names is not None:
            return self.names
        namespace = new_namespace()
        originals: dict[str, Callable[..., Any]] = {}
        for cell in self.cells:
            with contextlib.suppress(Exception):
                run_cell(cell.source, cell.id, namespace)
            close_figures()
            for task in self.tasks:
                self._watch(task, namespace, originals)
        for task, function in originals.items():
            owner, name = _owner(task, namespace)
            _set(owner, name, function)
        self.names = namespace
        return namespace

    def _watch(
        self, task: str, namespace: dict[str, Any], originals: dict[str, Callable[..., Any]]
    ) -> None:
        owner, name = _owner(task, namespace)
        function = _get(owner, name)
        if function is None or hasattr(function, "watched") or not callable(function):
            return
        originals[task] = function
        calls = _Calls()
        self.calls.setdefault(task, []).append(calls)

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            calls.see(function, args, kwargs)
            return function(*args, **kwargs)

        watched.watched = True  # type: ignore[attr-defined]
        _set(owner, name, watched)


@dataclass(frozen=True)
class _Call:
    """One call of a homework function in the reference run: the arguments before it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass
class _Calls:
    """Calls of one function: every ``step``-th of ``seen``, so that a training fits in memory."""

    kept: list[_Call] = field(default_factory=list)
    seen: int = 0
    step: int = 1

    def see(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Keep a copy of a call, or not."""
        if self.seen % self.step == 0:
            with contextlib.suppress(Exception):
                self.kept.append(_Call(function, *copy.deepcopy(_without_graph((args, kwargs)))))
            if len(self.kept) > 2 * CALLS:
                self.kept, self.step = self.kept[::2], 2 * self.step
        self.seen += 1

    def chosen(self) -> list[_Call]:
        """Some of them, spread over all."""
        return self.kept[:: max(1, len(self.kept) // CALLS)][:CALLS]


def _without_graph(value: Any) -> Any:
    """The same arguments with results of tracked operations as tensors that can be copied."""
    if type(value) in (list, tuple):
        return type(value)(_without_graph(item) for item in value)
    if type(value) is dict:
        return {key: _without_graph(item) for key, item in value.items()}
    if hasattr(value, "is_leaf") and not value.is_leaf:
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value


@dataclass(frozen=True)
class Probe:
    """Compares the namespace of a mutant with that of the solution; runs in the forked child.

    Attributes:
        reference: the solution's run; it is recorded here unless it was before the fork.
        tasks: names of the functions to be compared; the likeliest to differ first.
        thorough: whether to go on after other values were seen, for something louder.
        bound: variables that the changed cell binds: homework need not be a function.
        definition: which definition of the first task is compared; the last one by default.
    """

    reference: Reference
    tasks: Sequence[str]
    thorough: bool = False
    bound: Sequence[str] = ()
    definition: int = -1

    def __call__(self, mutated: dict[str, Any]) -> dict[str, str]:
        """``status``: ``same``, ``values`` (they differ), ``loud`` (raises, other shape or type).

        ``where`` says on which probe.
        """
        reference = self.reference.record()
        worst = {"status": SAME, "where": ""}
        for number, task in enumerate(self.tasks):
            calls = self.reference.calls.get(task)
            which = self.definition if number == 0 else -1
            for call in calls[which].chosen() if calls else ():
                status, where = _replay(task, call, reference, mutated)
                if status == LOUD:
                    return {"status": LOUD, "where": f"{task}: {where}"}
                if status == VALUES and worst["status"] == SAME:
                    worst = {"status": VALUES, "where": f"{task}: {where}"}
                    if not self.thorough:
                        return worst
        if worst["status"] == SAME:
            worst = self._variables(reference, mutated)
        if worst["status"] == SAME:
            where = _judged_differently(reference, mutated, self.tasks[0])
            worst = {"status": VALUES if where else SAME, "where": where}
        return worst

    def _variables(self, reference: dict[str, Any], mutated: dict[str, Any]) -> dict[str, str]:
        """How the values differ that the changed cell has bound."""
        found = {
            name: difference(reference[name], mutated[name]) if name in mutated else LOUD
            for name in self.bound
            if name in reference
        }
        for status, says in ((LOUD, "is of another type or shape"), (VALUES, "has another value")):
            for name, seen in found.items():
                if seen == status:
                    return {"status": status, "where": f"{name} {says}"}
        return {"status": SAME, "where": ""}


def _owner(task: str, namespace: dict[str, Any]) -> tuple[Any, str]:
    """The class, or the namespace, that has a function; None where it is not there."""
    *path, name = task.split(".")
    owner: Any = namespace
    for part in path:
        owner = _get(owner, part)
    return owner, name


def _get(owner: Any, name: str) -> Any:
    return owner.get(name) if isinstance(owner, dict) else vars(owner).get(name) if owner else None


def _set(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


def _replay(
    task: str, call: _Call, reference: dict[str, Any], mutated: dict[str, Any]
) -> tuple[str, str]:
    """How the mutant's function differs from the reference's on one call and its variations."""
    function = _get(*_owner(task, mutated))
    if not callable(function):
        return LOUD, "is not there"
    worst = SAME, ""
    for how, vary in _variations():
        varied = vary(copy.deepcopy((call.args, call.kwargs)))
        ours, theirs = copy.deepcopy(varied), _moved(copy.deepcopy(varied), reference, mutated)
        seed_generators(0)
        try:
            expected = call.function(*ours[0], **ours[1])
        except Exception:  # noqa: BLE001 - then this input is none
            continue
        seed_generators(0)
        try:
            got = function(*theirs[0], **theirs[1])
        except Exception as error:  # noqa: BLE001 - a mutant may raise anything
            return LOUD, f"raises {type(error).__name__} {how}"
        status = difference((expected, ours), (got, theirs))
        if status == LOUD:
            return LOUD, f"gives another type or shape {how}"
        if status == VALUES and worst[0] == SAME:
            worst = VALUES, f"gives other values {how}"
    return worst


def _variations() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    yield "on a recorded call", lambda arguments: arguments
    for number in range(ROUNDS):
        rng = np.random.default_rng(number)
        yield "with other numbers", _Variation(rng)
    for number in range(ROUNDS):
        rng = np.random.default_rng(number + ROUNDS)
        sizes = {old: int(new) for old, new in enumerate(rng.permutation(np.arange(2, 10)))}
        yield "with other sizes", _Variation(rng, sizes)
    rng = np.random.default_rng(2 * ROUNDS)
    yield "with longer lists", _Variation(rng, dict.fromkeys(range(100), 3), repeat=3)


@dataclass(frozen=True)
class _Variation:
    """Fresh numbers in all arguments that are tensors, or lists of them.

    Attributes:
        rng: draws them.
        sizes: new sizes for old ones, so that equal sizes stay equal.
        repeat: how often the items of a list of tensors are repeated; with all sizes equal, more
            layers still fit together.
    """

    rng: np.random.Generator
    sizes: Mapping[int, int] = field(default_factory=dict)
    repeat: int = 1

    def __call__(self, value: Any) -> Any:
        """The same arguments with other content."""
        if type(value) is list and value and all(hasattr(item, "new_tensor") for item in value):
            return [self(item) for item in self.repeat * value]
        if type(value) in (list, tuple):
            return type(value)(self(item) for item in value)
        if type(value) is dict:
            return {key: self(item) for key, item in value.items()}
        if type(value) is float:
            return value * float(self.rng.uniform(0.5, 1.5))
        if not (hasattr(value, "new_tensor") and value.is_floating_point()):
            return value
        shape = [self.sizes.get(size, size) for size in value.shape]
        drawn = value.new_tensor(self.rng.normal(0.0, 1.0, shape))
        return drawn.requires_grad_(value.requires_grad)


def _moved(value: Any, reference: dict[str, Any], mutated: dict[str, Any]) -> Any:
    """Turn objects of the reference's classes into objects of the mutant's, all the way down."""
    seen: set[int] = set()

    def move(one: Any) -> None:
        if id(one) in seen:
            return
        seen.add(id(one))
        if isinstance(one, list | tuple):
            for item in one:
                move(item)
        elif isinstance(one, dict):
            for item in one.values():
                move(item)
        elif hasattr(one, "__dict__") and not isinstance(one, type):
            name = type(one).__name__
            if reference.get(name) is type(one) and isinstance(mutated.get(name), type):
                with contextlib.suppress(TypeError):
                    one.__class__ = mutated[name]
            for item in vars(one).values():
                move(item)

    move(value)
    return value


def _judged_differently(reference: dict[str, Any], mutated: dict[str, Any], task: str) -> str:
    """Which judging function tells a network of the mutant's from the right one, or "".

    A mutant outside the class can only show itself in training.
    """
    networks = [
        name
        for name, value in reference.items()
        if isinstance(value, type) and all(hasattr(value, method) for method in METHODS)
    ]
    for name in networks:
        inside = task.startswith(f"{name}.")
        for question in _questions(name, inside, "train" in reference):
            if not _all_right(question, reference, SEEDS[:1]):
                continue  # another interface
            if not _all_right(question, mutated, SEEDS):
                return f"{name} under fresh seeds"
    return ""


def _questions(name: str, inside: bool, trains: bool) -> Iterator[Callable[[dict[str, Any]], Any]]:
    asked = (
        judging.network_outputs,
        judging.network_loss,
        judging.network_gradients,
        judging.network_update,
    )
    for ask in asked if inside else ():
        yield lambda names, ask=ask: ask(names[name])  # type: ignore[misc]
    if trains:
        yield lambda names: judging.network_trajectory(names["train"], names[name])


def _all_right(
    question: Callable[[dict[str, Any]], Any], names: dict[str, Any], seeds: Sequence[int]
) -> bool:
    for seed in seeds:
        os.environ[SEED_VARIABLE] = str(seed)
        try:
            if question(names).credit < 1.0:
                return False
        except Exception:  # noqa: BLE001 - what cannot be judged is not the same
            return False
    return True
