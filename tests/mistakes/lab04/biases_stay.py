"""Cares for the weights only; the bias gradients are zeros so that the shapes fit."""

# base: solution
# loses: backward
# misconception: bias-gradient-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = 2.0 / len(y) * torch.sub(y_pred, y).unsqueeze(-1)
    for l in range(len(self.layers))[::-1]:
        grad = grad * self.layers[l].act.get_gradient(self.layers[l].last_zin)
        self.layers[l].set_weight_gradient(self.layers[l].last_input.T @ grad)
        self.layers[l].set_bias_gradient(torch.zeros_like(self.layers[l].get_bias()))
        grad = grad @ self.layers[l].get_weight().T
