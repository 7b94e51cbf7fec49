"""Learned it the other way round: one column is one sample. Transposes everything at the start,
works with W delta as in the textbook, and transposes back when storing (so the stored gradients
are not contiguous)."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    grad = delta.reshape(-1, 1) @ z_prev.reshape(1, -1)
    return grad.T, delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    D, Z = deltas.T, z_in.T
    return ((weight @ D) * (1 - torch.tanh(Z) ** 2)).T

# %% NeuralNetwork.forward
def forward(self, x):
    Z = x.T
    for layer in self.layers:
        layer.last_input = Z.T
        Z = layer.get_weight().T @ Z + layer.get_bias()[:, None]
        layer.last_zin = Z.T
        Z = layer.act.forward(Z)
        layer.last_zout = Z.T
    return Z.squeeze(0)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    Y_hat, Y = y_pred.reshape(1, -1), y.reshape(1, -1)
    D = self.loss.get_gradient(Y, Y_hat)
    for l in reversed(range(len(self.layers))):
        layer = self.layers[l]
        D = D * layer.act.get_gradient(layer.last_zin.T)
        layer.set_weight_gradient((D @ layer.last_input).T)
        layer.set_bias_gradient(D.sum(dim=1))
        D = layer.get_weight() @ D
