"""``InKernel``: the subject where test and student share one kernel, as under plain nbgrader.

Nothing separates the two here, so a dishonest notebook can cheat; for honest ones the verdicts are
those of the sandboxed grader. Output and warnings of the student's code are kept from the test
cell: nbgrader takes anything on stderr for a failure.
"""

from __future__ import annotations

import contextlib
import io
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .subject import (
    AUTOGRAD_USED,
    ExchangeError,
    Failure,
    Opaque,
    Outcome,
    Program,
    Reference,
    Result,
    Step,
    Subject,
    TableArgument,
    TableValue,
    TensorArgument,
    TensorValue,
    reference_of,
    split_path,
)
from .wire import DTYPES

__all__ = ["InKernel", "make_table", "make_tensor", "subject_of", "to_value"]

PLAIN = (bool, int, float, complex, str, type(None))
LONGEST_LIST = 10_000
LARGEST_ARRAY = 2**24
"""Elements; checked before copying, since ``expand`` makes billions of them for nothing."""
LONGEST_MESSAGE = 200
DEEPEST = 40
"""Nesting of lists and the like; also what the wire can carry."""
LIBRARY = frozenset(
    {
        "torch.manual_seed",
        "torch.relu",
        "torch.sigmoid",
        "torch.tanh",
        "torch.sum",
        "torch.nn.Flatten",
        "torch.nn.Identity",
        "torch.nn.Linear",
        "torch.nn.ReLU",
        "torch.nn.Sequential",
        "torch.nn.Sigmoid",
        "torch.nn.Tanh",
        "torch.nn.functional.binary_cross_entropy",
        "torch.nn.functional.mse_loss",
        "torch.optim.Adam",
        "torch.optim.SGD",
    }
)
"""What a program may ask torch for, so that a test of one exercise needs no other exercise."""
_TELLING = re.compile(r"\d+\.\d|tensor\(|array\(|nan|inf\b", re.I)
"""What a message contains when it may quote a secret input; shapes (integers) may be told."""


_NOT_RECORDED = re.compile(r"does not require grad|not to have been used in the graph")
"""What torch says when something is to be differentiated that it has not recorded."""


class InKernel:
    """Runs programs in this very process.

    Args:
        namespace: where references by name are looked up.
    """

    def __init__(self, namespace: Mapping[str, Any] | None = None) -> None:
        self.namespace = namespace or {}

    def run(self, program: Program) -> Outcome:
        """Run the steps one after the other until one raises."""
        results: list[Any] = []
        values: list[Any] = []
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            _gradients_of_torch(program.autograd),
        ):
            warnings.simplefilter("ignore")
            for index, step in enumerate(program.steps):
                try:
                    result = _run_step(step, results, self.namespace)
                    if step.op == "read":
                        values.append(to_value(result))
                except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything
                    failure = _failure(index, error, autograd=program.autograd)
                    return Outcome(tuple(values), failure)
                results.append(result)
        return Outcome(tuple(values))


def subject_of(*objects: Any) -> Subject:
    """Where these objects of a student's live: with a reference's subject, else right here."""
    for one in objects:
        reference = reference_of(one)
        if reference is not None:
            subject: Subject = reference.subject
            return subject
    return InKernel()


def _run_step(step: Step, results: list[Any], namespace: Mapping[str, Any]) -> Any:
    target = _resolve(step.target, results, namespace)
    args = [_resolve(arg, results, namespace) for arg in step.args]
    if step.op == "make":
        made = args[0]
        return make_table(made) if isinstance(made, TableArgument) else make_tensor(made)
    if step.op == "pack":
        return args[0]
    if step.op == "library":
        return _library(step.path)
    if step.op == "call":
        kwargs = {name: _resolve(v, results, namespace) for name, v in step.kwargs.items()}
        return target(*args, **kwargs)
    if step.op == "attempt":
        with contextlib.suppress(Exception):
            return target(*args)
        return None
    if step.op == "read":
        return target
    *parents, last = split_path(step.path)
    for part in parents:
        target = _enter(target, part)
    if step.op == "get":
        return _enter(target, last)
    if isinstance(last, int):
        target[last] = args[0]
    else:
        setattr(target, last, args[0])
    return None


def _resolve(value: Any, results: list[Any], namespace: Mapping[str, Any]) -> Any:
    if isinstance(value, Result):
        return results[value.index]
    if isinstance(value, Reference):
        return namespace[value.name]
    if isinstance(value, list | tuple):
        return type(value)(_resolve(item, results, namespace) for item in value)
    if isinstance(value, dict):
        return {name: _resolve(item, results, namespace) for name, item in value.items()}
    return value


def _enter(target: Any, part: str | int) -> Any:
    return target[part] if isinstance(part, int) else getattr(target, part)


def make_tensor(argument: TensorArgument) -> Any:
    """A fresh tensor or array with the argument's values."""
    if argument.library == "numpy":
        return np.array(argument.array, dtype=argument.dtype)
    import torch

    dtype = getattr(torch, argument.dtype)
    return torch.tensor(argument.array, dtype=dtype, requires_grad=argument.tracked)


def make_table(argument: TableArgument) -> Any:
    """A fresh DataFrame with the argument's columns."""
    import pandas as pd

    return pd.DataFrame(argument.columns)


def _library(name: str) -> Any:
    if name not in LIBRARY:
        raise ExchangeError(f"'{name}' is not among the things that a program may ask torch for")
    import torch

    found: Any = torch
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


def to_value(result: Any, depth: int = 0) -> Any:
    """A copy of plain data, tensors and arrays; :class:`Opaque` for anything else."""
    if type(result) in PLAIN:
        return result
    if isinstance(result, np.generic):
        return _array_value(np.array(result))
    if type(result) is np.ndarray:
        return _array_value(result)
    if depth > DEEPEST:
        return Opaque(f"{type(result).__name__} in more than {DEEPEST} others")
    if type(result) in (list, tuple) and len(result) <= LONGEST_LIST:
        return type(result)(to_value(item, depth + 1) for item in result)
    if type(result) is dict and len(result) <= LONGEST_LIST:
        if all(type(name) is str for name in result):
            return {name: to_value(item, depth + 1) for name, item in result.items()}
        return Opaque("dict whose keys are not names")
    module = type(result).__module__.split(".")[0]
    if module == "torch":
        return _tensor_value(result)
    if module == "pandas":
        return _table_value(result)
    return Opaque(type(result).__name__)


def _array_value(array: Any) -> Any:
    if array.dtype.kind not in "biufc":
        return Opaque(f"array of {array.dtype}")
    if array.size > LARGEST_ARRAY:
        return Opaque(f"array with {array.size} elements")
    dtype = array.dtype.newbyteorder("=")
    if str(dtype) not in DTYPES:  # longer than double precision
        dtype = np.dtype("float64" if dtype.kind == "f" else "complex128")
    return TensorValue(array.astype(dtype), str(dtype), "numpy")


def _table_value(result: Any) -> Any:
    import pandas as pd

    if type(result) is pd.Series:
        name = "" if result.name is None else str(result.name)
        return TableValue({name: _column_value(result)}, "Series")
    if type(result) is not pd.DataFrame:
        return Opaque(type(result).__name__)
    if len({str(name) for name in result.columns}) < len(result.columns):
        return Opaque("DataFrame with two columns of one name")
    return TableValue({str(name): _column_value(result[name]) for name in result.columns})


def _column_value(column: Any) -> Any:
    values = column.to_numpy()
    if values.dtype.kind in "biufc":
        return to_value(values)
    if len(values) > LONGEST_LIST:
        return Opaque(f"column of {len(values)} values")
    return [value if type(value) in PLAIN else to_value(value) for value in values.tolist()]


def _tensor_value(result: Any) -> Any:
    import torch

    if type(result) is torch.Size:
        return tuple(result)
    if type(result) not in (torch.Tensor, torch.nn.Parameter):
        return Opaque(type(result).__name__)
    if result.layout is not torch.strided or result.is_meta:
        return Opaque("sparse tensor" if result.layout is not torch.strided else "empty tensor")
    if result.numel() > LARGEST_ARRAY:
        return Opaque(f"tensor with {result.numel()} elements")
    dtype = str(result.dtype).removeprefix("torch.")
    detached = result.detach().cpu()
    if dtype == "bfloat16":
        detached = detached.float()
    return TensorValue(detached.numpy().copy(), dtype, "torch", bool(result.requires_grad))


@contextlib.contextmanager
def _gradients_of_torch(allowed: bool) -> Iterator[None]:
    """Switch torch's recording of operations off, so that differentiating them raises."""
    if allowed:
        yield
        return
    import torch

    with torch.no_grad():
        yield


def _failure(step: int, error: BaseException, *, autograd: bool) -> Failure:
    if not autograd and isinstance(error, RuntimeError) and _NOT_RECORDED.search(str(error)):
        return Failure(step, AUTOGRAD_USED)
    line = 0
    for frame in traceback.extract_tb(error.__traceback__):
        if "ipykernel" in frame.filename or frame.filename.startswith("<ipython-input"):
            line = frame.lineno or 0
    message = " ".join(str(error).split())
    if _TELLING.search(message):
        message = ""
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + "…"
    missing = isinstance(error, NotImplementedError)
    return Failure(step, type(error).__name__, message, line, missing)
