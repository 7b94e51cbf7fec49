"""Sends the deltas back through the weights, but forgets to multiply by the derivative of tanh
at the hidden layers. The output layer is right."""

# base: solution
# loses: backward
# misconception: hidden-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    out_layer = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * out_layer.act.get_gradient(out_layer.last_zin)

    # go through the layers backwards
    for layer in reversed(self.layers):
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T
