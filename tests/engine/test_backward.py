"""Lab 4's recursion against two oracles, and what happens when one of its steps is replaced."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from deltarule.engine import (
    SIGMOID,
    STEPS,
    TANH,
    BackwardContext,
    BackwardSteps,
    backward,
    forward,
    input_gradient,
    loss,
    numerical,
)

from .oracles import (
    EPS,
    Case,
    cases,
    largest_difference,
    random_case,
    repeatable,
    round_off,
    torch_gradients,
    truncation,
)


def gradients_of(case, steps=STEPS):
    return backward(case.network, forward(case.network, case.x), case.y, steps)


@given(cases())
@repeatable
def test_gradients_agree_with_autograd_to_round_off(case):
    got = gradients_of(case)
    _, expected = torch_gradients(case)
    assert largest_difference(got, expected) <= round_off(case, expected)


@given(cases())
@repeatable
def test_loss_agrees_with_torch_to_round_off(case):
    value, gradients = torch_gradients(case)
    assert abs(loss(case.network, case.x, case.y) - value) <= round_off(case, gradients) * max(
        1.0, value
    )


@given(cases())
@repeatable
def test_gradients_agree_with_central_differences(case):
    got = gradients_of(case)
    expected = numerical.network_gradients(case.network, case.x, case.y)
    value = loss(case.network, case.x, case.y)
    assert largest_difference(got, expected) <= truncation(value, expected)


@given(cases())
@repeatable
def test_input_gradient_agrees_with_central_differences(case):
    gradients = gradients_of(case)
    expected = numerical.gradient(
        lambda x: loss(case.network, x, case.y),
        case.x,
        piece=lambda x: numerical.relu_pattern(case.network, forward(case.network, x)),
    )
    got = input_gradient(case.network, gradients)
    assert np.max(np.abs(got - expected)) <= truncation(
        loss(case.network, case.x, case.y), gradients
    )


@given(cases())
@repeatable
def test_batch_gradient_is_the_mean_over_its_samples(case):
    batch = gradients_of(case)
    alone = [
        gradients_of(Case(case.network, case.x[i : i + 1], case.y[i : i + 1]))
        for i in range(len(case.x))
    ]
    for layer, weight in enumerate(batch.weight):
        mean = np.mean([one.weight[layer] for one in alone], axis=0)
        assert np.max(np.abs(weight - mean)) <= round_off(case, batch)


def test_one_sample_follows_equations_1_to_4():
    case = random_case(4, (2, 3, 1), samples=1, hidden="tanh", output="sigmoid", loss="mse")
    first, last = case.network.layers
    x, y = case.x[0], case.y[0]
    a = x @ first.weight + first.bias
    h = np.tanh(a)
    p = SIGMOID.value(h @ last.weight + last.bias)
    delta_2 = 2 * (p - y) * p * (1 - p)
    delta_1 = (last.weight @ delta_2) * (1 - h**2)
    got = gradients_of(case)
    for found, expected in [
        (got.delta[1][0], delta_2),
        (got.delta[0][0], delta_1),
        (got.weight[1], np.outer(h, delta_2)),
        (got.weight[0], np.outer(x, delta_1)),
        (got.bias[1], delta_2),
        (got.bias[0], delta_1),
    ]:
        np.testing.assert_allclose(found, expected, rtol=0, atol=round_off(case, got))


def test_gradients_by_parameter_alternate_weight_and_bias():
    case = random_case(0, (2, 3, 1), 4, "tanh", "sigmoid", "mse")
    got = gradients_of(case)
    by_parameter = got.by_parameter()
    assert by_parameter == (got.weight[0], got.bias[0], got.weight[1], got.bias[1])


def test_saturated_network_has_finite_gradients_without_a_warning():
    case = random_case(1, (3, 4, 2), 5, "sigmoid", "sigmoid", "bce")
    huge = Case(case.network, case.x * 1e6, case.y)
    last = replace(case.network.layers[-1], weight=case.network.layers[-1].weight * 1e6)
    huge = replace(huge, network=replace(case.network, layers=(case.network.layers[0], last)))
    assert all(np.isfinite(array).all() for array in gradients_of(huge).by_parameter())


def test_unequal_shapes_of_targets_and_predictions_are_refused():
    case = random_case(1, (3, 4, 1), 5, "tanh", "sigmoid", "mse")
    with pytest.raises(ValueError, match=r"\(5,\).*\(5, 1\)"):
        backward(case.network, forward(case.network, case.x), case.y[:, 0])


# Replacing one step: what the bank of misconceptions will do. All layers are equally wide, so that
# the transposed and shifted ones keep the shapes and only the numbers can give them away.


def without_mean(context: BackwardContext):
    return STEPS.loss_gradient(context) * len(context.y)


def without_factor_two(context: BackwardContext):
    return STEPS.loss_gradient(context) / 2


def wrong_sign(context: BackwardContext):
    return -STEPS.loss_gradient(context)


def output_without_derivative(context: BackwardContext):
    return context.steps.loss_gradient(context)


def output_derivative_at_z_out(context: BackwardContext):
    activation = context.network.layers[-1].activation
    return activation.pullback(context.trace.y_hat, context.steps.loss_gradient(context))


def z_prev_off_by_one(context: BackwardContext):
    return context.trace.z_out[context.layer].T @ context.delta


def transposed_gradient(context: BackwardContext):
    return STEPS.weight_gradient(context).T


def last_layer_only(context: BackwardContext):
    return STEPS.weight_gradient(context) * (1.0 if context.is_last else 0.0)


def mean_over_batch(context: BackwardContext):
    return np.mean(context.delta, axis=0)


def not_summed(context: BackwardContext):
    return context.delta


def transposed_weight(context: BackwardContext):
    activation = context.network.layers[context.layer - 1].activation
    upstream = context.delta @ context.network.layers[context.layer].weight
    return activation.pullback(context.trace.z_in[context.layer - 1], upstream)


def derivative_at_z_out(context: BackwardContext):
    upstream = context.delta @ context.network.layers[context.layer].weight.T
    return TANH.pullback(context.trace.z_prev(context.layer), upstream)


def no_derivative_at_layer_1(context: BackwardContext):
    if context.layer != 1:
        return STEPS.previous_delta(context)
    return context.delta @ context.network.layers[1].weight.T


def through_updated_weight(context: BackwardContext):
    learning_rate = 0.1
    layer = context.network.layers[context.layer]
    updated = layer.weight - learning_rate * context.steps.weight_gradient(context)
    upstream = context.delta @ updated.T
    return TANH.pullback(context.trace.z_in[context.layer - 1], upstream)


WRONG_STEPS = [
    ("loss_gradient", without_mean),
    ("loss_gradient", without_factor_two),
    ("loss_gradient", wrong_sign),
    ("output_delta", output_without_derivative),
    ("output_delta", output_derivative_at_z_out),
    ("weight_gradient", z_prev_off_by_one),
    ("weight_gradient", transposed_gradient),
    ("weight_gradient", last_layer_only),
    ("bias_gradient", mean_over_batch),
    ("bias_gradient", not_summed),
    ("previous_delta", transposed_weight),
    ("previous_delta", derivative_at_z_out),
    ("previous_delta", no_derivative_at_layer_1),
    ("previous_delta", through_updated_weight),
]


@pytest.fixture(scope="module")
def square_case():
    return random_case(7, (3, 3, 3, 3), samples=5, hidden="tanh", output="sigmoid", loss="mse")


@pytest.mark.parametrize(("field", "wrong"), WRONG_STEPS)
def test_both_oracles_detect_one_wrong_step(square_case, field, wrong):
    mistaken = gradients_of(square_case, replace(STEPS, **{field: wrong}))
    _, by_autograd = torch_gradients(square_case)
    by_differences = numerical.network_gradients(square_case.network, square_case.x, square_case.y)
    plain_to_see = 1e-4  # four digits above the coarser oracle's tolerance
    assert truncation(1.0, by_autograd) < plain_to_see
    assert largest_difference(mistaken, by_autograd) > plain_to_see
    assert largest_difference(mistaken, by_differences) > plain_to_see


@pytest.mark.parametrize(("field", "wrong"), WRONG_STEPS)
def test_wrong_steps_differ_from_one_another(square_case, field, wrong):
    mistaken = gradients_of(square_case, replace(STEPS, **{field: wrong}))
    others = [pair for pair in WRONG_STEPS if pair != (field, wrong)]
    for other_field, other in others:
        rival = gradients_of(square_case, replace(STEPS, **{other_field: other}))
        assert largest_difference(mistaken, rival) > 1e-6


def test_replaced_bias_step_leaves_weights_and_deltas_untouched(square_case):
    right = gradients_of(square_case)
    mistaken = gradients_of(square_case, replace(STEPS, bias_gradient=mean_over_batch))
    assert all(map(np.array_equal, mistaken.weight, right.weight))
    assert all(map(np.array_equal, mistaken.delta, right.delta))
    for got, expected in zip(mistaken.bias, right.bias, strict=True):
        np.testing.assert_allclose(got * 5, expected, rtol=10 * EPS)


def test_forgotten_mean_makes_every_gradient_n_times_too_large(square_case):
    right = gradients_of(square_case)
    mistaken = gradients_of(square_case, replace(STEPS, loss_gradient=without_mean))
    for got, expected in zip(mistaken.by_parameter(), right.by_parameter(), strict=True):
        np.testing.assert_allclose(got, expected * 5, rtol=100 * EPS)


def test_missing_derivative_at_one_layer_leaves_the_layers_above_right(square_case):
    right = gradients_of(square_case)
    mistaken = gradients_of(square_case, replace(STEPS, previous_delta=no_derivative_at_layer_1))
    assert all(map(np.array_equal, mistaken.delta[1:], right.delta[1:]))
    assert not np.allclose(mistaken.delta[0], right.delta[0])


def test_unsummed_bias_keeps_the_batch_axis(square_case):
    mistaken = gradients_of(square_case, replace(STEPS, bias_gradient=not_summed))
    assert [bias.shape for bias in mistaken.bias] == [(5, 3)] * 3


def test_two_replaced_steps_combine(square_case):
    both = replace(STEPS, loss_gradient=without_mean, bias_gradient=mean_over_batch)
    right = gradients_of(square_case)
    mistaken = gradients_of(square_case, both)
    for got, expected in zip(mistaken.bias, right.bias, strict=True):
        np.testing.assert_allclose(got, expected, rtol=100 * EPS)
    for got, expected in zip(mistaken.weight, right.weight, strict=True):
        np.testing.assert_allclose(got, expected * 5, rtol=100 * EPS)


def test_steps_run_from_the_last_layer_to_the_first(square_case):
    calls = []

    def noting(name):
        def step(context):
            calls.append((name, context.layer, len(context.deltas)))
            return getattr(STEPS, name)(context)

        return step

    names = BackwardSteps.__dataclass_fields__
    gradients_of(square_case, BackwardSteps(**{name: noting(name) for name in names}))
    assert calls == [
        ("output_delta", 2, 0),
        ("loss_gradient", 2, 0),
        ("weight_gradient", 2, 1),
        ("bias_gradient", 2, 1),
        ("previous_delta", 2, 1),
        ("weight_gradient", 1, 2),
        ("bias_gradient", 1, 2),
        ("previous_delta", 1, 2),
        ("weight_gradient", 0, 3),
        ("bias_gradient", 0, 3),
    ]


def test_relu_at_exactly_zero_agrees_with_autograd():
    case = random_case(3, (2, 4, 1), 5, "relu", "sigmoid", "mse")
    at_zero = replace(case.network.layers[0], bias=np.zeros(4))
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]])
    case = Case(replace(case.network, layers=(at_zero, case.network.layers[1])), x, case.y)
    _, expected = torch_gradients(case)
    assert (forward(case.network, x).z_in[0][0] == 0).all()
    assert largest_difference(gradients_of(case), expected) <= round_off(case, expected)
