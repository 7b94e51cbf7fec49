"""Programs and outcomes as JSON and bytes: what travels between judge and student's process.

A frame is one JSON header and the raw bytes of its arrays::

    8 bytes       length of the header, big-endian
    header        JSON; its "blobs" gives the length of each array's bytes
    bytes         the arrays, one after the other, C order

Sizes are checked against limits before anything is allocated, an array's bytes must be as many as
its declared type and shape say, and only number types are known. Nothing is unpickled, ever.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .subject import (
    ExchangeError,
    Failure,
    Opaque,
    Outcome,
    Program,
    Reference,
    Result,
    Step,
    TableArgument,
    TableValue,
    TensorArgument,
    TensorValue,
    reference_of,
)

__all__ = [
    "HEADER_LIMIT",
    "PAYLOAD_LIMIT",
    "decode_outcome",
    "decode_program",
    "encode_outcome",
    "encode_program",
    "packed",
    "receive",
    "send",
    "sizes_of",
]

HEADER_LIMIT = 8 * 2**20
PAYLOAD_LIMIT = 256 * 2**20
DTYPES = frozenset(
    f"{kind}{bits}"
    for kind in ("int", "uint", "float")
    for bits in (8, 16, 32, 64)
    if (kind, bits) != ("float", 8)
) | {"bool", "complex64", "complex128"}
"""Element types that may travel."""

DEEPEST = 60
"""Nesting of lists and tuples; deeper data is refused."""

_LENGTH = struct.Struct(">Q")
Blobs = list[bytes]


def _encode(value: Any, blobs: Blobs, depth: int = 0) -> Any:
    """One value as JSON, its arrays appended to ``blobs``."""
    if depth > DEEPEST:
        raise ExchangeError("data is nested too deeply to be sent")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, complex):
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, Result):
        return {"result": value.index}
    reference = reference_of(value)
    if reference is not None:
        return {"name": reference.name}
    if isinstance(value, Opaque):
        return {"opaque": value.type_name[:200]}
    if isinstance(value, TensorArgument):
        array = _encode_array(value.array, blobs)
        return {"make": [array, value.dtype, value.library, value.tracked]}
    if isinstance(value, TableArgument):
        return {"table": _encode(value.columns, blobs, depth + 1)}
    if isinstance(value, TableValue):
        return {"frame": [_encode(value.columns, blobs, depth + 1), value.kind]}
    if isinstance(value, TensorValue):
        array = _encode_array(value.array, blobs)
        return {"tensor": [array, value.dtype, value.library, value.tracked]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(item, blobs, depth + 1) for item in value]}
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {"dict": [[name, _encode(item, blobs, depth + 1)] for name, item in value.items()]}
    raise ExchangeError(f"a {type(value).__name__} cannot be sent to the student's code")


@cache
def _name_of(dtype: np.dtype[Any]) -> str:
    return str(dtype)


def _encode_array(array: NDArray[Any], blobs: Blobs) -> dict[str, Any]:
    blobs.append(np.ascontiguousarray(array).tobytes())
    return {"dtype": _name_of(array.dtype), "shape": list(array.shape), "blob": len(blobs) - 1}


def _decode(value: Any, blobs: Blobs, depth: int = 0) -> Any:
    """The inverse of :func:`_encode`.

    Raises:
        ExchangeError: this is not something that :func:`_encode` makes.
    """
    if depth > DEEPEST:
        raise ExchangeError("data is nested too deeply")
    if value is None or isinstance(value, bool | int | str):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ExchangeError("malformed data from the student's process")
    ((kind, inside),) = value.items()
    if kind == "float":
        return float(inside)
    if kind == "complex":
        return complex(float(inside[0]), float(inside[1]))
    if kind == "result":
        return Result(int(inside))
    if kind == "name":
        return Reference(str(inside))
    if kind == "opaque":
        return Opaque(str(inside))
    if kind == "make":
        array = _decode_array(inside[0], blobs)
        return TensorArgument(array, str(inside[1]), str(inside[2]), bool(inside[3]))
    if kind == "table":
        return TableArgument(_decode_dict(inside, blobs, depth + 1))
    if kind == "frame":
        return TableValue(_decode_dict(inside[0], blobs, depth + 1), str(inside[1]))
    if kind == "tensor":
        array = _decode_array(inside[0], blobs)
        return TensorValue(array, str(inside[1]), str(inside[2]), bool(inside[3]))
    if kind in ("list", "tuple"):
        items = [_decode(item, blobs, depth + 1) for item in inside]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {str(name): _decode(item, blobs, depth + 1) for name, item in inside}
    raise ExchangeError("malformed data from the student's process")


def _decode_dict(value: Any, blobs: Blobs, depth: int) -> dict[str, Any]:
    made = _decode(value, blobs, depth)
    if not isinstance(made, dict):
        raise ExchangeError("malformed data from the student's process")
    return made


def _decode_array(declared: dict[str, Any], blobs: Blobs) -> NDArray[Any]:
    dtype, shape, blob = declared["dtype"], declared["shape"], blobs[declared["blob"]]
    if dtype not in DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ExchangeError("an array of unknown type or impossible shape was sent")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(blob):
        raise ExchangeError("an array came with another number of bytes than its shape says")
    return np.frombuffer(blob, dtype=dtype).reshape(shape).copy()


def encode_program(program: Program) -> tuple[Any, Blobs]:
    """A program as JSON and bytes."""
    blobs: Blobs = []
    steps = [
        {
            "op": step.op,
            "target": _encode(step.target, blobs),
            "path": step.path,
            "args": [_encode(arg, blobs) for arg in step.args],
            "kwargs": {name: _encode(value, blobs) for name, value in step.kwargs.items()},
        }
        for step in program.steps
    ]
    return {"steps": steps, "autograd": program.autograd}, blobs


def decode_program(record: Any, blobs: Blobs) -> Program:
    """The program that was sent."""
    program = Program(autograd=bool(record["autograd"]))
    program.steps = [
        Step(
            step["op"],
            _decode(step["target"], blobs),
            step["path"],
            tuple(_decode(arg, blobs) for arg in step["args"]),
            {name: _decode(value, blobs) for name, value in step["kwargs"].items()},
        )
        for step in record["steps"]
    ]
    return program


def encode_outcome(outcome: Outcome) -> tuple[Any, Blobs]:
    """An outcome as JSON and bytes."""
    blobs: Blobs = []
    failure = outcome.failure
    record = {
        "values": [_encode(value, blobs) for value in outcome.values],
        "failure": None
        if failure is None
        else [failure.step, failure.error, failure.message, failure.line, failure.missing],
    }
    return record, blobs


def decode_outcome(record: Any, blobs: Blobs) -> Outcome:
    """The outcome that was sent.

    Raises:
        ExchangeError: the record is malformed.
    """
    try:
        values = tuple(_decode(value, blobs) for value in record["values"])
        failure = None
        if record["failure"] is not None:
            step, error, message, line, missing = record["failure"]
            failure = Failure(int(step), str(error), str(message), int(line), bool(missing))
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise ExchangeError(f"malformed data from the student's process: {error}") from None
    return Outcome(values, failure)


def packed(record: Any, blobs: Blobs) -> bytes:
    """One frame.

    Raises:
        ExchangeError: it is larger than the limits.
    """
    header = json.dumps({**record, "blobs": [len(blob) for blob in blobs]}).encode()
    if len(header) > HEADER_LIMIT or sum(map(len, blobs)) > PAYLOAD_LIMIT:
        raise ExchangeError("too much data to be sent in one request")
    return b"".join([_LENGTH.pack(len(header)), header, *blobs])


def sizes_of(record: Any) -> list[int]:
    """How many bytes each array of a frame announces.

    Raises:
        ExchangeError: they are too many, or the record is no header of a frame.
    """
    sizes = record.get("blobs") if isinstance(record, dict) else None
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise ExchangeError("the student's process sent something that is not a frame")
    if sum(sizes) > PAYLOAD_LIMIT:
        raise ExchangeError("the student's process announced too much data")
    return sizes


def send(channel: socket.socket, record: Any, blobs: Blobs) -> None:
    """Send one frame.

    Raises:
        ExchangeError: it is larger than the limits.
    """
    channel.sendall(packed(record, blobs))


def receive(channel: socket.socket) -> tuple[Any, Blobs]:
    """Receive one frame.

    Raises:
        ExchangeError: it is malformed or larger than the limits.
        EOFError: the other side is gone.
        TimeoutError: it did not come in time.
    """
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    if length > HEADER_LIMIT:
        raise ExchangeError("the student's process sent a header that is too large")
    try:
        record = json.loads(_exactly(channel, length))
    except (ValueError, RecursionError):
        raise ExchangeError("the student's process sent something that is not a frame") from None
    sizes = sizes_of(record)
    body = _exactly(channel, sum(sizes))
    ends = accumulate(sizes)
    return record, [body[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _exactly(channel: socket.socket, size: int) -> bytes:
    chunks = bytearray()
    while len(chunks) < size:
        chunk = channel.recv(min(size - len(chunks), 2**20))
        if not chunk:
            raise EOFError("the student's process is gone")
        chunks += chunk
    return bytes(chunks)
