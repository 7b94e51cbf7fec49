"""Multiplies by each slope twice, and divides the weight gradients by the batch size."""

# base: solution
# loses: backward
# misconception: derivative-twice+weight-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    up = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in self.layers[::-1]:
        slope = layer.act.get_gradient(layer.last_zin)
        delta = up * slope * slope
        layer.set_weight_gradient((layer.last_input.T @ delta) / x.shape[0])
        layer.set_bias_gradient(delta.sum(dim=0))
        up = delta @ layer.get_weight().T
