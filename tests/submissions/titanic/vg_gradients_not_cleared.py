"""Computes the gradients without clearing those of the call before: they add up."""

# base: solution
# notebook: vanishing_gradients
# loses: gradient_magnitudes
# misconception: gradients-not-cleared

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    loss = nn.functional.binary_cross_entropy(model(x), y)
    loss.backward()
    return [m.weight.grad.abs().mean().item() for m in model.modules() if isinstance(m, nn.Linear)]
