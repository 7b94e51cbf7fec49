"""Divides all gradients by the batch size once more, although the gradient of the mean loss
contains the 1/N already."""

# base: solution
# loses: backward
# misconception: batch-mean-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    n = x.shape[0]

    last = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * last.act.get_gradient(last.last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        # average over the batch
        layer.set_weight_gradient(layer.last_input.T @ deltas / n)
        layer.set_bias_gradient(deltas.mean(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
