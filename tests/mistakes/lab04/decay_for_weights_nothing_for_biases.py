"""Adds the weights to their gradients, as for a penalty of half the squared weights, and has no
gradient for the biases."""

# base: solution
# loses: backward
# misconception: bias-gradient-forgotten+weight-decay-added

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    delta = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in reversed(self.layers):
        W = layer.get_weight()
        delta = delta * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(W + layer.last_input.T @ delta)
        layer.set_bias_gradient(torch.zeros_like(layer.get_bias()))
        delta = delta @ W.T
