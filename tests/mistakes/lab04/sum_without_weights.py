"""Sums the deltas of the next layer for every unit, without the weights of equation (4)."""

# base: solution
# loses: backward
# misconception: weights-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in reversed(self.layers):
        slope = layer.act.get_gradient(layer.last_zin)
        deltas = deltas.sum(dim=1, keepdim=True) * slope
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
