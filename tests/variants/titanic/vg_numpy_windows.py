"""Does the sliding in NumPy and comes back to PyTorch; gradients are set to None by hand."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    for parameter in model.parameters():
        parameter.grad = None
    nn.BCELoss(reduction="mean")(model(x), y).backward()
    found = []
    for _, module in model.named_modules():
        if module.__class__.__name__ == "Linear":
            found.append(module.weight.grad.abs().mean().detach().tolist())
    model.zero_grad()
    return found

# %% conv2d
def conv2d(image, kernel, padding=0):
    import numpy as np

    framed = np.pad(image.detach().numpy(), padding)
    windows = np.lib.stride_tricks.sliding_window_view(framed, tuple(kernel.shape))
    return torch.from_numpy((windows * kernel.detach().numpy()).sum(axis=(2, 3)))

# %% conv_output_size
def conv_output_size(size, kernel, stride=1, padding=0):
    return -(-(size + 2 * padding - kernel + 1) // stride)
