"""Forgets the stride of convolutions, and of pooling, too: divides by the window."""

# base: solution
# notebook: vanishing_gradients
# loses: conv_shapes

# %% conv_shapes
def conv_shapes(shape, layers):
    shapes = []
    for layer in layers:
        if layer[0] == "conv":
            c, k, stride, p = layer[1:]
            shape = (c, shape[1] + 2 * p - k + 1, shape[2] + 2 * p - k + 1)
        elif layer[0] == "pool":
            shape = (shape[0], shape[1] // layer[1], shape[2] // layer[1])
        elif layer[0] == "flatten":
            shape = (math.prod(shape),)
        elif layer[0] == "linear":
            shape = (layer[1],)
        shapes.append(shape)
    return shapes
