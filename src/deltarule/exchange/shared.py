"""Tensors and arrays that both ends hold: the same object is one object, and changes follow.

Each gets a key when it first crosses, ``g1``, ``g2``, … from the grader and ``s1``, … from the
student's process. Before an end speaks it tells what has changed on its side since both last
agreed: values in place, ``requires_grad``, ``grad``. So an argument that a function changes is
changed for the test, and a parameter that a test sets is set in the network.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from .subject import ExchangeError
from .values import Blobs, Codec, decode_array, encode_array

__all__ = ["Shared", "SharingCodec", "describe", "make"]

HASHED = 1 << 18
"""Elements up to which every value is looked at; of larger tensors the version counts."""


def _is_array(value: Any) -> bool:
    return type(value) is np.ndarray


def _numbers(tensor: Any) -> Any:
    """A tensor's values as an array; bfloat16, which NumPy does not know, as its bits."""
    import torch

    plain = tensor.detach()
    if not plain.is_cpu or plain.is_conj() or plain.is_neg():
        plain = plain.cpu().resolve_conj().resolve_neg()
    if plain.dtype is torch.bfloat16:
        plain = plain.contiguous().view(torch.int16)
    return plain.numpy()


class _Content:
    """Looks again and again at the numbers of a tensor, through an array of the same memory.

    To make that array takes several times as long as to look through it.
    """

    __slots__ = ("_array", "_place")

    def __init__(self) -> None:
        self._place: Any = None
        self._array: Any = None

    def digest(self, tensor: Any) -> int:
        """A hash of the numbers."""
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if place == self._place:
            return hash(self._array.tobytes())
        array = _numbers(tensor)
        if array.size and array.ctypes.data == place[0]:  # not a copy
            self._place, self._array = place, array
        return hash(array.tobytes())


class _Watched:
    """What is remembered of a tensor or array, to tell whether it has changed."""

    __slots__ = ("_content", "_grad")

    def __init__(self) -> None:
        self._content = _Content()
        self._grad = _Content()

    def fingerprint(self, value: Any) -> Any:
        """Equal as long as nothing about the value has changed."""
        if _is_array(value):
            return hash(value.tobytes()), value.shape
        small = value.numel() <= HASHED
        content = self._content.digest(value) if small else value._version
        grad = value.grad if value.is_leaf else None
        told = None if grad is None else self._grad.digest(grad)
        return content, value.shape, value.dtype, value.requires_grad, told


def describe(value: Any, blobs: Blobs) -> dict[str, Any]:
    """All about a tensor or array, as JSON and bytes."""
    if _is_array(value):
        return {"array": encode_array(value, blobs)}
    import torch

    grad = value.grad if value.is_leaf else None
    return {
        "array": encode_array(_numbers(value), blobs),
        "dtype": str(value.dtype).removeprefix("torch."),
        "tracked": bool(value.requires_grad),
        "leaf": bool(value.is_leaf),
        "parameter": type(value) is torch.nn.Parameter,
        "grad": None if grad is None else encode_array(_numbers(grad), blobs),
    }


def _tensor(array: Any, dtype: str) -> Any:
    import torch

    kind = getattr(torch, dtype, None)
    if type(kind) is not torch.dtype:
        raise ExchangeError("malformed data: an unknown element type")
    made = torch.from_numpy(array)
    return made.view(kind) if kind is torch.bfloat16 else made.to(kind)


def make(told: Any, blobs: Blobs) -> Any:
    """A new tensor or array from its description; a tensor is always a leaf.

    Raises:
        ExchangeError: it is malformed.
    """
    array = decode_array(told["array"], blobs)
    if "dtype" not in told:
        return array
    import torch

    made = _tensor(array, str(told["dtype"]))
    tracked = bool(told["tracked"]) and (made.is_floating_point() or made.is_complex())
    if told["parameter"]:
        made = torch.nn.Parameter(made, requires_grad=tracked)
    elif told["leaf"]:
        made.requires_grad_(tracked)
    if told["grad"] is not None and made.requires_grad:
        made.grad = _tensor(decode_array(told["grad"], blobs), str(told["dtype"]))
    return made


def _assign(value: Any, told: Any, blobs: Blobs) -> None:
    """Make a tensor or array what its description says, in place."""
    array = decode_array(told["array"], blobs)
    if _is_array(value):
        if value.shape != array.shape:
            raise ExchangeError("an array has changed its shape")
        was = value.flags.writeable
        value.flags.writeable = True
        value[...] = array
        value.flags.writeable = was
        return
    import torch

    new = _tensor(array, str(told["dtype"]))
    with torch.no_grad():
        if value.shape != new.shape or value.dtype != new.dtype:
            value.data = new
        elif _numbers(value).tobytes() != _numbers(new).tobytes():
            value.copy_(new)
    if value.is_leaf:
        value.requires_grad_(bool(told["tracked"]))
        grad = told["grad"]
        if grad is None:
            value.grad = None
        else:
            value.grad = _tensor(decode_array(grad, blobs), str(told["dtype"]))


class Shared:
    """The table of one end.

    Args:
        prefix: of the keys that this end gives, ``g`` or ``s``.
        keep: whether this end keeps what nobody else here holds; the grader does not, and tells
            the other end what it may forget.
    """

    def __init__(self, prefix: str, *, keep: bool) -> None:
        self.prefix = prefix
        self.keep = keep
        self.gone: list[str] = []
        self._count = 0
        self._values: dict[str, Any] = {}
        self._keys: dict[int, str] = {}
        self._agreed: dict[str, Any] = {}
        self._watched: dict[str, _Watched] = {}
        self._recent: list[Any] = []

    def get(self, key: str) -> Any:
        """What a key stands for.

        Raises:
            ExchangeError: nothing.
        """
        held = self._values.get(key)
        value = held if self.keep else held() if held is not None else None
        if value is None:
            raise ExchangeError("malformed data: a tensor that nobody has sent")
        self._recent.append(value)
        return value

    def key_of(self, value: Any) -> str | None:
        """The key of something that has crossed before."""
        return self._keys.get(id(value))

    def add(self, value: Any, key: str | None = None) -> str:
        """Remember something that crosses now; ``key`` where the other end has given it."""
        if key is None:
            self._count += 1
            key = f"{self.prefix}{self._count}"
        number = id(value)
        self._keys[number] = key
        self._watched[key] = _Watched()
        self._agreed[key] = self._fingerprint(key, value)
        self._recent.append(value)
        if self.keep:
            self._values[key] = value
        else:
            self._values[key] = weakref.ref(value, lambda _: self._forget(key, number))
        return key

    def _forget(self, key: str, number: int) -> None:
        self._drop(key)
        if self._keys.get(number) == key:
            del self._keys[number]
        self.gone.append(key)

    def _drop(self, key: Any) -> Any:
        self._agreed.pop(key, None)
        self._watched.pop(key, None)
        return self._values.pop(key, None)

    def _fingerprint(self, key: str, value: Any) -> Any:
        return self._watched[key].fingerprint(value)

    def release(self, keys: list[Any]) -> None:
        """Forget what the other end does not hold any more."""
        for key in keys:
            value = self._drop(key)
            if value is not None and self._keys.get(id(value)) == key:
                del self._keys[id(value)]

    def values(self) -> Iterator[tuple[str, Any]]:
        """Everything that is held, by key."""
        for key, held in list(self._values.items()):
            value = held if self.keep else held()
            if value is not None:
                yield key, value

    def changes(self, blobs: Blobs) -> list[Any]:
        """What has changed here since both ends agreed; from now on they do."""
        told = []
        for key, value in self.values():
            now = self._fingerprint(key, value)
            if now != self._agreed[key]:
                self._agreed[key] = now
                told.append([key, describe(value, blobs)])
        self._recent.clear()  # until here: ``net.layer.weight.zero_()`` keeps no name of its own
        return told

    def follow(self, changes: Any, blobs: Blobs) -> None:
        """Take over what has changed on the other side."""
        try:
            for key, told in changes:
                value = self.get(str(key))
                _assign(value, told, blobs)
                self._agreed[str(key)] = self._fingerprint(str(key), value)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ExchangeError(f"malformed data: {error}") from None


class SharingCodec(Codec):
    """A codec that shares tensors and arrays with the other end.

    Args:
        prefix: of the keys that this end gives.
        keep: see :class:`Shared`.
    """

    def __init__(self, prefix: str, *, keep: bool) -> None:
        super().__init__()
        self.shared = Shared(prefix, keep=keep)
        self._told: set[str] = set()
        self._pending: set[str] = set()

    def encode_shared(self, value: Any, blobs: Blobs) -> dict[str, Any]:
        """Its key, and a description where the other end does not know it yet."""
        key = self.shared.key_of(value) or self.shared.add(value)
        if key in self._told or key in self._pending:
            return {"shared": [key, None]}
        self._pending.add(key)
        return {"shared": [key, describe(value, blobs)]}

    def decode_shared(self, inside: Any, blobs: Blobs) -> Any:
        """What a key stands for; made now where it comes with a description."""
        key, told = inside
        if told is None:
            return self.shared.get(str(key))
        made = make(told, blobs)
        self.shared.add(made, str(key))
        self._told.add(str(key))
        return made

    def settle(self, *, sent: bool) -> None:
        """What has been encoded was sent, or was thrown away."""
        if sent:
            self._told |= self._pending
        self._pending = set()

    def picture(self, value: Any) -> tuple[Any, Blobs]:
        """The encoded value, to be compared only."""
        blobs: Blobs = []
        pending, self._pending = self._pending, set()
        try:
            return self.encode(value, blobs), blobs
        finally:
            self._pending = pending
