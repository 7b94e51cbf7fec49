"""Asks autograd for the gradients directly, so that nothing is stored and nothing needs clearing."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    weights = [part.weight for part in model.modules() if isinstance(part, nn.Linear)]
    p = model(x)
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    return [float(gradient.abs().mean()) for gradient in torch.autograd.grad(loss, weights)]

# %% conv_output_size
def conv_output_size(size, kernel, stride=1, padding=0):
    return int((size - kernel + 2 * padding) / stride + 1)
