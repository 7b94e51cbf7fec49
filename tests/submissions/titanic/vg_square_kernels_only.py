"""Uses the number of rows of the kernel in both directions."""

# base: solution
# notebook: vanishing_gradients
# loses: conv2d

# %% conv2d
def conv2d(image, kernel, padding=0):
    h, w = image.shape
    k = kernel.shape[0]
    padded = image.new_zeros(h + 2 * padding, w + 2 * padding)
    padded[padding : padding + h, padding : padding + w] = image
    result = image.new_zeros(h + 2 * padding - k + 1, w + 2 * padding - k + 1)
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            result[i, j] = (padded[i : i + k, j : j + k] * kernel).sum()
    return result
