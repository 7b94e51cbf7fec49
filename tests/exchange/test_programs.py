"""Programs of steps, and what comes back from them."""

import socket

import numpy as np
import pytest
import torch

from deltarule.exchange import wire
from deltarule.exchange.inkernel import InKernel
from deltarule.exchange.loopback import Loopback
from deltarule.exchange.subject import ExchangeError, Opaque, Program, TensorValue, split_path


class Box:
    def __init__(self, items):
        self.items = items
        self.inner = self

    def total(self, extra=0):
        return sum(self.items) + extra


@pytest.fixture(params=["in kernel", "loopback"])
def run(request):
    """Run a program that is written over ``look(object)``, in both places."""

    def call(write, *objects):
        program = Program()
        if request.param == "in kernel":
            write(program, *objects)
            return InKernel().run(program)
        names = {f"object_{number}": one for number, one in enumerate(objects)}
        with Loopback(names) as remote:
            write(program, *map(remote.reference, names))
            return remote.run(program)

    return call


def test_later_steps_name_earlier_results(run):
    def write(program, box_class):
        box = program.call(box_class, [1, 2])
        program.set(box, "inner.items[0]", 10)
        program.read(program.call_method(box, "total", extra=5))
        program.read(program.get(box, "items"))

    assert run(write, Box).values == (17, [10, 2])


def test_a_failure_keeps_what_was_read_before_it(run):
    def write(program, box_class):
        box = program.call(box_class, [1])
        program.read(program.call_method(box, "total"))
        program.call_method(box, "missing")

    outcome = run(write, Box)
    assert outcome.values == (1,)
    assert outcome.failure.error == "AttributeError"
    assert "missing" in str(outcome.failure)


def test_tensors_come_back_as_copies_with_their_type(run):
    tensor = torch.ones(2, requires_grad=True)
    outcome = run(lambda program, f: program.read(program.call(f)), lambda: tensor)
    (value,) = outcome.values
    assert (value.dtype, value.library, value.tracked) == ("float32", "torch", True)
    value.array[0] = 5
    assert tensor[0] == 1


def test_an_object_that_claims_to_equal_everything_stays_opaque(run):
    class Equal:
        def __eq__(self, other):
            return True

        __hash__ = None

    class Sneaky(float):
        def __eq__(self, other):
            return True

        __hash__ = None

    outcome = run(lambda program, f: program.read(program.call(f)), lambda: [Equal(), Sneaky(1.0)])
    assert outcome.values == ([Opaque("Equal"), Opaque("Sneaky")],)


@pytest.mark.parametrize(
    "value", [None, True, 3, 2.5, float("inf"), 1j, "text", (1, [2.0]), [], float("nan")]
)
def test_plain_data_comes_back_as_it_is(run, value):
    (found,) = run(lambda program, f: program.read(program.call(f)), lambda: value).values
    assert repr(found) == repr(value)
    assert type(found) is type(value)


def test_bfloat16_and_numpy_scalars_come_back_as_numbers(run):
    made = (torch.ones(1, dtype=torch.bfloat16), np.float32(2))
    ((first, second),) = run(lambda program, f: program.read(program.call(f)), lambda: made).values
    assert isinstance(first, TensorValue)
    assert first.dtype == "bfloat16"
    assert second.array == 2


def test_sizes_come_back_as_tuples(run):
    shape = lambda: torch.zeros(2, 3).shape  # noqa: E731
    assert run(lambda program, f: program.read(program.call(f)), shape).values == ((2, 3),)


def test_arrays_of_unusual_types_come_back_in_the_nearest_usual_one(run):
    made = (np.ones(2, ">f8"), np.longdouble(2), np.ones(1, ">i2"), np.array([object()]))
    read = lambda program, f: program.read(program.call(f))  # noqa: E731
    ((swapped, long, short, objects),) = run(read, lambda: made).values
    assert (swapped.dtype, long.dtype, short.dtype) == ("float64", "float64", "int16")
    assert swapped.array.tolist() == [1.0, 1.0]
    assert long.array == 2
    assert isinstance(objects, Opaque)


def test_what_is_nested_too_deeply_stays_opaque_inside(run):
    def deep():
        made = [1]
        for _ in range(500):
            made = [made]
        return made

    (found,) = run(lambda program, f: program.read(program.call(f)), deep).values
    while isinstance(found, list):
        (found,) = found
    assert isinstance(found, Opaque)


def test_tensors_arrive_with_the_values_type_and_shape_that_were_sent(run):
    sent = np.arange(6, dtype=np.float64).reshape(2, 3)

    def write(program, f):
        program.read(program.call(f, program.tensor(sent, "float32")))
        program.read(program.call(f, program.tensor(sent[:0], "float64", "numpy")))

    first, second = run(write, lambda x: (str(x.dtype), x)).values
    assert first[0] == "torch.float32"
    assert np.array_equal(first[1].array, sent)
    assert second[1].array.shape == (0, 3)


def test_a_packed_list_is_one_object_for_all_steps(run):
    def write(program, append):
        packed = program.pack([program.tensor(np.ones(2), "float32"), "text"])
        program.call(append, packed)
        program.read(packed)

    (found,) = run(write, lambda items: items.append({"a": 1})).values
    assert found[1:] == ["text", {"a": 1}]


def test_tracked_tensors_collect_gradients(run):
    def write(program, f):
        x = program.tensor(np.array([1.0, 2.0]), "float64", tracked=True)
        program.call_method(
            program.call(program.library("torch.sum"), program.call(f, x)), "backward"
        )
        program.read(program.get(x, "grad"))

    (gradient,) = run(write, lambda x: x**2).values
    assert gradient.array.tolist() == [2.0, 4.0]


def test_a_program_asks_torch_for_known_things_only(run):
    outcome = run(lambda program, _: program.library("torch.load"), len)
    assert outcome.failure.error == "ExchangeError"


def test_tables_travel_in_both_directions(run):
    def change(table):
        table["half"] = table["age"] / 2
        return table, table["name"]

    def write(program, f):
        sent = {"name": ["Ada", None], "age": [36.0, float("nan")]}
        program.read(program.call(f, program.table(sent)))

    ((table, column),) = run(write, change).values
    assert list(table.columns) == ["name", "age", "half"]
    assert table.columns["half"].array[0] == 18.0
    assert np.isnan(table.columns["half"].array[1])
    assert column.kind == "Series"
    assert column.columns["name"][0] == "Ada"


def test_a_table_with_two_columns_of_one_name_stays_opaque(run):
    def double(table):
        return table[["age", "age"]]

    def write(program, f):
        program.read(program.call(f, program.table({"age": [1.0]})))

    (found,) = run(write, double).values
    assert found == Opaque("DataFrame with two columns of one name")


def test_a_dict_whose_keys_are_not_names_stays_opaque(run):
    (found,) = run(lambda program, f: program.read(program.call(f)), lambda: {1: 2}).values
    assert isinstance(found, Opaque)


def test_an_endless_loop_ends_the_process_and_stays_failed():
    def endless():
        while True:
            pass

    with Loopback({"f": endless, "g": lambda: 1}, seconds=0.3) as remote:
        for name in ("f", "g"):
            program = Program()
            program.read(program.call(remote.reference(name)))
            outcome = remote.run(program)
            assert outcome.values == ()
            assert outcome.failure.error == "TimeoutError"


def test_leaving_the_process_is_a_failure_not_an_answer():
    import os

    with Loopback({"leave": lambda: os._exit(0)}) as remote:
        program = Program()
        program.read(program.call(remote.reference("leave")))
        assert remote.run(program).failure.error == "SystemExit"


def test_what_the_student_changes_in_the_fork_does_not_reach_the_judge():
    items = [1]
    with Loopback({"items": items}) as remote:
        program = Program()
        program.call(program.get(remote.reference("items"), "append"), 2)
        program.read(remote.reference("items"))
        assert remote.run(program).values == ([1, 2],)
    assert items == [1]


def frame(header, payload=b""):
    return len(header).to_bytes(8, "big") + header + payload


@pytest.mark.parametrize(
    "data",
    [
        (2**40).to_bytes(8, "big"),
        frame(b"not json"),
        frame(b"[]"),
        frame(b'{"values": [], "failure": null}'),
        frame(b'{"values": [], "failure": null, "blobs": [-1]}'),
        frame(b'{"values": [], "failure": null, "blobs": [99999999999]}'),
        frame(b'{"values": [{"tensor": 1}], "failure": null, "blobs": []}'),
        frame(b'{"values": [{"evil": 1}], "failure": null, "blobs": []}'),
        frame(
            b'{"values": [{"tensor": [{"dtype": "float32", "shape": [9], "blob": 0}, "", "", 0]}],'
            b' "failure": null, "blobs": [4]}',
            b"abcd",
        ),
        frame(
            b'{"values": [{"tensor": [{"dtype": "object", "shape": [1], "blob": 0}, "", "", 0]}],'
            b' "failure": null, "blobs": [8]}',
            b"abcdefgh",
        ),
        frame(b'{"values": ' + b"[" * 5000 + b"]" * 5000 + b', "failure": null, "blobs": []}'),
    ],
)
def test_a_forged_frame_is_refused(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.sendall(data)
        with pytest.raises(ExchangeError):
            wire.decode_outcome(*wire.receive(ours))


@pytest.mark.parametrize("path", ["", "a", "a.b", "[0]", "a[0][1].b", "layers[-1].x"])
def test_paths_are_parted(path):
    assert (
        "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in split_path(path)).removeprefix(
            "."
        )
        == path
    )


@pytest.mark.parametrize("path", ["a..b", "a[x]", "a b", "a()", "[0"])
def test_anything_else_is_not_a_path(path):
    with pytest.raises(ValueError, match="is not a path"):
        split_path(path)
