"""Wrote the error as target minus prediction and forgot that the inner derivative is then -1."""

# base: solution
# loses: backward
# misconception: sign-flipped

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def back(index, upstream):
        layer = self.layers[index]
        delta = upstream * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        if index > 0:
            back(index - 1, delta @ layer.get_weight().T)

    error = y - y_pred
    back(len(self.layers) - 1, 2 * error[:, None] / error.numel())
