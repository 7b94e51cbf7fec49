"""Makes the result with `torch.zeros`, which has single precision whatever the image has."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% conv2d
def conv2d(image, kernel, padding=0):
    h, w = image.shape
    k, l = kernel.shape
    padded = torch.zeros(h + 2 * padding, w + 2 * padding)
    padded[padding : padding + h, padding : padding + w] = image
    result = torch.zeros(h + 2 * padding - k + 1, w + 2 * padding - l + 1)
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            result[i, j] = (padded[i : i + k, j : j + l] * kernel).sum()
    return result
