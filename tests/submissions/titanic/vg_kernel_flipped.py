"""Had a signals course and writes the true convolution, with the kernel turned round."""

# base: solution
# notebook: vanishing_gradients
# loses: conv2d
# misconception: kernel-flipped

# %% conv2d
def conv2d(image, kernel, padding=0):
    kernel = torch.flip(kernel, dims=(0, 1))
    padded = nn.functional.pad(image, (padding,) * 4)
    k, l = kernel.shape
    rows = [
        [(padded[i : i + k, j : j + l] * kernel).sum() for j in range(padded.shape[1] - l + 1)]
        for i in range(padded.shape[0] - k + 1)
    ]
    return torch.stack([torch.stack(row) for row in rows])
