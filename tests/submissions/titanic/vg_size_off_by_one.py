"""Counts the steps of the window and forgets the position that it starts from."""

# base: solution
# notebook: vanishing_gradients
# loses: conv_output_size, conv_shapes

# %% conv_output_size
def conv_output_size(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride
