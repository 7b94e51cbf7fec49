"""Scales each weight gradient to length one and takes the last row of the deltas for the biases."""

# base: solution
# loses: backward
# misconception: bias-gradient-of-one-sample+gradient-normalised

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in self.layers[::-1]:
        grad = grad * layer.act.get_gradient(layer.last_zin)
        w = layer.last_input.T @ grad
        layer.set_weight_gradient(w / w.norm())
        layer.set_bias_gradient(grad[-1])
        grad = grad @ layer.get_weight().T
