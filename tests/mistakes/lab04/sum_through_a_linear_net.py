"""2(p-y) for every sample, then only matrix products: no mean and no slopes."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    delta = 2 * (y_pred - y)[:, None]
    for layer in self.layers[::-1]:
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        delta = delta @ layer.get_weight().T
