"""Values of free-form test code between grader and student's process: by copy, or by reference.

Plain data is copied, and only where its type is exactly a known one: a subclass of ``float`` could
claim anything. Tensors and arrays are copied too, but both ends remember them (:mod:`.shared`), so
that they stay the same objects on the other side. Whatever is left becomes a reference, of which
each end makes what it likes (:meth:`Codec.encode_object`, :meth:`Codec.decode_object`).

A value is JSON with the bytes of its arrays beside it: ``{"kind": …}`` or a bare scalar. Sizes,
depth and the number of nodes are limited before anything is made. Nothing is unpickled.
"""

from __future__ import annotations

import collections
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .subject import ExchangeError

__all__ = ["Blobs", "Codec", "decode_array", "encode_array"]

Blobs = list[bytes]
DEEPEST = 60
MOST_NODES = 1_000_000
LARGEST = 64 * 2**20
"""Bytes of one array; checked before copying, since ``expand`` makes billions for nothing."""

NUMBERS = frozenset("biufc")
SCALARS = frozenset({bool, str, type(None)})
MAPPINGS: dict[str, Callable[[], Any]] = {
    "dict": dict,
    "OrderedDict": collections.OrderedDict,
    "Counter": collections.Counter,
}
FACTORIES: dict[str, Any] = {
    one.__name__: one for one in (int, float, str, bool, list, dict, set, tuple)
}
SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}
EXACT_INTEGER = 2**53
MOST_ITEMS = 1_000_000
"""Of a range; a longer one stays where it is, and is asked for item by item."""

MOST_OF_A_HASH = 1000
DATES = re.compile(r"(datetime|timedelta)64\[(s|ms|us|ns)\]")
"""Types of dates without a time zone; they cross as whole numbers."""


def encode_array(array: NDArray[Any], blobs: Blobs) -> dict[str, Any]:
    """An array of numbers: its declaration, with its bytes added to ``blobs``."""
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    blobs.append(plain.tobytes())
    return {"dtype": str(plain.dtype), "shape": list(array.shape), "blob": len(blobs) - 1}


def decode_array(declared: Any, blobs: Blobs) -> NDArray[Any]:
    """The array that was sent, as a copy of our own.

    Raises:
        ExchangeError: its bytes are not as many as type and shape say, or no array of numbers is.
    """
    try:
        dtype = np.dtype(str(declared["dtype"]))
        shape = tuple(declared["shape"])
        data = blobs[declared["blob"]]
        if dtype.kind not in NUMBERS or not all(type(n) is int and n >= 0 for n in shape):
            raise ExchangeError("an array of unknown type or impossible shape was sent")
        if math.prod(max(n, 1) for n in shape) > LARGEST:  # an empty one may be long all the same
            raise ExchangeError("an array with an impossible shape was sent")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise ExchangeError("an array came with another number of bytes than its shape says")
        return np.frombuffer(data, dtype=dtype).reshape(shape).copy()
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ExchangeError(f"a malformed array was sent: {error}") from None


class Codec:
    """Turns values into JSON and bytes, and back.

    An end overrides what it does with tensors, arrays and objects of other kinds.

    Attributes:
        sent: mutable arguments of the request that is being encoded, in the order of their numbers:
            the other end reports by number which of them it has changed.
        received: the same, of the request that was decoded last.
    """

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.received: list[Any] = []
        self.numbering = False
        self._nodes = 0

    # -- what an end defines ----------------------------------------------------------------------

    def encode_object(self, value: Any) -> dict[str, Any]:
        """A reference to something that cannot be copied."""
        raise ExchangeError(f"a {type(value).__name__} cannot be sent")

    def decode_object(self, kind: str, inside: Any, blobs: Blobs) -> Any:  # noqa: ARG002
        """What this end makes of a reference."""
        raise ExchangeError(f"malformed data: '{kind}' is not known")

    def encode_shared(self, value: Any, blobs: Blobs) -> dict[str, Any] | None:
        """A tensor or an array that both ends remember, or None where it cannot be copied."""
        raise NotImplementedError

    # -- encoding ---------------------------------------------------------------------------------

    def encode(self, value: Any, blobs: Blobs, depth: int = 0) -> Any:
        """One value as JSON; its arrays are added to ``blobs``.

        Raises:
            ExchangeError: it is nested too deeply or too large.
        """
        self._count(depth)
        kind = type(value)
        if kind in SCALARS:
            return value.encode("utf-8", "replace").decode() if kind is str else value
        if kind is int:
            return value if abs(value) < EXACT_INTEGER else {"int": str(value)}
        if kind is float:
            return {"float": repr(value)}
        if kind.__module__ == "builtins":
            found = self._encode_builtin(value, blobs, depth)
            if found is not None:
                return found
        return self._encode_other(value, blobs, depth)

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if depth == 0:
            self._nodes = 0
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise ExchangeError("data is nested too deeply, or has too many parts, to be sent")

    def _encode_builtin(self, value: Any, blobs: Blobs, depth: int) -> dict[str, Any] | None:
        name = type(value).__name__
        if name in SEQUENCES and type(value) is SEQUENCES[name]:
            items = [self.encode(item, blobs, depth + 1) for item in value]
            return self._numbered({name: items}, value)
        if type(value) is dict:
            return self._numbered(self._encode_mapping("dict", value, blobs, depth), value)
        if type(value) is complex:
            return {"complex": [repr(value.real), repr(value.imag)]}
        if type(value) is bytes:
            blobs.append(value)
            return {"bytes": len(blobs) - 1}
        if type(value) is slice or (type(value) is range and not value[MOST_ITEMS:]):
            parts = [value.start, value.stop, value.step]
            return {name: [self.encode(one, blobs, depth + 1) for one in parts]}
        return {"ellipsis": 0} if value is ... else None

    def _encode_mapping(self, name: str, value: Any, blobs: Blobs, depth: int) -> dict[str, Any]:
        pairs = [
            [self.encode(key, blobs, depth + 1), self.encode(item, blobs, depth + 1)]
            for key, item in value.items()
        ]
        if any(isinstance(key, dict) and "held" in key for key, _ in pairs):
            return self.encode_object(value)  # a reference has no hash
        return {"mapping": [name, pairs]}

    def _numbered(self, node: dict[str, Any], value: Any) -> dict[str, Any]:
        """Give a mutable argument its number, where the other end is to report changes."""
        if self.numbering and type(value) in (list, dict, set):
            self.sent.append(value)
            node["number"] = len(self.sent) - 1
        return node

    def _encode_other(self, value: Any, blobs: Blobs, depth: int) -> dict[str, Any]:
        kind = type(value)
        top = kind.__module__.partition(".")[0]
        if kind in (collections.OrderedDict, collections.Counter):
            return self._encode_mapping(kind.__name__, value, blobs, depth)
        if kind is collections.defaultdict:
            factory = getattr(value.default_factory, "__name__", "")
            if FACTORIES.get(factory) is value.default_factory:
                return self._encode_mapping(f"defaultdict {factory}", value, blobs, depth)
        if top == "numpy":
            found = self._encode_numpy(value, blobs)
        elif top == "torch":
            found = self._encode_torch(value, blobs)
        elif top == "pandas":
            found = self._encode_pandas(value, blobs, depth)
        else:
            found = None
        return self.encode_object(value) if found is None else found

    def _encode_numpy(self, value: Any, blobs: Blobs) -> dict[str, Any] | None:
        is_scalar = isinstance(value, np.generic) and value.dtype.kind in NUMBERS
        if is_scalar and type(value) is value.dtype.type:
            return {"scalar": encode_array(np.asarray(value), blobs)}
        if type(value) is np.ndarray and value.nbytes <= LARGEST:
            if value.dtype.kind in NUMBERS:
                return self.encode_shared(value, blobs)
            if value.dtype.kind == "U":
                return {"texts": [list(value.shape), value.ravel().tolist()]}
        if isinstance(value, np.dtype) and value.kind in NUMBERS:
            return {"dtype": str(value)}
        return None

    def _encode_torch(self, value: Any, blobs: Blobs) -> dict[str, Any] | None:
        import torch

        if type(value) in (torch.Tensor, torch.nn.Parameter):
            copied = value.layout is torch.strided and value.device.type == "cpu"
            if copied and value.numel() * value.element_size() <= LARGEST:
                return self.encode_shared(value, blobs)
        if type(value) is torch.Size:
            return {"size": list(value)}
        if type(value) is torch.dtype:
            return {"torch_dtype": str(value).removeprefix("torch.")}
        return None

    def _encode_pandas(self, value: Any, blobs: Blobs, depth: int) -> dict[str, Any] | None:
        import pandas as pd

        if type(value) not in (pd.Series, pd.DataFrame) or value.size > MOST_NODES:
            return None
        index = self._encode_index(value.index, blobs, depth)
        if type(value) is pd.Series:
            column = self._encode_column(value, blobs, depth)
            if index is None or column is None or not _is_label(value.name):
                return None
            return {"series": [self.encode(value.name, blobs, depth + 1), index, column]}
        names = self._encode_index(value.columns, blobs, depth)
        width = len(value.columns)
        columns = [self._encode_column(value.iloc[:, at], blobs, depth) for at in range(width)]
        if index is None or names is None or None in columns:
            return None
        return self._numbered_frame({"frame": [names, index, columns]}, value)

    def _numbered_frame(self, node: dict[str, Any], value: Any) -> dict[str, Any]:
        if self.numbering:
            self.sent.append(value)
            node["number"] = len(self.sent) - 1
        return node

    def _encode_index(self, index: Any, blobs: Blobs, depth: int) -> Any:
        """Labels with their name; None where they cannot be copied exactly."""
        import pandas as pd

        if type(index) is pd.MultiIndex or not _is_label(index.name):
            return None
        name = self.encode(index.name, blobs, depth + 1)
        if type(index) is pd.RangeIndex:
            return [name, ["range", [index.start, index.stop, index.step]], None]
        if type(index) not in (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex):
            return None
        if index.dtype == object and not all(map(_is_label, index.tolist())):
            return None
        column = self._encode_column(index, blobs, depth)
        steps = getattr(index, "freqstr", None)
        if column is None or (
            steps is not None and pd.tseries.frequencies.to_offset(steps) != index.freq
        ):
            return None
        return [name, column, steps]

    def _encode_column(self, column: Any, blobs: Blobs, depth: int) -> Any:
        """Values with their type; None where they cannot be copied exactly."""
        named = str(column.dtype)
        if isinstance(column.dtype, np.dtype):
            values = column.to_numpy()
            if values.dtype.kind in NUMBERS:
                return [named, encode_array(values, blobs)]
            if DATES.fullmatch(named):
                return [named, encode_array(values.view(np.int64), blobs)]
        if named not in ("object", "str"):
            return None
        return [named, [self.encode(item, blobs, depth + 2) for item in column.tolist()]]

    # -- decoding ---------------------------------------------------------------------------------

    def decode(self, node: Any, blobs: Blobs, depth: int = 0) -> Any:
        """The inverse of :meth:`encode`.

        Raises:
            ExchangeError: this is not something that :meth:`encode` makes.
        """
        self._count(depth)
        if node is None or type(node) in (bool, int, str):
            return node
        if type(node) is not dict:
            raise ExchangeError("malformed data: a value is neither plain nor of a kind")
        number = node.get("number")
        kind, inside = next(((k, v) for k, v in node.items() if k != "number"), ("", None))
        try:
            value = self._decode_kind(kind, inside, blobs, depth)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise ExchangeError(f"malformed data: {error}") from None
        if type(number) is int:
            self._receive(number, value)
        return value

    def _receive(self, number: int, value: Any) -> None:
        if not 0 <= number <= MOST_NODES:
            raise ExchangeError("malformed data: a number is out of range")
        while len(self.received) <= number:
            self.received.append(None)
        self.received[number] = value

    def _decode_kind(self, kind: str, inside: Any, blobs: Blobs, depth: int) -> Any:
        if kind == "float":
            return float(inside)
        if kind == "int":
            return int(inside)
        if kind == "complex":
            return complex(float(inside[0]), float(inside[1]))
        if kind == "bytes":
            return blobs[inside]
        if kind == "ellipsis":
            return ...
        if kind in SEQUENCES:
            items = [self.decode(item, blobs, depth + 1) for item in inside]
            return SEQUENCES[kind](_scattered(items) if "set" in kind else items)
        if kind == "mapping":
            return self._decode_mapping(inside, blobs, depth)
        if kind in ("slice", "range"):
            parts = [self.decode(one, blobs, depth + 1) for one in inside]
            if kind == "slice":
                return slice(*parts)
            if range(*parts)[MOST_ITEMS:]:
                raise ExchangeError("malformed data: a range is too long")
            return range(*parts)
        if kind in ("scalar", "texts", "dtype"):
            return _decode_numpy(kind, inside, blobs)
        if kind in ("size", "torch_dtype"):
            return _decode_torch(kind, inside)
        if kind in ("series", "frame"):
            return self._decode_pandas(kind, inside, blobs, depth)
        return self.decode_object(kind, inside, blobs)

    def _decode_mapping(self, inside: Any, blobs: Blobs, depth: int) -> Any:
        name, pairs = inside
        if name.startswith("defaultdict "):
            made: Any = collections.defaultdict(FACTORIES[name.split()[1]])
        else:
            made = MAPPINGS[name]()
        keys = [self.decode(key, blobs, depth + 1) for key, _ in pairs]
        for key, (_, item) in zip(_scattered(keys), pairs, strict=True):
            made[key] = self.decode(item, blobs, depth + 1)
        return made

    def _decode_pandas(self, kind: str, inside: Any, blobs: Blobs, depth: int) -> Any:
        import pandas as pd

        names, index, columns = inside
        rows = self._decode_index(index, blobs, depth)
        if kind == "series":
            made = self._decode_column(columns, rows, blobs, depth)
            made.name = self.decode(names, blobs, depth + 1)
            return made
        decoded = [self._decode_column(one, rows, blobs, depth) for one in columns]
        table = pd.concat(decoded, axis=1) if decoded else pd.DataFrame(index=rows)
        table.columns = self._decode_index(names, blobs, depth)
        return table

    def _decode_index(self, told: Any, blobs: Blobs, depth: int) -> Any:
        import pandas as pd

        name, (named, values), freq = told
        name = self.decode(name, blobs, depth + 1)
        if named == "range":
            labels = range(*map(int, values))
            if labels[LARGEST:]:
                raise ExchangeError("malformed data: an index is too long")
            return pd.RangeIndex(labels, name=name)
        values = self._decode_values(named, values, blobs, depth)
        dtype = object if named == "object" else None
        made = pd.Index(values, dtype=dtype, name=name, tupleize_cols=False)
        if freq is not None:
            made.freq = str(freq)
        return made

    def _decode_column(self, column: Any, rows: Any, blobs: Blobs, depth: int) -> Any:
        import pandas as pd

        named, values = column
        values = self._decode_values(named, values, blobs, depth)
        return pd.Series(values, rows, dtype=object if named == "object" else None)

    def _decode_values(self, named: str, values: Any, blobs: Blobs, depth: int) -> Any:
        import pandas as pd

        if isinstance(values, dict):
            array = decode_array(values, blobs)
            if DATES.fullmatch(named) and array.dtype == np.int64:
                return array.view(named)
            return array
        items = [self.decode(item, blobs, depth + 2) for item in values]
        if named == "str":
            return pd.array(items, dtype="str")
        made = np.empty(len(items), dtype=object)
        for at, item in enumerate(items):
            made[at] = item
        return made


def _is_label(value: Any) -> bool:
    """Whether something is a plain name of a row or column, which has a hash at both ends."""
    if type(value) is tuple:
        return all(map(_is_label, value))
    if isinstance(value, np.generic) and value.dtype.kind in NUMBERS:
        return type(value) is value.dtype.type
    return type(value) in (str, int, float, bool, type(None))


def _scattered(items: list[Any]) -> list[Any]:
    """Items that a set can take in in no time: not thousands of one hash, chosen to stall us."""
    hashes = collections.Counter(map(hash, items))
    if hashes and max(hashes.values()) > MOST_OF_A_HASH:
        raise ExchangeError("malformed data: too many items of a set or keys have the same hash")
    return items


def _decode_numpy(kind: str, inside: Any, blobs: Blobs) -> Any:
    if kind == "scalar":
        return decode_array(inside, blobs)[()]
    if kind == "texts":
        shape, texts = inside
        return np.array([str(text) for text in texts], dtype=np.str_).reshape(shape)
    dtype = np.dtype(str(inside))
    if dtype.kind not in NUMBERS:
        raise ExchangeError("malformed data: an unknown element type")
    return dtype


def _decode_torch(kind: str, inside: Any) -> Any:
    import torch

    if kind == "size":
        return torch.Size([int(one) for one in inside])
    dtype = getattr(torch, str(inside))
    if type(dtype) is not torch.dtype:
        raise ExchangeError("malformed data: an unknown element type")
    return dtype
