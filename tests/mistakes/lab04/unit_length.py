"""Divides each weight gradient by its norm, against vanishing gradients."""

# base: solution
# loses: backward
# misconception: gradient-normalised

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        grad = layer.last_input.T @ deltas
        layer.set_weight_gradient(grad / torch.sqrt(torch.sum(grad * grad)))
        layer.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
