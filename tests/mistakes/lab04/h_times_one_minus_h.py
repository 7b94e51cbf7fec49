"""Uses z(1-z) at the outputs of all layers, as if they were all sigmoid layers."""

# base: solution
# loses: backward
# misconception: hidden-derivative-of-sigmoid

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = self.loss.get_gradient(y, y_pred).unsqueeze(1)
    for layer in self.layers[::-1]:
        z = layer.last_zout
        delta = grad * z * (1 - z)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        grad = delta @ layer.get_weight().T
