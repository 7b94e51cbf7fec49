"""Keeps the loss gradient and the output delta in two variables, uses the second for the output layer's
gradients and sends the first back."""

# base: solution
# loses: backward
# misconception: loss-gradient-sent-back

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    *hidden, out = self.layers

    signal = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    out_delta = signal * out.act.get_gradient(out.last_zin)
    out.set_weight_gradient(out.last_input.T @ out_delta)
    out.set_bias_gradient(out_delta.sum(dim=0))

    above = out
    for layer in reversed(hidden):
        signal = signal @ above.get_weight().T * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ signal)
        layer.set_bias_gradient(signal.sum(dim=0))
        above = layer
