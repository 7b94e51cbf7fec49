"""Wanted to save a loop: subtracts the gradient from (a copy of) the weights at once, and then
sends the deltas back through these new weights instead of the ones of the forward pass."""

# base: solution
# loses: backward
# misconception: delta-through-updated-weights

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    last = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * last.act.get_gradient(last.last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        weight_grad = layer.last_input.T @ deltas
        layer.set_weight_gradient(weight_grad)
        layer.set_bias_gradient(deltas.sum(dim=0))

        new_weight = layer.get_weight() - weight_grad
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ new_weight.T * prev.act.get_gradient(prev.last_zin)
