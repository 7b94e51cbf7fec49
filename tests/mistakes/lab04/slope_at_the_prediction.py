"""Evaluates the slope of the output layer at the prediction, which is behind the sigmoid. The hidden
layers are right."""

# base: solution
# loses: backward
# misconception: output-derivative-at-z-out

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    p = y_pred.unsqueeze(-1)
    deltas = self.loss.get_gradient(y.unsqueeze(-1), p) * self.layers[-1].act.get_gradient(p)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
