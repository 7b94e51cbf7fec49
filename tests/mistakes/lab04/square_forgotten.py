"""Knows that the derivative of tanh can be had from its output, and forgot the square: 1 - h."""

# base: solution
# loses: backward
# misconception: tanh-derivative-not-squared

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    hs = [x] + [layer.last_zout for layer in self.layers]
    d = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * hs[-1] * (1 - hs[-1])
    for l in range(len(self.layers) - 1, -1, -1):
        self.layers[l].set_weight_gradient(hs[l].T @ d)
        self.layers[l].set_bias_gradient(d.sum(0))
        # d tanh = 1 - h
        d = d @ self.layers[l].get_weight().T * (1 - hs[l])
