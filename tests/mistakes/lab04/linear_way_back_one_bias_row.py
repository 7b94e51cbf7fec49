"""No slope in the hidden layers, and the bias gradient is the first row of the deltas."""

# base: solution
# loses: backward
# misconception: hidden-derivative-missing+bias-gradient-of-one-sample

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    out = self.layers[-1]
    D = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * out.act.get_gradient(out.last_zin)
    for layer in reversed(self.layers):
        layer.set_weight_gradient(layer.last_input.T @ D)
        layer.set_bias_gradient(D[0, :])
        D = D @ layer.get_weight().T
