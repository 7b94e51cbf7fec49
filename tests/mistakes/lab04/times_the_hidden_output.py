"""Multiplies the deltas of hidden layers by the layer's output, per sample and per unit."""

# base: solution
# loses: backward
# misconception: hidden-activation-for-derivative

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    last = self.layers[-1]
    D = {len(self.layers) - 1: self.loss.get_gradient(y, y_pred)[:, None] * last.act.get_gradient(last.last_zin)}
    for l in range(len(self.layers) - 2, -1, -1):
        W = self.layers[l + 1].get_weight()
        D[l] = torch.zeros_like(self.layers[l].last_zin)
        for s in range(len(x)):
            for i in range(W.shape[0]):
                total = 0
                for k in range(W.shape[1]):
                    total += D[l + 1][s, k] * W[i, k]
                D[l][s, i] = total * self.layers[l].last_zout[s, i]
    for l, layer in enumerate(self.layers):
        layer.set_weight_gradient(layer.last_input.T @ D[l])
        layer.set_bias_gradient(D[l].sum(0))
