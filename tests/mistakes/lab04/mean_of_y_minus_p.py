"""Has (y - p)/N as the derivative of the loss: no 2, and the wrong way round."""

# base: solution
# loses: backward
# misconception: missing-factor-two+sign-flipped

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    out = self.layers[-1]
    deltas = ((y - y_pred) / len(y))[:, None] * out.act.get_gradient(out.last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
