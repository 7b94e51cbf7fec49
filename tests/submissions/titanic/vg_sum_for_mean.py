"""Adds the absolute gradients up where their mean was asked for."""

# base: solution
# notebook: vanishing_gradients
# loses: gradient_magnitudes
# misconception: sum-for-mean

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    model.zero_grad()
    nn.functional.binary_cross_entropy(model(x), y).backward()
    return [m.weight.grad.abs().sum().item() for m in model.modules() if isinstance(m, nn.Linear)]
