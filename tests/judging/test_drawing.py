"""What a set of cases covers does not depend on the seed."""

import numpy as np
import pytest

from deltarule.judging.conditioning import (
    WELL_CONDITIONED,
    expected_gradients,
    expected_results,
    well_posed,
)
from deltarule.judging.drawing import CASES, DRAWS, Drawing
from deltarule.judging.tolerance import EPSILON

SEEDS = range(10)


def cases(seed, shapes, draw=None, sizes=None):
    drawing = Drawing(np.random.default_rng(seed), shapes, draw or {}, sizes or {})
    return [drawing.case(number) for number in range(CASES)]


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_differ_so_that_axes_cannot_be_confused(seed):
    for case in cases(seed, {"a": "n m", "b": "m k"}):
        n, m = case.values["a"].shape
        assert len({n, m, case.values["b"].shape[1]}) == 3
        assert case.values["b"].shape[0] == m


@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_a_batch_of_one_and_both_precisions(seed):
    made = cases(seed, {"x": "batch n"})
    assert made[0].values["x"].shape[0] == 1
    assert {case.dtype for case in made} == set(EPSILON)


@pytest.mark.parametrize("seed", SEEDS)
def test_axes_keep_to_their_range(seed):
    for case in cases(seed, {"x": "h w"}, sizes={"h": (4, 5), "w": (1, 1)}):
        assert case.values["x"].shape[0] in (4, 5)
        assert case.values["x"].shape[1] == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_plain_whole_numbers_take_every_value_of_a_short_range_and_both_ends_of_a_long_one(seed):
    short = [case.values["k"] for case in cases(seed, {"k": ""}, {"k": (1, 6)})]
    assert set(short) == {1, 2, 3, 4, 5, 6}
    long = [case.values["k"] for case in cases(seed, {"k": ""}, {"k": (-50, 50)})]
    assert {-50, 50} < set(long)
    assert {type(value) for value in short + long} == {int}


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_come_in_both_types_with_both_precisions(seed):
    made = cases(seed, {"y": "n"}, {"y": "binary"})
    kinds = {(case.arguments["y"].dtype, case.dtype) for case in made}
    assert kinds == {(labels, dtype) for dtype in EPSILON for labels in ("int64", dtype)}


@pytest.mark.parametrize("seed", SEEDS)
def test_large_numbers_go_beyond_what_exp_can_take_in_float32(seed):
    for case in cases(seed, {"x": "n m"}, {"x": "large"})[1:]:
        assert np.max(case.values["x"]) >= 100
        assert np.min(case.values["x"]) <= -100


def test_ranges_of_tensors():
    rng = np.random.default_rng(0)
    made = Drawing(rng, {"a": "n", "b": "n"}, {"a": (0.5, 0.75), "b": (3, 4)}, {}).case(1)
    assert np.all((made.values["a"] >= 0.5) & (made.values["a"] <= 0.75))
    assert set(made.values["b"]) <= {3, 4}
    assert [one.dtype for one in made.arguments.values()] == ["float64", "int64"]


def test_sizes_are_told_and_numbers_are_not():
    (case, *_) = cases(0, {"x": "n", "k": "", "eta": ""}, {"k": (4, 4), "eta": (0.1, 0.2)})
    assert str(case) == "x (1,), k 4, float32"


@pytest.mark.parametrize("how", DRAWS)
def test_every_draw_fills_its_shape(how):
    rng = np.random.default_rng(0)
    for shape in ([], [1], [3, 2]):
        assert np.shape(DRAWS[how](rng, shape)) == tuple(shape)


def test_an_amplified_error_is_allowed_where_it_is_amplified():
    (case, *_) = cases(0, {"x": "n"}, {"x": (1.0, 2.0)}, {"n": (2, 2)})
    result = lambda x: np.array([x[0], 1000 * np.sin(1000 * x[1])])  # noqa: E731
    expected = expected_results(lambda x: (result(x)[:1], result(x)), case)
    plain, amplified = expected.allowances
    assert amplified[1] > 500 * plain[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_well_conditioned_cases_are_preferred(seed):
    """Two rows that nearly agree are standardised with a great loss of digits."""

    def standardised(x):
        return (x - x.mean(0)) / x.std(0)

    rng = np.random.default_rng(seed)
    drawing = Drawing(rng, {"x": "rows cols"}, {}, {"rows": (2, 3), "cols": (1, 1)})
    for number in range(CASES):
        assert well_posed(drawing, number, standardised)[1].condition <= WELL_CONDITIONED


def test_at_a_corner_every_slope_between_both_sides_is_allowed():
    (case, *_) = cases(0, {"x": "n"}, {"x": (0.0, 0.0)}, {"n": (2, 2)})
    (gradient, corner) = expected_gradients(lambda x: np.maximum(x, 0), case, np.ones(2))["x"]
    assert np.allclose(gradient, 0.5)
    assert np.allclose(corner, 1.0)


def test_a_reference_that_works_in_place_does_not_spoil_the_case():
    def reference(x):
        x *= 2
        return x

    (case, *_) = cases(0, {"x": "n"})
    before = case.values["x"].copy()
    expected = expected_results(reference, case)
    assert np.array_equal(case.values["x"], before)
    assert np.array_equal(expected.parts[0], 2 * before)
