"""Passes prediction and target to the loss in the wrong order, and forms the weight gradients with
`last_zin` of the layer before."""

# base: solution
# loses: backward
# misconception: sign-flipped+pre-activation-as-input

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y_pred, y).unsqueeze(-1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, 0, -1):
        layer, prev = self.layers[i], self.layers[i - 1]
        layer.set_weight_gradient(prev.last_zin.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
    self.layers[0].set_weight_gradient(x.T @ deltas)
    self.layers[0].set_bias_gradient(deltas.sum(dim=0))
