"""Divides the weight gradients by the number of samples, but not the bias gradients."""

# base: solution
# loses: backward
# misconception: weight-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    m = x.shape[0]
    last = self.layers[-1]
    dZ = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * last.act.get_gradient(last.last_zin)
    for l in reversed(range(len(self.layers))):
        A = self.layers[l].last_input
        self.layers[l].set_weight_gradient((1 / m) * A.T @ dZ)
        self.layers[l].set_bias_gradient(torch.sum(dZ, 0))
        if l > 0:
            prev = self.layers[l - 1]
            dZ = dZ @ self.layers[l].get_weight().T * prev.act.get_gradient(prev.last_zin)
