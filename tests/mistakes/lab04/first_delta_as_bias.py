"""Got rid of the superfluous axis of the bias gradient by taking its first row."""

# base: solution
# loses: backward
# misconception: bias-gradient-of-one-sample

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in reversed(self.layers):
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas[0])
        deltas = deltas @ layer.get_weight().T
