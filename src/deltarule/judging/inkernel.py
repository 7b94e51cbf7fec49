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

from deltarule.judging.subject import (
    AUTOGRAD_USED,
    Failure,
    Opaque,
    Outcome,
    Program,
    Reference,
    Result,
    Step,
    Subject,
    TensorArgument,
    TensorValue,
    split_path,
)

__all__ = ["InKernel", "make_tensor", "subject_of", "to_value"]

PLAIN = (bool, int, float, complex, str, type(None))
LONGEST_LIST = 10_000
LARGEST_ARRAY = 2**24
"""Elements; checked before copying, since ``expand`` makes billions of them for nothing."""
LONGEST_MESSAGE = 200
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
        if isinstance(one, Reference):
            subject: Subject = one.subject
            return subject
    return InKernel()


def _run_step(step: Step, results: list[Any], namespace: Mapping[str, Any]) -> Any:
    target = _resolve(step.target, results, namespace)
    args = [_resolve(arg, results, namespace) for arg in step.args]
    if step.op == "make":
        return make_tensor(args[0])
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
    return value


def _enter(target: Any, part: str | int) -> Any:
    return target[part] if isinstance(part, int) else getattr(target, part)


def make_tensor(argument: TensorArgument) -> Any:
    """A fresh tensor or array with the argument's values."""
    if argument.library == "numpy":
        return np.array(argument.array, dtype=argument.dtype)
    import torch

    return torch.tensor(argument.array, dtype=getattr(torch, argument.dtype))


def to_value(result: Any) -> Any:
    """A copy of plain data, tensors and arrays; :class:`Opaque` for anything else."""
    if type(result) in PLAIN:
        return result
    if isinstance(result, np.generic):
        return TensorValue(np.array(result), str(result.dtype), "numpy")
    if type(result) is np.ndarray:
        if result.dtype.kind not in "biufc":
            return Opaque(f"array of {result.dtype}")
        if result.size > LARGEST_ARRAY:
            return Opaque(f"array with {result.size} elements")
        return TensorValue(result.copy(), str(result.dtype), "numpy")
    if type(result) in (list, tuple) and len(result) <= LONGEST_LIST:
        return type(result)(to_value(item) for item in result)
    if type(result).__module__.split(".")[0] == "torch":
        return _tensor_value(result)
    return Opaque(type(result).__name__)


def _tensor_value(result: Any) -> Any:
    import torch

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
