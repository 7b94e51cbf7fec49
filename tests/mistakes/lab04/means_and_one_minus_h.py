"""Averages all gradients over the batch once more, and writes the derivative of tanh as 1 - h."""

# base: solution
# loses: backward
# misconception: batch-mean-twice+tanh-derivative-not-squared

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    n = len(x)
    h = [layer.last_input for layer in self.layers]
    s = y_pred.unsqueeze(-1)
    delta = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * s * (1 - s)
    for l in range(len(h) - 1, -1, -1):
        self.layers[l].set_weight_gradient(h[l].T @ delta / n)
        self.layers[l].set_bias_gradient(delta.sum(dim=0) / n)
        delta = (delta @ self.layers[l].get_weight().T) * (1 - h[l])
