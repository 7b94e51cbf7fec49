"""Takes weight and bias of a layer together, although only the weight was asked for."""

# base: solution
# notebook: vanishing_gradients
# loses: gradient_magnitudes
# misconception: biases-included

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    model.zero_grad()
    nn.functional.binary_cross_entropy(model(x), y).backward()
    magnitudes = []
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            both = torch.cat([layer.weight.grad.flatten(), layer.bias.grad])
            magnitudes.append(both.abs().mean().item())
    return magnitudes
