"""Networks: the forward pass, their shapes, and what is refused."""

import numpy as np
import pytest

from deltarule.engine import (
    IDENTITY,
    MSE,
    RELU,
    SIGMOID,
    TANH,
    Layer,
    Network,
    forward,
    loss,
    parameters,
    random_network,
    with_parameters,
)


@pytest.fixture
def network():
    return random_network(np.random.default_rng(0), (2, 5, 3, 1), TANH, SIGMOID, MSE)


def test_forward_pass_by_hand():
    first = Layer(np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([0.0, 1.0]), RELU)
    last = Layer(np.array([[3.0], [-2.0]]), np.array([0.25]), IDENTITY)
    trace = forward(Network((first, last), MSE), np.array([[1.0, 1.0], [-1.0, 0.0]]))
    np.testing.assert_array_equal(trace.z_in[0], [[3.0, 0.5], [-1.0, 2.0]])
    np.testing.assert_array_equal(trace.z_out[0], [[3.0, 0.5], [0.0, 2.0]])
    np.testing.assert_array_equal(trace.z_in[1], [[8.25], [-3.75]])
    np.testing.assert_array_equal(trace.y_hat, [[8.25], [-3.75]])


def test_trace_keeps_what_entered_each_layer(network):
    x = np.ones((4, 2))
    trace = forward(network, x)
    assert trace.z_prev(0) is x
    assert trace.z_prev(1) is trace.z_out[0]
    assert [z.shape for z in trace.z_in] == [(4, 5), (4, 3), (4, 1)]


def test_sizes_are_inputs_then_units(network):
    assert network.sizes == (2, 5, 3, 1)


def test_random_network_has_hidden_and_output_activation(network):
    assert [layer.activation for layer in network.layers] == [TANH, TANH, SIGMOID]
    assert all((array != 0).all() for array in parameters(network))


def test_random_network_scales_its_parameters():
    small, large = (
        random_network(np.random.default_rng(0), (2, 3), TANH, SIGMOID, MSE, scale)
        for scale in (0.5, 2.0)
    )
    for a, b in zip(parameters(small), parameters(large), strict=True):
        np.testing.assert_array_equal(4 * a, b)


def test_same_seed_same_network(network):
    again = random_network(np.random.default_rng(0), (2, 5, 3, 1), TANH, SIGMOID, MSE)
    assert all(map(np.array_equal, parameters(network), parameters(again)))


def test_parameters_alternate_and_can_be_put_back(network):
    values = parameters(network)
    assert [value.shape for value in values] == [(2, 5), (5,), (5, 3), (3,), (3, 1), (1,)]
    doubled = with_parameters(network, tuple(2 * value for value in values))
    for new, old in zip(parameters(doubled), values, strict=True):
        np.testing.assert_array_equal(new, 2 * old)


def test_parameters_of_other_shapes_are_refused(network):
    with pytest.raises(ValueError, match="shapes"):
        with_parameters(network, parameters(network)[:-1])


def test_targets_without_output_axis_are_refused(network):
    with pytest.raises(ValueError, match=r"\(4,\).*\(4, 1\)"):
        loss(network, np.ones((4, 2)), np.ones(4))


@pytest.mark.parametrize("shape", [(2,), (4, 3), (1, 4, 2)])
def test_batch_of_another_shape_is_refused(network, shape):
    with pytest.raises(ValueError, match=r"\(samples, 2\)"):
        forward(network, np.ones(shape))


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_batch_of_another_dtype_is_refused(network, dtype):
    with pytest.raises(TypeError, match=r"x must be a float64 array, got (float32|int64)"):
        forward(network, np.ones((4, 2), dtype))


def test_list_is_refused_as_batch(network):
    with pytest.raises(TypeError, match="got list"):
        forward(network, [[0.0, 0.0]])


def test_float32_weights_are_refused():
    with pytest.raises(TypeError, match="weight must be a float64 array"):
        Layer(np.ones((2, 3), np.float32), np.ones(3), TANH)


@pytest.mark.parametrize("bias", [np.ones(2), np.ones((1, 3)), np.ones(())])
def test_bias_that_does_not_fit_is_refused(bias):
    with pytest.raises(ValueError, match="bias of shape"):
        Layer(np.ones((2, 3)), bias, TANH)


def test_layers_that_do_not_fit_are_refused():
    layers = (
        Layer(np.ones((2, 3)), np.ones(3), TANH),
        Layer(np.ones((2, 1)), np.ones(1), TANH),
    )
    with pytest.raises(ValueError, match="layers 0 and 1"):
        Network(layers, MSE)


def test_network_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        Network((), MSE)


def test_random_network_without_outputs_is_refused():
    with pytest.raises(ValueError, match="sizes"):
        random_network(np.random.default_rng(0), (2,), TANH, SIGMOID, MSE)
