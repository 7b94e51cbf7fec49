"""Uses 2(p-y) without the mean for the output layer, and leaves zeros in all the others."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+last-layer-only

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    for layer in self.layers[:-1]:
        layer.set_weight_gradient(layer.get_weight() * 0)
        layer.set_bias_gradient(layer.get_bias() * 0)
    last = self.layers[-1]
    delta = 2 * (y_pred - y).unsqueeze(-1) * last.act.get_gradient(last.last_zin)
    last.set_weight_gradient(last.last_input.T @ delta)
    last.set_bias_gradient(delta.sum(dim=0))
