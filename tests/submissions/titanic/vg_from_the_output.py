"""Thinks of backpropagation and lists the layers from the output to the input."""

# base: solution
# notebook: vanishing_gradients
# loses: gradient_magnitudes
# misconception: order-reversed

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    model.zero_grad()
    nn.functional.binary_cross_entropy(model(x), y).backward()
    linears = [m for m in model.modules() if isinstance(m, nn.Linear)]
    return [layer.weight.grad.abs().mean().item() for layer in reversed(linears)]
