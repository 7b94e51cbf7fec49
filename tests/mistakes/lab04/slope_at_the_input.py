"""Has no variable for the previous layer, and takes the slope at this layer's `last_input`, which is
the previous layer's output."""

# base: solution
# loses: backward
# misconception: hidden-derivative-at-z-out

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    tanh = TanH()
    out = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * out.act.get_gradient(out.last_zin)
    for layer in reversed(self.layers):
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T * tanh.get_gradient(layer.last_input)
