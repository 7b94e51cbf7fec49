"""Autograd across the boundary: going backward from a tensor of the fork asks the fork."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltarule.grading.remote.link import Link

__all__ = ["joined"]


def joined(link: Link, value: Any, inputs: list[Any]) -> Any:
    """A tensor that hangs on ``inputs`` by a function whose backward pass happens in the fork.

    Args:
        link: to the fork.
        value: what the student's code has computed, without a graph.
        inputs: tensors of both ends that it may depend on.
    """
    import torch

    class Boundary(torch.autograd.Function):  # type: ignore[misc]
        """One tensor of the fork."""

        @staticmethod
        def forward(_: Any, *__: Any) -> Any:
            return value.clone()

        @staticmethod
        def backward(_: Any, grad: Any) -> tuple[Any, ...]:
            found = link.backward(made, grad.detach().clone(), inputs)
            return (None, *found)

    anchor = torch.zeros((), requires_grad=True)
    made = Boundary.apply(anchor, *inputs)
    made._of_the_fork = True
    return made
