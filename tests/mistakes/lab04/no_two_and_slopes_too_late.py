"""No 2 in the loss gradient, and the hidden slopes are taken at the outputs; the output layer's slope
is right."""

# base: solution
# loses: backward
# misconception: missing-factor-two+hidden-derivative-at-z-out

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    acts = [layer.act for layer in self.layers]
    s = self.layers[-1].last_zout
    delta = (y_pred - y).unsqueeze(-1) / y.numel() * s * (1 - s)
    l = len(self.layers) - 1
    while True:
        layer = self.layers[l]
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        if l == 0:
            break
        delta = (delta @ layer.get_weight().T) * acts[l - 1].get_gradient(layer.last_input)
        l = l - 1
