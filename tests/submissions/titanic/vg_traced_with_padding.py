"""Believes that every convolution keeps the size, and counts the kernels without input channels."""

# base: solution
# notebook: vanishing_gradients
# loses: traced_shapes, parameter_counts

# %% traced_shapes
def traced_shapes(samples):
    return {
        "input": (samples, 1, 8, 8),
        "conv1": (samples, 8, 8, 8),
        "pool": (samples, 8, 4, 4),
        "conv2": (samples, 16, 4, 4),
        "flatten": (samples, 256),
        "linear": (samples, 10),
    }

# %% parameter_counts
def parameter_counts(first, second):
    return {
        "conv1": first * 9 + first,
        "pool": 0,
        "conv2": second * 9 + second,
        "flatten": 0,
        "linear": 64 * 10 + 10,
    }
