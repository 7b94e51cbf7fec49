"""Does not trust the library: writes sigmoid and tanh through `exp`, with derivatives to match, and
uses them everywhere."""

# base: solution
# loses: none

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    cosh = (torch.exp(z_in) + torch.exp(-z_in)) / 2
    return deltas @ weight.T / cosh**2

# %% NeuralNetwork.forward
def forward(self, x):
    for i, layer in enumerate(self.layers):
        layer.last_input = x
        layer.last_zin = x @ layer.get_weight() + layer.get_bias()
        z = layer.last_zin
        if i == len(self.layers) - 1:
            layer.last_zout = 1 / (1 + torch.exp(-z))
        else:
            layer.last_zout = (torch.exp(z) - torch.exp(-z)) / (torch.exp(z) + torch.exp(-z))
        x = layer.last_zout
    return x.view(-1)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def sigmoid_prime(z):
        return torch.exp(-z) / (1 + torch.exp(-z)) ** 2

    def tanh_prime(z):
        return 4 / (torch.exp(z) + torch.exp(-z)) ** 2

    deltas = [None] * len(self.layers)
    deltas[-1] = (2 / len(y)) * (y_pred - y).view(-1, 1) * sigmoid_prime(self.layers[-1].last_zin)
    for l in range(len(self.layers) - 2, -1, -1):
        back = deltas[l + 1] @ self.layers[l + 1].get_weight().T
        deltas[l] = back * tanh_prime(self.layers[l].last_zin)
    # all deltas first, then all gradients
    for layer, delta in zip(self.layers, deltas):
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
