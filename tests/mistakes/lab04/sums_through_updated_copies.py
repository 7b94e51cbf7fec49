"""Uses 2(p-y) without the mean, and sends the deltas back through weights from which the gradient is
already subtracted."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+delta-through-updated-weights

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    delta = (2 * (y_pred - y)).unsqueeze(-1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for l in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[l]
        grad = layer.last_input.T @ delta
        layer.set_weight_gradient(grad)
        layer.set_bias_gradient(delta.sum(dim=0))
        if l > 0:
            W = layer.get_weight() - grad
            delta = delta @ W.T * self.layers[l - 1].act.get_gradient(self.layers[l - 1].last_zin)
