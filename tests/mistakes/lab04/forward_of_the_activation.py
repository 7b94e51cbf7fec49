"""Called `act.forward` in place of `act.get_gradient`, in all layers."""

# base: solution
# loses: backward
# misconception: activation-for-derivative

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    i = len(self.layers)
    while i > 0:
        i = i - 1
        layer = self.layers[i]
        sigma = layer.act.forward(layer.last_zin)
        delta = grad * sigma
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        grad = delta @ layer.get_weight().T
