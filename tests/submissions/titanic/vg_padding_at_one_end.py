"""The frame stands above and to the left only; the size of the result is right."""

# base: solution
# notebook: vanishing_gradients
# loses: conv2d

# %% conv2d
def conv2d(image, kernel, padding=0):
    h, w = image.shape
    k, l = kernel.shape
    padded = image.new_zeros(h + 2 * padding, w + 2 * padding)
    padded[2 * padding :, 2 * padding :] = image
    result = image.new_zeros(h + 2 * padding - k + 1, w + 2 * padding - l + 1)
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            result[i, j] = (padded[i : i + k, j : j + l] * kernel).sum()
    return result
