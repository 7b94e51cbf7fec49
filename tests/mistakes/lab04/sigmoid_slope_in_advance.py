"""Puts the slope of the sigmoid into the loss gradient in advance, but the loop starts with the output
layer and multiplies by it, too."""

# base: solution
# loses: backward
# misconception: output-derivative-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    signal = 2 * (y_pred - y) / len(y) * y_pred * (1 - y_pred)
    signal = signal.unsqueeze(-1)
    for layer in reversed(self.layers):
        signal = signal * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ signal)
        layer.set_bias_gradient(signal.sum(dim=0))
        signal = signal @ layer.get_weight().T
