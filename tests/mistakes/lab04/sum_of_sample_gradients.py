"""Adds up the gradients of all samples, each for the sample's own squared error, and never divides
by their number."""

# base: solution
# loses: backward
# misconception: missing-batch-mean

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    L = len(self.layers)
    dW = [torch.zeros_like(layer.get_weight()) for layer in self.layers]
    db = [torch.zeros_like(layer.get_bias()) for layer in self.layers]
    for s in range(len(x)):
        delta = 2 * (y_pred[s] - y[s]) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin[s])
        for l in range(L - 1, -1, -1):
            dW[l] += torch.outer(self.layers[l].last_input[s], delta)
            db[l] += delta
            if l > 0:
                prev = self.layers[l - 1]
                delta = self.layers[l].get_weight() @ delta * prev.act.get_gradient(prev.last_zin[s])
    for l in range(L):
        self.layers[l].set_weight_gradient(dW[l])
        self.layers[l].set_bias_gradient(db[l])
