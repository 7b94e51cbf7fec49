"""Uses 1 - z for both activations."""

# base: solution
# loses: backward
# misconception: tanh-derivative-not-squared+sigmoid-derivative-halved

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        grad = grad * (1 - layer.last_zout)
        layer.set_weight_gradient(layer.last_input.T @ grad)
        layer.set_bias_gradient(grad.sum(dim=0))
        grad = grad @ layer.get_weight().T
