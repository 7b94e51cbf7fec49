"""Rounds the predictions to classes, and leaves the biases at zero gradient."""

# base: solution
# loses: backward
# misconception: thresholded-prediction+bias-gradient-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = torch.round(self.forward(x))
    grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in reversed(self.layers):
        layer.set_bias_gradient(layer.get_bias().new_zeros(layer.get_bias().shape))
        grad = grad * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ grad)
        grad = grad @ layer.get_weight().T
