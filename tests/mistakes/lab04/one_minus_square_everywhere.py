"""Applies 1 - z^2 to the outputs of all layers and forgot that the last one is a sigmoid."""

# base: solution
# loses: backward
# misconception: output-derivative-of-tanh

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    upstream = (2 * (y_pred - y) / len(y)).unsqueeze(-1)
    for layer in reversed(self.layers):
        delta = upstream * (1 - layer.last_zout ** 2)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        upstream = torch.mm(delta, layer.get_weight().T)
