"""The slope of the sigmoid is in twice, and the deltas are only summed on the way back, not weighted."""

# base: solution
# loses: backward
# misconception: output-derivative-twice+weights-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    p = y_pred.unsqueeze(-1)
    delta = self.loss.get_gradient(y.unsqueeze(-1), p) * p * (1 - p)
    for layer in reversed(self.layers):
        delta = delta * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        # one column per unit of the layer before
        delta = delta.sum(dim=1, keepdim=True).repeat(1, layer.get_weight().shape[0])
