"""References: what a test holds of a student's object that cannot be copied.

A test can call it, read and set its attributes, take items, iterate, measure its length and enter
it as a context. Everything that would let the object decide a comparison is refused: equality,
order, truth, conversion, arithmetic, hashing, and the methods by which tensors and tables are
compared. Two references to one object are one, so that ``is`` works.
"""

from __future__ import annotations

import sys
from collections import abc
from collections.abc import Iterator
from types import UnionType
from typing import Any, NoReturn, get_args

from deltarule.exchange.subject import Reference
from deltarule.grading.remote.link import Link

__all__ = [
    "RefusedError",
    "Remote",
    "is_callable",
    "is_instance",
    "is_remote",
    "make_reference",
]

READABLE = frozenset({"__name__", "__qualname__", "__doc__", "__module__", "__wrapped__"})
"""Names with two underscores that are looked up; the others are Python's own business."""

REFUSED = (
    *("eq", "ne", "lt", "le", "gt", "ge", "bool", "hash", "contains", "instancecheck"),
    *("int", "float", "complex", "index", "abs", "neg", "pos", "invert", "round", "trunc"),
    *("floor", "ceil", "add", "radd", "sub", "rsub", "mul", "rmul", "matmul", "rmatmul"),
    *("truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod"),
    *("pow", "rpow", "lshift", "rlshift", "rshift", "rrshift", "and", "rand", "or", "ror"),
    *("xor", "rxor", "iadd", "isub", "imul", "imatmul", "itruediv", "ifloordiv", "imod"),
    *("ipow", "ilshift", "irshift", "iand", "ior", "ixor", "array", "bytes", "copy"),
    *("deepcopy", "reduce", "reduce_ex", "reversed", "length_hint", "subclasscheck"),
)
"""Special methods, without their underscores, by which an object could decide a comparison."""

COMPARING = frozenset(
    {"allclose", "isclose", "equal", "equals", "array_equal", "eq", "ne", "not_equal"}
    | {"lt", "le", "gt", "ge", "less", "less_equal", "greater", "greater_equal"}
)
"""Methods of tensors and tables that are handed what a test expects, and say if it is right."""


PROTOCOLS = frozenset(
    {"__call__", "__len__", "__iter__", "__next__", "__getitem__", "__setitem__", "__delitem__"}
    | {"__enter__", "__exit__", "__contains__", "__reversed__", "__add__", "__radd__", "__sub__"}
    | {"__mul__", "__rmul__", "__matmul__", "__truediv__", "__pow__", "__neg__", "__abs__"}
)
"""Special methods that every reference has, and not every object: who looks them up is told."""

ABSTRACT: dict[Any, tuple[str, ...]] = {
    abc.Callable: ("__call__",),
    abc.Collection: ("__len__", "__iter__", "__contains__"),
    abc.Container: ("__contains__",),
    abc.Iterable: ("__iter__",),
    abc.Iterator: ("__iter__", "__next__"),
    abc.Reversible: ("__reversed__", "__iter__"),
    abc.Sized: ("__len__",),
}
"""Classes to which everything belongs that has some special methods."""


class RefusedError(TypeError):
    """Something was asked of a student's object that only plain data can answer."""


class Remote:
    """A student's object in the fork of a test; see this module."""

    __slots__ = (
        "_Remote__bases",
        "_Remote__handle",
        "_Remote__link",
        "_Remote__name",
        "__weakref__",
    )

    def __init__(self, link: Link, handle: int, name: str, bases: list[str]) -> None:
        put = object.__setattr__
        put(self, "_Remote__link", link)
        put(self, "_Remote__handle", handle)
        put(self, "_Remote__name", name)
        put(self, "_Remote__bases", bases)

    def __getattribute__(self, name: str) -> Any:
        if name in PROTOCOLS and not _supports(self, name):
            raise AttributeError(name)
        return object.__getattribute__(self, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in READABLE:
            raise AttributeError(name)
        if name in COMPARING:
            raise RefusedError(
                f"{self!r} cannot say by '{name}' whether it is right: compare plain values, "
                "tensors and arrays"
            )
        return _link(self).ask("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _link(self).ask("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        _link(self).ask("delete", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the student's object."""
        return _link(self).ask("call", self, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        return _link(self).ask("item", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _link(self).ask("set_item", self, key, value)

    def __delitem__(self, key: Any) -> None:
        _link(self).ask("delete_item", self, key)

    def __len__(self) -> int:
        length = _link(self).ask("length", self)
        if type(length) is not int:
            raise RefusedError("the length of the student's object is no whole number")
        return length

    def __iter__(self) -> Iterator[Any]:
        link = _link(self)
        iterator = link.ask("iterate", self)
        if not is_remote(iterator):
            raise RefusedError("the student's object gives no iterator")
        while found := link.ask("next", iterator):
            yield found[0]

    def __next__(self) -> Any:
        found = _link(self).ask("next", self)
        if not found:
            raise StopIteration
        return found[0]

    def __enter__(self) -> Any:
        return _link(self).ask("enter", self)

    def __exit__(self, *_: object) -> None:  # a failed check is not the student's to swallow
        _link(self).ask("exit", self)

    def __repr__(self) -> str:
        return f"<a {_get(self, 'name')} of the notebook>"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return repr(self)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The nearest class of modules, so that ``isinstance(net, torch.nn.Module)`` works."""
        return _trusted_class(_get(self, "bases"))

    def _deltarule_handle(self, link: Link) -> int | None:
        return int(_get(self, "handle")) if _link(self) is link else None

    def _deltarule_reference(self) -> Reference:
        return Reference(f"#{_get(self, 'handle')}", _link(self))


def _get(remote: Remote, field: str) -> Any:
    return object.__getattribute__(remote, f"_Remote__{field}")


def _link(remote: Remote) -> Link:
    link: Link = _get(remote, "link")
    return link


def _supports(remote: Remote, name: str) -> bool:
    return _link(remote).ask("supports", remote, name) is True


def is_callable(value: Any) -> bool:
    """``callable`` of a test: a reference can always be called, the student's object may not."""
    return _supports(value, "__call__") if is_remote(value) else callable(value)


def is_instance(value: Any, kinds: Any) -> bool:
    """``isinstance`` of a test; see :func:`is_callable`."""
    if not is_remote(value):
        return isinstance(value, kinds)
    if isinstance(kinds, tuple | UnionType):
        several = kinds if isinstance(kinds, tuple) else get_args(kinds)
        return any([is_instance(value, kind) for kind in several])
    needed = ABSTRACT.get(getattr(kinds, "__origin__", kinds))
    if needed is None:
        return isinstance(value, kinds)
    return all(_supports(value, name) for name in needed)


def is_remote(value: Any) -> bool:
    """Whether a value is a reference, whatever class it says it is of."""
    return type(value) is Remote


def make_reference(link: Link, handle: int, name: str, bases: list[str]) -> Remote:
    """The maker that a link needs; see :attr:`Link.make_reference`."""
    return Remote(link, handle, name, bases)


def _trusted_class(bases: list[str]) -> type:
    """The first class of torch's that is written in Python alone.

    Code in C believes what ``__class__`` says: it takes the memory of an object for that of a
    tensor, and so a reference must never look like one.
    """
    torch: Any = sys.modules.get("torch")
    for base in bases if torch is not None else ():
        module, _, name = base.rpartition(".")
        if module.partition(".")[0] == "torch":
            found = vars(sys.modules.get(module, torch)).get(name)
            known = (torch.nn.Module, torch.optim.Optimizer)
            if isinstance(found, type) and issubclass(found, known):
                return found
    return Remote


def _refuse(name: str) -> Any:
    def refuse(self: Remote, *_: Any, **__: Any) -> NoReturn:
        raise RefusedError(
            f"{self!r} cannot take part in {name}: compare plain values, tensors and arrays"
        )

    return refuse


for _name in REFUSED:
    setattr(Remote, f"__{_name}__", _refuse(f"__{_name}__"))
