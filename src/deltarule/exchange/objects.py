"""The student's end: holds the objects that a test refers to, and does with them what it asks.

One request is one frame, and so is its answer. While a request is worked on, functions of the test
may be called back; then the frames nest. This runs where the student's code runs, so that the
grader believes none of the answers without checking them.
"""

from __future__ import annotations

import ast
import contextlib
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import modules, wire
from .inkernel import InKernel
from .shared import SharingCodec
from .subject import ExchangeError
from .values import Blobs

__all__ = ["Objects", "serve"]

LONGEST_MESSAGE = 2000
MOST_BASES = 40
CELL_NAME = "<test>"
NO_MESSAGE = "<the message could not be made>"


class GraderFunction:
    """A function of the test, as the student's code sees it: it can be called, and that is all."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function where the test runs."""
        return self._call(*args, **kwargs)


class Objects(SharingCodec):
    """Answers requests about the names of a notebook and the objects behind them.

    Args:
        channel: to the grader.
        namespace: what the student's cells have bound.
    """

    def __init__(self, channel: socket.socket, namespace: dict[str, Any]) -> None:
        super().__init__("s", keep=True)
        self.channel = channel
        self.namespace = namespace
        self.held: dict[int, Any] = {}
        self.handles: dict[int, int] = {}
        self.graders: dict[int, Any] = {}
        self.grader_keys: dict[int, int] = {}
        self.kernel = InKernel(_Names(self))

    # -- what crosses -----------------------------------------------------------------------------

    def encode_object(self, value: Any) -> dict[str, Any]:
        """A handle; what the test made itself goes back as what it is."""
        if id(value) in self.grader_keys:
            return {"grader": self.grader_keys[id(value)]}
        handle = self.handles.get(id(value))
        if handle is None:
            handle = len(self.handles) + 1
            self.handles[id(value)] = handle
            self.held[handle] = value
        kind = type(value)
        bases = [f"{one.__module__}.{one.__qualname__}" for one in kind.__mro__[:MOST_BASES]]
        return {"held": [handle, kind.__name__, bases]}

    def decode_object(self, kind: str, inside: Any, blobs: Blobs) -> Any:
        """Our own object, a shared tensor, or a stand-in for something of the test's."""
        if kind == "held":
            return self.held[int(inside)]
        if kind == "shared":
            return self.decode_shared(inside, blobs)
        if kind in ("function", "module", "optimiser"):
            number, told = inside
            if number not in self.graders:
                self.graders[number] = self._build(kind, number, told, blobs)
                self.grader_keys[id(self.graders[number])] = number
            return self.graders[number]
        return super().decode_object(kind, inside, blobs)

    def _build(self, kind: str, number: int, told: Any, blobs: Blobs) -> Any:
        def decode(node: Any) -> Any:
            return self.decode(node, blobs, 1)

        if kind == "module":
            return modules.build_module(told, decode)
        if kind == "optimiser":
            return modules.build_optimiser(told, decode)
        return GraderFunction(lambda *args, **kwargs: self._call_back(number, args, kwargs))

    # -- frames -----------------------------------------------------------------------------------

    def serve(self, *, inside: bool = False) -> Any:
        """Answer requests until the grader hangs up, or gives the value of a call back."""
        while True:
            record, blobs = wire.receive(self.channel)
            self.shared.follow(record["changes"], blobs)
            self.shared.release(record["gone"])
            if "program" in record:
                outcome = self.kernel.run(wire.decode_program(record["program"], blobs))
                answer, given = wire.encode_outcome(outcome)
                wire.send(self.channel, {"outcome": answer}, given)
                continue
            if inside and "returned" in record:
                return self.decode(record["returned"], blobs)
            if inside and "raised" in record:
                raise _builtin(record["raised"])("raised by a function of the test")
            self._answer(record, blobs)

    def _answer(self, record: dict[str, Any], blobs: Blobs) -> None:
        self.received = []
        given: Blobs = []
        try:
            arguments = [self.decode(one, blobs) for one in record["arguments"]]
            received = [[at, one] for at, one in enumerate(self.received) if one is not None]
            before = [self.picture(one) for _, one in received]
            with _recording(record["grad"]):
                value = getattr(self, f"do_{record['do']}")(*arguments)
            answer = {"value": self.encode(value, given), "changed": []}
            for (number, one), old in zip(received, before, strict=True):
                if self.picture(one) != old:
                    answer["changed"].append([number, self.encode(one, given)])
        except BaseException as error:  # noqa: BLE001 - students' code may raise anything
            given.clear()
            self.settle(sent=False)
            answer = {"error": _told(error)}
        self._send(answer, given)

    def _send(self, record: dict[str, Any], blobs: Blobs) -> None:
        changes = self.shared.changes(blobs)
        try:
            wire.send(self.channel, {**record, "changes": changes}, blobs)
        except ExchangeError as error:  # larger than a frame may be; nothing of it was sent
            if changes or "call" in record:
                raise  # changes count as told; a call fails where the student's code makes it
            self.settle(sent=False)
            wire.send(self.channel, {"error": _told(error), "changes": []}, [])
        else:
            self.settle(sent=True)

    def _call_back(self, number: int, args: Any, kwargs: Any) -> Any:
        blobs: Blobs = []
        told = [self.encode(list(args), blobs), self.encode(dict(kwargs), blobs)]
        received = self.received
        self._send({"call": [number, *told]}, blobs)
        try:
            return self.serve(inside=True)
        finally:
            self.received = received

    # -- what can be asked for --------------------------------------------------------------------

    def do_name(self, name: str) -> Any:
        """What a name of the notebook is bound to, in a list; an empty list where it is not."""
        return (self.namespace[name],) if name in self.namespace else ()

    def do_get(self, target: Any, name: str) -> Any:
        """An attribute."""
        return getattr(target, name)

    def do_set(self, target: Any, name: str, value: Any) -> None:
        """Set an attribute."""
        setattr(target, name, value)

    def do_delete(self, target: Any, name: str) -> None:
        """Delete an attribute."""
        delattr(target, name)

    def do_item(self, target: Any, key: Any) -> Any:
        """An item."""
        return target[key]

    def do_set_item(self, target: Any, key: Any, value: Any) -> None:
        """Set an item."""
        target[key] = value

    def do_delete_item(self, target: Any, key: Any) -> None:
        """Delete an item."""
        del target[key]

    def do_call(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Call."""
        return target(*args, **kwargs)

    def do_iterate(self, target: Any) -> Any:
        """A new iterator."""
        return iter(target)

    def do_next(self, iterator: Any) -> Any:
        """The next item in a list; an empty list at the end."""
        item = next(iterator, self)  # "for" would call __iter__ again, which may start it anew
        return () if item is self else (item,)

    def do_supports(self, target: Any, name: str) -> bool:
        """Whether it has a special method."""
        return hasattr(target, name)

    def do_length(self, target: Any) -> int:
        """The length."""
        return len(target)

    def do_enter(self, target: Any) -> Any:
        """Enter a context."""
        return target.__enter__()

    def do_exit(self, target: Any) -> bool:
        """Leave a context; errors of the test itself are not told."""
        return bool(target.__exit__(None, None, None))

    def do_seed(self, library: str, seed: Any) -> None:
        """Seed a generator as the test has seeded its own."""
        if library == "torch":
            import torch

            torch.manual_seed(seed)
        elif library == "numpy":
            import numpy as np

            np.random.seed(seed)
        else:
            import random

            random.seed(seed)

    def do_backward(self, output: Any, grad: Any, inputs: list[Any]) -> list[Any]:
        """Go backward from a tensor: the gradients for those that both ends share.

        They are put back as they were: the grader adds them to its own copies, and what it has
        there then comes over like every other change.
        """
        import torch

        before = [one.grad for one in inputs]
        for one in inputs:
            one.grad = None
        torch.autograd.backward(output, grad, retain_graph=True)
        found = [one.grad for one in inputs]
        for one, old in zip(inputs, before, strict=True):
            one.grad = old
        return [None if one is None else one.clone() for one in found]

    def do_cell(self, source: str) -> Any:
        """Run a whole test cell here; the value of its last expression, where that is a number."""
        value = run_cell(source, self.namespace)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return [value is not None, float(value) if number else None]


class _Names(Mapping[str, Any]):
    """Names of the notebook, and ``#7`` for the object with the handle 7."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def __getitem__(self, name: str) -> Any:
        if name.startswith("#"):
            return self.objects.held[int(name[1:])]
        return self.objects.namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects.namespace)

    def __len__(self) -> int:
        return len(self.objects.namespace)


@contextlib.contextmanager
def _recording(wanted: bool) -> Iterator[None]:
    """Autograd switched off where the test has done so."""
    if wanted:
        yield
        return
    import torch

    with torch.no_grad():
        yield


def _builtin(name: Any) -> Any:
    import builtins

    kind = getattr(builtins, str(name), None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError


def run_cell(source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as IPython does, and return the value of its last expression, or None."""
    shell = namespace["get_ipython"]() if "get_ipython" in namespace else None
    tree = ast.parse(source if shell is None else shell.transform_cell(source))
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    exec(compile(tree, CELL_NAME, "exec"), namespace)
    return None if last is None else eval(compile(last, CELL_NAME, "eval"), namespace)


def _told(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: its builtin bases, its text, its line in the notebook."""
    line = 0
    for frame in traceback.extract_tb(error.__traceback__):
        if "ipykernel" in frame.filename or frame.filename.startswith("<ipython-input"):
            line = frame.lineno or 0
    try:
        message = str(error)[:LONGEST_MESSAGE]
    except Exception:  # noqa: BLE001 - a student's __str__ may raise anything
        message = NO_MESSAGE
    kind = type(error)
    bases = [one.__name__ for one in kind.__mro__ if one.__module__ == "builtins"]
    return {
        "type": kind.__name__[:200],
        "bases": bases,
        "message": message.encode("utf-8", "replace").decode(),
        "line": line,
    }


def serve(channel: socket.socket, namespace: dict[str, Any]) -> None:
    """Serve one test, in a fork of the submission's process, until the grader hangs up."""
    Objects(channel, namespace).serve()
