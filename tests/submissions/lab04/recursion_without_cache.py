"""Forgot that the layers remember their values: keeps z's of its own and goes backward with a
recursive inner function. The derivatives are written in terms of the outputs."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    zs = [x]
    for layer in self.layers[:-1]:
        zs.append(torch.tanh(zs[-1] @ layer.get_weight() + layer.get_bias()))

    def go_back(l, deltas):
        self.layers[l].set_weight_gradient(zs[l].transpose(0, 1).matmul(deltas))
        self.layers[l].set_bias_gradient(deltas.sum(0))
        if l == 0:
            return
        # zs[l] is tanh(z_in) of the layer before, so this is 1 - tanh(z_in)^2
        go_back(l - 1, deltas.matmul(self.layers[l].get_weight().t()) * (1 - zs[l].pow(2)))

    out = y_pred.unsqueeze(1)
    error = 2.0 / len(y) * (out - y.unsqueeze(1))
    go_back(len(self.layers) - 1, error * out * (1 - out))
