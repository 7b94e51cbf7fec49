"""The mean squared errors of the samples are the deltas of the output layer: neither the loss nor the
sigmoid is differentiated."""

# base: solution
# loses: backward
# misconception: loss-for-its-gradient+output-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = ((y_pred - y) ** 2 / len(y)).unsqueeze(-1)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
