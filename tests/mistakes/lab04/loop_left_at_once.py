"""Filled the gradients with zeros and leaves the loop with a `break` in the wrong place, after the
output layer."""

# base: solution
# loses: backward
# misconception: last-layer-only

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    for layer in self.layers:
        layer.set_weight_gradient(torch.zeros_like(layer.get_weight()))
        layer.set_bias_gradient(torch.zeros_like(layer.get_bias()))
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for l in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[l]
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if l >= 0:
            break
        deltas = deltas @ layer.get_weight().T
