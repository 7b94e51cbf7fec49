"""How the student's code is reached: a program of steps, run as one request.

Judging never touches a student's object directly. It writes a :class:`Program` - look up, call,
get, set, read back, later steps naming earlier results - and hands it to a :class:`Subject`, which
runs it wherever the student's code lives and answers with plain values::

    program = Program()
    net = program.call(NeuralNetwork, 2, 1, [5, 3])
    program.set(net, "layers[0].linear.weight", program.tensor(weight, "float32"))
    y_hat = program.call_method(net, "forward", program.tensor(x, "float32"))
    program.read(y_hat)
    outcome = subject.run(program)        # one round trip a case, whatever the distance

What comes back is a :class:`TensorValue`, plain Python data, or :class:`Opaque` for anything else:
an object of the student's own class is never compared, so it cannot claim to be equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AUTOGRAD_USED",
    "ExchangeError",
    "Failure",
    "Opaque",
    "Outcome",
    "Program",
    "Reference",
    "Result",
    "Step",
    "Subject",
    "TableArgument",
    "TableValue",
    "TensorArgument",
    "TensorValue",
    "reference_of",
    "split_path",
]


AUTOGRAD_USED = "AutogradUsed"
"""The name of the failure of code that differentiates automatically where it must not."""


class ExchangeError(Exception):
    """A request that cannot be sent, or an answer that is not one."""


@dataclass(frozen=True)
class Result:
    """What step number ``index`` of a program gave; usable as an argument of later steps."""

    index: int


@dataclass(frozen=True)
class Reference:
    """An object of the student's that lives elsewhere, known by the name it is bound to.

    It can be handed to judging functions like the object itself. Nothing can be asked of it
    directly: it has no attributes, it cannot be called, and it compares with nothing.
    """

    name: str
    subject: Any = field(default=None, compare=False, repr=False)


def reference_of(value: Any) -> Reference | None:
    """The reference that a value is, or stands for; asked of its type, which nobody can forge."""
    if type(value) is Reference:
        return value
    stands_for = getattr(type(value), "_deltarule_reference", None)
    return None if stands_for is None else stands_for(value)


@dataclass(frozen=True)
class TensorArgument:
    """A tensor to be made on the student's side.

    Attributes:
        array: the values.
        dtype: ``float32``, ``float64`` or another name that NumPy and torch share.
        library: ``torch`` or ``numpy``.
        tracked: whether autograd is to record what is done with it.
    """

    array: NDArray[Any]
    dtype: str
    library: str = "torch"
    tracked: bool = False


@dataclass(frozen=True)
class TableArgument:
    """A pandas table to be made on the student's side: columns by name, as lists of plain data."""

    columns: dict[str, list[Any]]


@dataclass(frozen=True)
class TensorValue:
    """A tensor or array that the student's code produced.

    Attributes:
        array: its values; a copy.
        dtype: its element type, e.g. ``float32``; ``bfloat16`` comes as a float32 array.
        library: ``torch`` or ``numpy``.
        tracked: whether autograd was recording it.
    """

    array: NDArray[Any]
    dtype: str
    library: str
    tracked: bool = False


@dataclass(frozen=True)
class TableValue:
    """A pandas table or column that the student's code produced.

    Attributes:
        columns: a :class:`TensorValue` for each column of numbers, a list for any other.
        kind: ``DataFrame`` or ``Series``; the latter has one column.
    """

    columns: dict[str, Any]
    kind: str = "DataFrame"


@dataclass(frozen=True)
class Opaque:
    """Something that is neither a tensor nor plain data; only the name of its type is known."""

    type_name: str


@dataclass(frozen=True)
class Step:
    """One step.

    ``op`` is ``make``, ``pack``, ``library``, ``call``, ``attempt``, ``get``, ``set`` or ``read``.
    """

    op: str
    target: Any = None
    path: str = ""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """An exception in the student's code.

    Attributes:
        step: the step that raised.
        error: the name of the exception's type.
        message: its text, or "" where that could give a secret input away.
        line: line in the student's cell, 0 if unknown.
        missing: whether it says that the task has not been attempted (``NotImplementedError``).
    """

    step: int
    error: str
    message: str = ""
    line: int = 0
    missing: bool = False

    def __str__(self) -> str:
        if self.error == AUTOGRAD_USED:
            return "your code uses automatic differentiation, which this exercise does not allow"
        if self.missing:
            return "this part is not implemented yet (NotImplementedError)"
        where = f" (line {self.line} of your cell)" if self.line else ""
        said = f": {self.message}" if self.message else ""
        return f"your code raised {self.error}{said}{where}"


@dataclass(frozen=True)
class Outcome:
    """What a program gave: one value for each ``read`` that was reached, in order."""

    values: tuple[Any, ...]
    failure: Failure | None = None


class Program:
    """A list of steps under construction; every method returns the step's :class:`Result`.

    Args:
        autograd: whether the student's code may use torch's automatic differentiation.
    """

    def __init__(self, *, autograd: bool = True) -> None:
        self.steps: list[Step] = []
        self.autograd = autograd

    def _add(self, step: Step) -> Result:
        self.steps.append(step)
        return Result(len(self.steps) - 1)

    def tensor(
        self, array: NDArray[Any], dtype: str, library: str = "torch", *, tracked: bool = False
    ) -> Result:
        """Make a tensor on the student's side."""
        argument = TensorArgument(np.array(array), dtype, library, tracked)
        return self._add(Step("make", args=(argument,)))

    def table(self, columns: Mapping[str, Sequence[Any]]) -> Result:
        """Make a pandas DataFrame on the student's side."""
        made = {name: list(values) for name, values in columns.items()}
        return self._add(Step("make", args=(TableArgument(made),)))

    def pack(self, value: Any) -> Result:
        """Make one list, tuple or dict of earlier results, which later steps share."""
        return self._add(Step("pack", args=(value,)))

    def library(self, name: str) -> Result:
        """Something of torch's own, by its full name, from a short list of known ones."""
        return self._add(Step("library", path=name))

    def call(self, target: Any, *args: Any, **kwargs: Any) -> Result:
        """Call the student's class or function, or an earlier result."""
        return self._add(Step("call", target, args=args, kwargs=kwargs))

    def attempt(self, target: Any, *args: Any) -> Result:
        """Call, and go on with the next step even if that raises."""
        return self._add(Step("attempt", target, args=args))

    def call_method(self, target: Any, path: str, *args: Any, **kwargs: Any) -> Result:
        """Call what stands at ``path`` below ``target``, e.g. ``"loss.forward"``."""
        return self.call(self.get(target, path), *args, **kwargs)

    def get(self, target: Any, path: str) -> Result:
        """Look up a path of attributes and items, e.g. ``"layers[0].linear.weight"``."""
        return self._add(Step("get", target, path))

    def set(self, target: Any, path: str, value: Any) -> Result:
        """Assign to the last attribute or item of a path."""
        return self._add(Step("set", target, path, (value,)))

    def read(self, result: Any) -> int:
        """Ask for a result by value; returns its position in ``Outcome.values``."""
        position = sum(step.op == "read" for step in self.steps)
        self._add(Step("read", result))
        return position


class Subject(Protocol):
    """Wherever a student's code lives."""

    def run(self, program: Program) -> Outcome:
        """Run a program; an exception of the student's becomes ``Outcome.failure``."""
        ...


_PATH = re.compile(r"(?:^|\.)(?P<name>[A-Za-z_]\w*)|\[(?P<index>-?\d+)\]")


def split_path(path: str) -> Sequence[str | int]:
    """Part ``"layers[0].weight"`` into ``["layers", 0, "weight"]``.

    Raises:
        ValueError: the path is not of that form.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PATH.match(path, position)
        if match is None:
            raise ValueError(f"'{path}' is not a path such as 'layers[0].weight'")
        parts.append(match["name"] if match["name"] else int(match["index"]))
        position = match.end()
    return parts
