"""Adds the padding at one end only."""

# base: solution
# notebook: vanishing_gradients
# loses: conv_output_size, conv_shapes

# %% conv_output_size
def conv_output_size(size, kernel, stride=1, padding=0):
    return (size + padding - kernel) // stride + 1
