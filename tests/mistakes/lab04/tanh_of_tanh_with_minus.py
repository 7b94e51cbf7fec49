"""Writes tanh^2 - 1 for the slope, and evaluates it at the hidden outputs."""

# base: solution
# loses: backward
# misconception: hidden-derivative-at-z-out+delta-sign-flipped-on-the-way

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    top = self.layers[-1]
    delta = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * top.act.get_gradient(top.last_zin)
    for l in range(len(self.layers) - 1, -1, -1):
        self.layers[l].set_weight_gradient(self.layers[l].last_input.T @ delta)
        self.layers[l].set_bias_gradient(delta.sum(dim=0))
        if l > 0:
            slope = torch.tanh(self.layers[l - 1].last_zout) ** 2 - 1
            delta = delta @ self.layers[l].get_weight().T * slope
