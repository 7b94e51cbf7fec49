"""The grader's end of a fork: asks for what a test needs, and believes only what it has checked.

Every request has a deadline, the test has one of its own, and the number and sizes of frames are
limited. A fork that dies, stalls or talks nonsense is *lost*, and stays so: :class:`Lost` is no
``Exception``, and whoever catches it all the same meets it again at the end of the test.
"""

from __future__ import annotations

import builtins
import json
import re
import struct
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from deltarule.exchange import modules, wire
from deltarule.exchange.shared import SharingCodec
from deltarule.exchange.subject import ExchangeError, Failure, Outcome, Program
from deltarule.exchange.values import Blobs
from deltarule.grading.messages import own_words
from deltarule.grading.remote.graph import joined
from deltarule.grading.sandbox.channel import Gone, Silent

__all__ = ["CALL_SECONDS", "Link", "Lost", "Pipe", "StudentError"]

CALL_SECONDS = 20.0
MOST_TRIPS = 5_000_000
"""Far more than fit into the time of a test, which is the limit that counts."""

MOST_HELD = 100_000
MOST_BLOBS = 100_000
MOST_BASES = 40
ENDS_OF_LOOPS = frozenset({"StopIteration", "StopAsyncIteration"})
"""Exceptions that loops of a test take for their end: ``all(map(check, cases))`` would hold."""

NO_NAME = re.compile(r"[^\w.<>]")
LONGEST_NAME = 100
LENGTH = struct.Struct(">Q")


class Lost(BaseException):
    """The student's process has ended, takes too long, or sends what is no answer."""


class StudentError(Exception):
    """Marks what a student's code has raised; always together with the nearest builtin type.

    Attributes:
        name: of the exception's own type.
        text: its message.
        line: in the student's cell, or 0.
    """

    name = ""
    text = ""
    line = 0


class Pipe(Protocol):
    """What carries the bytes: a fork in a sandbox, or a socket in tests."""

    def write(self, data: bytes, seconds: float) -> None:
        """Send all of it; raises Gone or Silent."""

    def exactly(self, size: int, seconds: float) -> bytes:
        """Receive so many bytes; raises Gone or Silent."""


class Link(SharingCodec):
    """Requests to the fork in which a test's references live.

    Args:
        pipe: to the fork.
        seconds: how long the whole test may take.

    Attributes:
        lost: why the fork cannot be asked any more, or "".
        late: whether it is lost because it took too long.
        refuted: a check of the test that failed while the student's code was calling it.
        trips: requests so far.
    """

    def __init__(self, pipe: Pipe, seconds: float) -> None:
        super().__init__("g", keep=False)
        self.pipe = pipe
        self.end = time.monotonic() + seconds
        self.seconds = seconds
        self.lost = ""
        self.late = False
        self.refuted: AssertionError | None = None
        self.trips = 0
        self.make_reference: Callable[[Link, int, str, list[str]], Any] | None = None
        self._references: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._own: dict[int, Any] = {}
        self._own_numbers: dict[int, int] = {}
        self._seeds: list[tuple[str, Any]] = []

    # -- requests ---------------------------------------------------------------------------------

    def ask(self, what: str, *arguments: Any) -> Any:
        """Have something done in the fork.

        Raises:
            StudentError: the student's code raised.
            Lost: there is no fork to ask any more.
        """
        while self._seeds:
            library, seed = self._seeds.pop(0)
            self._ask("seed", (library, seed))
        return self._ask(what, arguments)

    def seed(self, library: str, seed: Any) -> None:
        """Seed a generator in the fork before the next request."""
        self._seeds.append((library, seed))

    def run(self, program: Program) -> Outcome:
        """Run a program of the judging library; a lost fork is a failure of every one."""
        if self.lost:
            return Outcome((), self._failure())
        record, blobs = wire.encode_program(program)
        try:
            self._send({"program": record}, blobs)
            answer, given = self._read()
            outcome = wire.decode_outcome(answer["outcome"], given)
        except Lost:
            pass
        except Exception as error:  # noqa: BLE001 - whatever a forged answer leads to
            self._lose(f"what it answered makes no sense ({error})")
        else:
            return Outcome(outcome.values, _plain_failure(outcome.failure))
        return Outcome((), self._failure())

    def _failure(self) -> Failure:
        return Failure(0, "the process that ran your code is lost", self.lost)

    def _ask(self, what: str, arguments: tuple[Any, ...]) -> Any:
        self.sent = []
        self.numbering = what == "call"
        blobs: Blobs = []
        try:
            told = [self.encode(one, blobs) for one in arguments]
        finally:
            self.numbering = False
        sent = self.sent
        self._send({"do": what, "arguments": told, "grad": _records_gradients()}, blobs)
        while True:
            record, blobs = self._read()
            called = raised = None
            try:
                self.shared.follow(record["changes"], blobs)
                if "call" in record:
                    number, args, kwargs = record["call"]
                    called = self._own[number]
                elif "error" in record:
                    raised = _error(record["error"])
                else:
                    value = self._answered(record, blobs, sent)
            except Exception as error:  # noqa: BLE001 - whatever a forged answer leads to
                raise self._lose(f"what it answered makes no sense ({error})") from None
            if called is not None:
                self._called(called, args, kwargs, blobs)
            elif raised is not None:
                raise raised
            else:
                return value

    def _answered(self, record: dict[str, Any], blobs: Blobs, sent: list[Any]) -> Any:
        """The value of an answer; arguments follow what the student's code has made of them."""
        value = self.decode(record["value"], blobs)
        for number, node in record["changed"]:
            _follow(sent[number], self.decode(node, blobs))
        return value

    def _called(self, function: Any, args: Any, kwargs: Any, blobs: Blobs) -> None:
        """A function of the test is called by the student's code."""
        try:
            given, named = self.decode(args, blobs), self.decode(kwargs, blobs)
            value = function(*given, **named)
        except Exception as error:  # noqa: BLE001 - of the test's errors only the type travels
            if isinstance(error, AssertionError) and not isinstance(error, StudentError):
                self.refuted = self.refuted or error  # or the student's code could swallow it
            bases = [one.__name__ for one in type(error).__mro__ if one.__module__ == "builtins"]
            self._send({"raised": bases[0]}, [])
            return
        told: Blobs = []
        self._send({"returned": self.encode(value, told)}, told)

    # -- frames -----------------------------------------------------------------------------------

    def _send(self, record: dict[str, Any], blobs: Blobs) -> None:
        changes = self.shared.changes(blobs)
        gone, self.shared.gone = self.shared.gone, []
        self._write({**record, "changes": changes, "gone": gone}, blobs)
        self.settle(sent=True)

    def _write(self, record: dict[str, Any], blobs: Blobs) -> None:
        self._check()
        self.trips += 1
        if self.trips > MOST_TRIPS:
            raise self._lose(
                f"a limit of the grading is reached: more than {MOST_TRIPS} requests in one test"
            )
        data = wire.packed(record, blobs)
        try:
            self.pipe.write(data, self._left())
        except (Gone, Silent) as error:
            raise self._lose(self._why(error)) from None

    def _read(self) -> tuple[dict[str, Any], Blobs]:
        try:
            (length,) = LENGTH.unpack(self.pipe.exactly(LENGTH.size, self._left()))
            if length > wire.HEADER_LIMIT:
                raise self._lose("it sent a header that is too large")
            record = json.loads(self.pipe.exactly(length, self._left()))
            sizes = wire.sizes_of(record)
            if len(sizes) > MOST_BLOBS:
                raise self._lose("it sent an answer in too many parts")
            return record, [self.pipe.exactly(size, self._left()) for size in sizes]
        except (Gone, Silent) as error:
            raise self._lose(self._why(error)) from None
        except (ValueError, TypeError, RecursionError, ExchangeError):
            raise self._lose("it sent something that is not an answer") from None

    def _left(self) -> float:
        return max(0.0, min(CALL_SECONDS, self.end - time.monotonic()))

    def _why(self, error: Gone | Silent) -> str:
        if isinstance(error, Silent):
            return self._too_long(min(CALL_SECONDS, self.seconds))
        return f"the process that ran your code ended ({error})"

    def _too_long(self, seconds: float) -> str:
        self.late = True
        return f"the test took more than {seconds:g} s; is there an endless loop?"

    def _check(self) -> None:
        if not self.lost and time.monotonic() >= self.end:
            self._lose(self._too_long(self.seconds))
        if self.lost:
            raise Lost(self.lost)

    def _lose(self, why: str) -> Lost:
        self.lost = self.lost or why
        return Lost(self.lost)

    # -- what crosses -----------------------------------------------------------------------------

    def encode_object(self, value: Any) -> dict[str, Any]:
        """The student's own object, or a number for a function, module or optimiser of the test."""
        handle = _handle_of(value, self)
        if handle is not None:
            return {"held": handle}
        number = self._own_numbers.get(id(value))
        if number is not None:
            return {"grader": number}
        if not callable(value):
            raise ExchangeError(
                f"a {type(value).__name__} of the test cannot be handed to the student's code"
            )
        return {"function": [self._keep(value), None]}

    def _keep(self, value: Any) -> int:
        number = len(self._own) + 1
        self._own[number] = value
        self._own_numbers[id(value)] = number
        return number

    def _encode_torch(self, value: Any, blobs: Blobs) -> dict[str, Any] | None:
        found = super()._encode_torch(value, blobs)
        if found is not None or id(value) in self._own_numbers:
            return found
        for kind, describe in (
            ("module", modules.describe_module),
            ("optimiser", modules.describe_optimiser),
        ):
            told = describe(value, lambda one: self.encode(one, blobs, 1))
            if told is not None:
                return {kind: [self._keep(value), told]}
        return None

    def decode_object(self, kind: str, inside: Any, blobs: Blobs) -> Any:
        """A reference, a tensor of both ends, or something of the test's own."""
        if kind == "held":
            handle, name, bases = inside
            known = [str(one) for one in bases[:MOST_BASES]]
            return self.reference(int(handle), _name(name), known)
        if kind == "grader":
            return self._own[inside]
        if kind == "shared":
            return self._decode_tensor(inside, blobs)
        return super().decode_object(kind, inside, blobs)

    def reference(self, handle: int, name: str, bases: list[str]) -> Any:
        """The one reference of a handle, so that ``is`` works."""
        found = self._references.get(handle)
        if found is None:
            if len(self._references) >= MOST_HELD or self.make_reference is None:
                raise ExchangeError("there are too many objects")
            found = self.make_reference(self, handle, name, bases)
            self._references[handle] = found
        return found

    def _decode_tensor(self, inside: Any, blobs: Blobs) -> Any:
        key, told = inside
        if told is None or "dtype" not in told or told["leaf"] or not told["tracked"]:
            made = self.decode_shared(inside, blobs)
            if told is not None and "dtype" not in told:
                made.flags.writeable = False  # what a test changes there would not be seen
            return made
        # It hangs on a graph in the fork: here it hangs on a function that asks the fork.
        plain = super().decode_shared([key, {**told, "tracked": False, "leaf": True}], blobs)
        inputs = [one for _, one in self.shared.values() if _needs_gradient(one)]
        made = joined(self, plain, inputs)
        self.shared.add(made, str(key))
        return made

    def backward(self, output: Any, grad: Any, inputs: list[Any]) -> list[Any]:
        """Gradients of a tensor of the fork for tensors of both ends."""
        found = self.ask("backward", output, grad, inputs)
        if type(found) is not list or len(found) != len(inputs):
            raise self._lose("what it answered makes no sense")
        return found


def _records_gradients() -> bool:
    """Whether autograd is switched on where the test stands."""
    torch = sys.modules.get("torch")
    return True if torch is None else bool(torch.is_grad_enabled())


def _needs_gradient(value: Any) -> bool:
    return bool(getattr(value, "requires_grad", False)) and not hasattr(value, "_of_the_fork")


def _handle_of(value: Any, link: Link) -> int | None:
    handle = getattr(type(value), "_deltarule_handle", None)
    return None if handle is None else handle(value, link)


def _follow(own: Any, new: Any) -> None:
    """Make a mutable argument of the test what the student's function has made of it."""
    if type(own) is not type(new):
        raise ExchangeError("an argument has changed its type")
    if type(own) is list:
        own[:] = new
    elif type(own) in (dict, set):
        own.clear()
        own.update(new)
    else:
        own.drop(columns=list(own.columns), inplace=True)
        own.drop(index=own.index, inplace=True)
        for at, name in enumerate(new.columns):
            own.insert(at, name, new.iloc[:, at], allow_duplicates=True)
        own.index, own.columns = new.index, new.columns


def _name(told: Any) -> str:
    """The name of a type that a student has chosen, as far as it is one."""
    return NO_NAME.sub("", str(told)[:LONGEST_NAME]) or "something"


def _plain_failure(failure: Failure | None) -> Failure | None:
    """A failure of a program, in words that may be shown."""
    if failure is None:
        return None
    said = own_words(failure.message)
    return replace(failure, error=_name(failure.error), message=said)


def _error(told: Any) -> StudentError:
    """An exception of the student's as one that ``except`` clauses of a test can catch."""
    name, text = _name(told["type"]), str(told["message"])
    nearest = Exception
    for base in told["bases"]:
        kind = getattr(builtins, str(base), None)
        if str(base) in ENDS_OF_LOOPS:
            continue
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception:
            nearest = kind
            break
    made = _mixed(nearest)(text)
    made.name, made.text = name, text
    made.line = told["line"] if type(told["line"]) is int else 0
    return made


def _mixed(nearest: type[Exception]) -> type[StudentError]:
    if nearest is Exception:
        return StudentError
    namespace = {"__init__": Exception.__init__, "__str__": lambda self: self.text}
    try:
        return type(f"Student{nearest.__name__}", (StudentError, nearest), namespace)
    except TypeError:
        return StudentError
