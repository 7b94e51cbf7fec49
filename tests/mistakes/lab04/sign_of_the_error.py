"""Differentiated the absolute error, so that only the sign of every error is left."""

# base: solution
# loses: backward
# misconception: absolute-error-gradient

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    g = torch.where(y_pred > y, torch.ones_like(y), -torch.ones_like(y)) / len(y)
    g = g[:, None]
    for layer in reversed(self.layers):
        g = g * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.t() @ g)
        layer.set_bias_gradient(g.sum(0))
        g = g @ layer.get_weight().t()
