"""Programs of steps, and what comes back from them."""

import numpy as np
import pytest
import torch

from deltarule.judging.inkernel import InKernel
from deltarule.judging.subject import Opaque, Program, TensorValue, split_path


class Box:
    def __init__(self, items):
        self.items = items
        self.inner = self

    def total(self, extra=0):
        return sum(self.items) + extra


def test_later_steps_name_earlier_results():
    program = Program()
    box = program.call(Box, [1, 2])
    program.set(box, "inner.items[0]", 10)
    program.read(program.call_method(box, "total", extra=5))
    program.read(program.get(box, "items"))
    assert InKernel().run(program).values == (17, [10, 2])


def test_a_failure_keeps_what_was_read_before_it():
    program = Program()
    box = program.call(Box, [1])
    program.read(program.call_method(box, "total"))
    program.call_method(box, "missing")
    outcome = InKernel().run(program)
    assert outcome.values == (1,)
    assert outcome.failure.error == "AttributeError"
    assert "missing" in str(outcome.failure)


def test_tensors_come_back_as_copies_with_their_type():
    tensor = torch.ones(2, requires_grad=True)
    program = Program()
    program.read(program.call(lambda: tensor))
    (value,) = InKernel().run(program).values
    assert value.dtype == "float32"
    assert value.tracked
    value.array[0] = 5
    assert tensor[0] == 1


def test_an_object_that_claims_to_equal_everything_stays_opaque():
    class Equal:
        def __eq__(self, other):
            return True

        __hash__ = None

    class Sneaky(float):
        def __eq__(self, other):
            return True

        __hash__ = None

    program = Program()
    program.read(program.call(lambda: [Equal(), Sneaky(1.0)]))
    (values,) = InKernel().run(program).values
    assert values == [Opaque("Equal"), Opaque("Sneaky")]


def test_bfloat16_and_numpy_scalars_come_back_as_numbers():
    program = Program()
    program.read(program.call(lambda: (torch.ones(1, dtype=torch.bfloat16), np.float32(2))))
    ((first, second),) = InKernel().run(program).values
    assert isinstance(first, TensorValue)
    assert first.dtype == "bfloat16"
    assert second.array == 2


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
