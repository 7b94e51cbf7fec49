"""Multiplies hidden deltas by the layer's output instead of its slope, and averages for the biases."""

# base: solution
# loses: backward
# misconception: hidden-activation-for-derivative+bias-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    last = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * last.act.get_gradient(last.last_zin)
    for layer in reversed(self.layers):
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.mean(dim=0))
        deltas = deltas @ layer.get_weight().T * layer.last_input
