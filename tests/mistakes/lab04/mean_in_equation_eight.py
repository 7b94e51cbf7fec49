"""Divides by N in equation (8), each time the deltas go back by one layer."""

# base: solution
# loses: backward
# misconception: batch-mean-at-every-layer

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    N = len(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T / N * prev.act.get_gradient(prev.last_zin)
