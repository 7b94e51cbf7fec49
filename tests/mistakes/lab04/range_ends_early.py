"""The range of the loop stops at layer 1, so layer 0 keeps the zeros that were there to begin with."""

# base: solution
# loses: backward
# misconception: first-layer-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    for layer in self.layers:
        layer.linear.weight_grad = layer.get_weight() * 0
        layer.linear.bias_grad = layer.get_bias() * 0
    delta = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for l in range(len(self.layers) - 1, 0, -1):
        layer = self.layers[l]
        delta = delta * layer.act.get_gradient(layer.last_zin)
        layer.linear.weight_grad += layer.last_input.T @ delta
        layer.linear.bias_grad += delta.sum(dim=0)
        delta = delta @ layer.get_weight().T
