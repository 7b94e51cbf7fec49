"""Starts with the squared errors of the samples, each divided by N as in the loss, instead of with
their derivative."""

# base: solution
# loses: backward
# misconception: loss-for-its-gradient

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    loss = (y_pred - y) ** 2 / len(y)
    deltas = loss.unsqueeze(-1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in reversed(range(len(self.layers))):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
