"""Takes the mean first and its absolute value afterwards, so that signs cancel."""

# base: solution
# notebook: vanishing_gradients
# loses: gradient_magnitudes
# misconception: absolute-value-after-mean

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    model.zero_grad()
    nn.functional.binary_cross_entropy(model(x), y).backward()
    return [m.weight.grad.mean().abs().item() for m in model.modules() if isinstance(m, nn.Linear)]
