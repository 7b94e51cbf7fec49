"""Differentiated (y-p)^2 to 2(y-p) and left the mean out."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+sign-flipped

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    delta = 2 * (y - y_pred)
    delta = delta.unsqueeze(1)
    for layer in reversed(self.layers):
        delta = delta * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(torch.matmul(layer.last_input.T, delta))
        layer.set_bias_gradient(torch.sum(delta, dim=0))
        delta = torch.matmul(delta, layer.get_weight().T)
