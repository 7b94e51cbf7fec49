"""Took 2(p-y) for the batch, and then averaged the deltas for the biases only: these came out right,
the weights did not."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+bias-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = 2 * (y_pred - y).unsqueeze(-1)
    for layer in self.layers[::-1]:
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.mean(dim=0))
        deltas = deltas @ layer.get_weight().T
