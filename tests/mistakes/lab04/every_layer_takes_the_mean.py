"""Normalises the deltas by the batch in every turn of the loop, the first one (the output layer)
included."""

# base: solution
# loses: backward
# misconception: batch-mean-at-every-layer

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in reversed(self.layers):
        deltas = deltas * layer.act.get_gradient(layer.last_zin) / len(deltas)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T
