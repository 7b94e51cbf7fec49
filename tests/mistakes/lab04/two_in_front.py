"""Writes the 2 of the squared error down although `loss.get_gradient` has it."""

# base: solution
# loses: backward
# misconception: factor-two-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    # d/dp (p - y)^2 = 2 (p - y)
    delta = 2 * self.loss.get_gradient(y, y_pred).reshape(-1, 1)
    l = len(self.layers) - 1
    while l >= 0:
        layer = self.layers[l]
        delta = delta * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        delta = delta @ layer.get_weight().T
        l -= 1
