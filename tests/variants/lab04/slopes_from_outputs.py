"""Saw that both derivatives can be had from the cached outputs, and never calls get_gradient of an
activation: s(1-s) for the sigmoid, 1-z^2 for tanh."""

# base: solution
# loses: none

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    z_out = z_in.tanh()
    return deltas.mm(weight.t()).mul(1 - z_out * z_out)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    L = len(self.layers)

    s = self.layers[-1].last_zout
    delta = 2 * (y_pred - y)[:, None] / y.numel() * s * (1 - s)
    for l in range(L - 1, 0, -1):
        h = self.layers[l - 1].last_zout
        self.layers[l].set_weight_gradient(h.T @ delta)
        self.layers[l].set_bias_gradient(delta.sum(dim=0))
        delta = (delta @ self.layers[l].get_weight().T) * (1 + h) * (1 - h)
    self.layers[0].set_weight_gradient(x.T @ delta)
    self.layers[0].set_bias_gradient(delta.sum(dim=0))
