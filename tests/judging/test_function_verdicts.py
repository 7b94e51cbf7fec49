"""Verdicts on functions of tensors."""

import numpy as np
import pytest
import torch

from deltarule import judging
from deltarule.errors import JudgingError


def outer(z_prev, delta):
    return torch.outer(z_prev, delta), delta


def reference(z_prev, delta):
    return np.outer(z_prev, delta), delta


@pytest.fixture
def judge(judged):
    def call(student):
        return judged(judging.function, [student], reference, z_prev="n", delta="m")

    return call


@pytest.mark.parametrize(
    "student",
    [
        outer,
        lambda z_prev, delta: (z_prev[:, None] * delta[None, :], delta.clone()),
        lambda z_prev, delta: [torch.einsum("i,j->ij", z_prev, delta), delta],
        lambda delta, z_prev: (z_prev.unsqueeze(1) @ delta.unsqueeze(0), delta + 0),
        lambda z_prev, delta: (np.outer(z_prev.numpy(), delta.numpy()), delta.tolist()),
        lambda a, b: outer(a, b),
        lambda z_prev, delta: outer(z_prev.float(), delta.float()),
        lambda z_prev, delta: [(torch.outer(z_prev.float(), delta.float())).tolist(), delta],
        lambda z_prev, delta: (torch.outer(torch.eye(len(z_prev)) @ z_prev, delta), delta),
        lambda z_prev, delta: (torch.outer(torch.eye(len(z_prev)).double() @ z_prev, delta), delta),
    ],
)
def test_the_same_mathematics_written_differently_is_accepted(judge, student):
    for _ in range(5):
        found = judge(student)
        assert found.credit == 1.0, found.message


@pytest.mark.parametrize(
    ("student", "credit", "said"),
    [
        (lambda z_prev, delta: (torch.outer(delta, z_prev), delta), 0.5, "rows and columns"),
        (lambda z_prev, delta: (torch.outer(z_prev, delta), 2 * delta), 0.5, "expected"),
        (lambda z_prev, delta: torch.outer(z_prev, delta), 0.0, "should return 2 values"),
        (lambda z_prev, delta: (1.0, 2.0, 3.0), 0.0, "2 values, and returns 3"),
        (lambda z_prev, delta: None, 0.0, "is a `return` missing"),
        (lambda z_prev, delta: (torch.outer(z_prev.mul_(2), delta) / 2, delta), 0.0, "changes its"),
        (lambda z_prev, delta: 1 / 0, 0.0, "ZeroDivisionError"),
    ],
)
def test_mistakes_lose_their_part_and_are_named(judge, student, credit, said):
    found = judge(student)
    assert found.credit == credit
    assert said in found.message


def test_arguments_go_by_keyword(judge):
    def student(*, z_prev, delta):
        return outer(z_prev, delta)

    assert judge(student).credit == 1.0


def test_a_function_that_works_in_one_precision_only_is_found_out(judge):
    def student(z_prev, delta):
        return torch.outer(z_prev, delta) * (1.1 if z_prev.dtype == torch.float64 else 1.0), delta

    found = judge(student)
    assert found.credit == 0.5
    assert "float64" in found.message


def relu(x):
    return np.maximum(x, 0.0)


ODD = {
    "None": (lambda x: None, "return"),
    "a generator": (lambda x: (row for row in x), "write `return` for `yield`"),
    "text": (lambda x: "0", "of type str"),
    "a ragged list": (lambda x: [[x[0, 0]], [x, x]], "list"),
    "a list of text": (lambda x: [["0"]], "is a list in which an item is of type str"),
    "a list in lists": (lambda x: nested(900), "is a list in which an item is an object"),
    "arrays of many axes in lists": (lambda x: nested(38, np.zeros((1,) * 40)), "too deeply"),
    "a dict": (lambda x: {"x": x}, "of type dict"),
    "an object": (lambda x: object(), "object"),
    "an array of objects": (lambda x: np.array([object()]), "array of object"),
    "too much": (lambda x: [0.0] * 20_000, "list"),
    "a truth value": (lambda x: x > 0, "bool"),
    "numbers as large as they get": (lambda x: -1e308 * torch.ones_like(x).double(), "-1e+308"),
    "half precision": (lambda x: x.half().clamp(min=0), "float16"),
    "another shape": (lambda x: x.clamp(min=0).sum(), "has shape ()"),
    "leaves": (lambda x: exit(1), "SystemExit"),
    "never ends": (lambda x: ODD["never ends"][0](x), "RecursionError"),
    "works in place": (lambda x: x.clamp_(min=0), "changes its argument `x`"),
    "resizes its argument": (lambda x: x.resize_(1), "changes its argument `x`"),
}


def nested(depth, inside=1.0):
    for _ in range(depth):
        inside = [inside]
    return inside


@pytest.mark.parametrize("what", ODD)
def test_odd_answers_get_a_clear_sentence(judged, what):
    student, said = ODD[what]
    found = judged(judging.function, [student], relu, x="batch n", mistakes=judging.RELU)
    assert found.credit == 0.0
    assert found.diagnosis is None
    assert said in found.message
    assert len(found.message) < 250


@pytest.mark.parametrize(
    "student",
    [
        lambda x: np.maximum(x.numpy(), 0).astype(">f8"),
        lambda x: np.maximum(x.numpy(), 0).astype(np.longdouble),
        lambda x: x.clamp(min=0).bfloat16().to(x.dtype) + (x - x.bfloat16().to(x.dtype)) * (x > 0),
    ],
)
def test_unusual_types_of_numbers_are_numbers(judged, student):
    assert judged(judging.function, [student], relu, x="batch n").credit == 1.0


DIFFERENTIABLE = [
    lambda x: torch.clamp(x, min=0),
    lambda x: x * (x > 0),
    lambda x: torch.where(x > 0, x, 0.0),
    lambda x: (x + torch.sqrt(x**2)) / 2,
    lambda x: torch.max(x.float(), torch.zeros(x.shape)),
    torch.nn.functional.relu,
]


@pytest.mark.parametrize("student", DIFFERENTIABLE)
def test_what_autograd_can_follow_is_accepted(judged, student):
    for _ in range(5):
        found = judged(judging.function, [student], relu, x="batch n", differentiable=True)
        assert found.credit == 1.0, found.message


@pytest.mark.parametrize(
    ("student", "said"),
    [
        (lambda x: torch.tensor(np.maximum(x.numpy(), 0)), "autograd cannot follow"),
        (lambda x: x.detach().clamp(min=0), "autograd cannot follow"),
        (
            lambda x: torch.tensor([[max(0.0, v) for v in row] for row in x.tolist()]),
            "cannot follow",
        ),
        (lambda x: x.clamp(min=0) * 2 - x.detach().clamp(min=0), "derivative with respect to `x`"),
    ],
)
def test_right_values_without_a_right_gradient_earn_half(judged, student, said):
    found = judged(
        judging.function, [student], relu, x="batch n", differentiable=True, mistakes=judging.RELU
    )
    assert found.credit == 0.5
    assert "The values are right, but" in found.message
    assert said in found.message
    assert found.diagnosis is None


def test_the_gradient_of_a_wrong_function_earns_nothing(judged):
    student = lambda x: x.clamp(min=0) + 1.0  # noqa: E731
    assert judged(judging.function, [student], relu, x="batch n", differentiable=True).credit == 0.0


def test_an_argument_that_is_left_out_of_the_graph_is_named(judged):
    student = lambda x, w: x.detach() @ w  # noqa: E731
    reference = lambda x, w: x @ w  # noqa: E731
    found = judged(judging.function, [student], reference, x="n", w="n", differentiable=True)
    assert found.credit == 0.5
    assert "no way back to `x`" in found.message


def bce(y, y_hat):
    return -(y * torch.log(y_hat) + (1 - y) * torch.log(1 - y_hat)).mean()


def bce_reference(y, y_hat):
    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))


LABELS = {
    "draw": {"y": "binary", "y_hat": "probability"},
    "mistakes": judging.BCE,
    "y": "n",
    "y_hat": "n",
}


def test_labels_come_as_whole_and_as_floating_point_numbers(judged):
    student = lambda y, y_hat: bce(y, y_hat) * (1.0 if y.is_floating_point() else 1.1)  # noqa: E731
    assert "int64" not in judged(judging.function, [bce], bce_reference, **LABELS).message
    assert judged(judging.function, [student], bce_reference, **LABELS).credit == 0.0


@pytest.mark.parametrize(
    "student",
    [
        lambda y, y_hat: torch.nn.functional.binary_cross_entropy(y_hat, y),
        lambda y, y_hat: -(y @ y_hat.log() + (1 - y) @ (1 - y_hat).log()) / len(y),
        lambda y, y_hat: bce(y.float(), y_hat.float()).item(),
    ],
)
def test_code_for_one_type_of_labels_is_accepted(judged, student):
    for _ in range(5):
        assert judged(judging.function, [student], bce_reference, **LABELS).credit == 1.0


def test_plain_numbers_arrive_as_plain_numbers(judged):
    def student(eta, steps, scale):
        assert (type(eta), type(steps), scale.shape) == (float, int, ())
        return scale * eta**steps

    found = judged(
        judging.function,
        [student],
        lambda eta, steps, scale: scale * eta**steps,
        draw={"eta": (0.5, 0.9), "steps": (0, 4)},
        eta="",
        steps="",
        scale="",
    )
    assert found.credit == 1.0, found.message


def convolved(image, kernel, padding):
    padded = np.pad(image, padding)
    rows, columns = (n - k + 1 for n, k in zip(padded.shape, kernel.shape, strict=True))
    return np.array(
        [
            [np.sum(padded[i:][: len(kernel), j:][:, : kernel.shape[1]] * kernel)
             for j in range(columns)]
            for i in range(rows)
        ]
    )  # fmt: skip


CONVOLUTION = {
    "draw": {"padding": (0, 2)},
    "sizes": {"h": (4, 8), "w": (4, 8), "k": (1, 3), "l": (1, 3)},
    "image": "h w",
    "kernel": "k l",
    "padding": "",
}


def unfolded(image, kernel, padding):
    padded = torch.nn.functional.pad(image, (padding,) * 4)
    windows = padded.unfold(0, len(kernel), 1).unfold(1, kernel.shape[1], 1)
    return torch.einsum("ijkl,kl->ij", windows, kernel)


def test_axes_have_the_sizes_that_the_test_asks_for(judged):
    for _ in range(3):
        found = judged(judging.function, [unfolded], convolved, **CONVOLUTION)
        assert found.credit == 1.0, found.message
    flipped = lambda image, kernel, padding: unfolded(image, kernel.flip(0, 1), padding)  # noqa: E731
    assert judged(judging.function, [flipped], convolved, **CONVOLUTION).credit == 0.0
    unpadded = lambda image, kernel, padding: unfolded(image, kernel, 0)  # noqa: E731
    assert judged(judging.function, [unpadded], convolved, **CONVOLUTION).credit == 0.0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"draw": {"x": (1.0, 2)}}, "range"),
        ({"draw": {"x": (2.0, 1.0)}}, "range"),
        ({"draw": {"y": "normal"}}, "no shape"),
        ({"sizes": {"m": (1, 2)}}, "axes of no argument"),
        ({"sizes": {"n": (0, 2)}}, "two ints"),
        ({"draw": {"x": "count"}, "differentiable": True}, "continuous"),
        ({"mistakes": judging.OPTIMISE}, "judging.descent"),
    ],
)
def test_a_test_that_asks_for_the_impossible_is_the_authors_error(settings, said):
    with pytest.raises(JudgingError, match=said):
        judging.function(lambda x: x, lambda x: x, x="n", **settings)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (lambda x: 1 / 0, "the reference raised ZeroDivisionError"),
        (lambda x: np.log(-np.abs(x)), "not finite"),
        (lambda x: 1e-12 * x, "rounding errors"),
    ],
)
def test_a_reference_that_cannot_judge_is_the_authors_error(reference, said):
    with pytest.raises(JudgingError, match=said):
        judging.function(lambda x: x, reference, x="n")
