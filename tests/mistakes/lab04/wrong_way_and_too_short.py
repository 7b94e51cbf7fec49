"""Target minus prediction, and a range that never reaches layer 0."""

# base: solution
# loses: backward
# misconception: sign-flipped+first-layer-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    first = self.layers[0]
    first.set_weight_gradient(torch.zeros_like(first.get_weight()))
    first.set_bias_gradient(torch.zeros_like(first.get_bias()))
    g = 2 * (y - y_pred).unsqueeze(-1) / len(y)
    for l in range(len(self.layers) - 1, 0, -1):
        g = g * self.layers[l].act.get_gradient(self.layers[l].last_zin)
        self.layers[l].set_weight_gradient(self.layers[l].last_input.T @ g)
        self.layers[l].set_bias_gradient(g.sum(dim=0))
        g = g @ self.layers[l].get_weight().T
