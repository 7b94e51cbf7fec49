"""Uses the loss gradient as the deltas of the output layer, without the slope of the sigmoid."""

# base: solution
# loses: backward
# misconception: output-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for l in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[l]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if l > 0:
            prev = self.layers[l - 1]
            deltas = (deltas @ layer.get_weight().T) * prev.act.get_gradient(prev.last_zin)
