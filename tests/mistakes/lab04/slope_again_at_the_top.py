"""Brings the slope of the previous layer along in equation (8), and multiplies by it again at the start
of that layer's turn."""

# base: solution
# loses: backward
# misconception: hidden-derivative-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
