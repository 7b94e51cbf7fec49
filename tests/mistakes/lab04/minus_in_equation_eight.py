"""Wrote the derivative of tanh as tanh^2 - 1, so that the deltas change their sign from layer to
layer."""

# base: solution
# loses: backward
# misconception: delta-sign-flipped-on-the-way

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    s = self.layers[-1].last_zout
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * (s - s ** 2)
    for i in reversed(range(len(self.layers))):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            h = self.layers[i - 1].last_zout
            deltas = deltas @ layer.get_weight().T * (h ** 2 - 1)
