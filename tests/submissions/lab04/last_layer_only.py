"""Got the output layer right and did not see how to go on: all other gradients are zeros, so
that the shape check at the end is content."""

# base: solution
# loses: backward
# misconception: last-layer-only

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    last = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * last.act.get_gradient(last.last_zin)
    last.set_weight_gradient(last.last_input.T @ deltas)
    last.set_bias_gradient(deltas.sum(dim=0))

    # TODO the other layers
    for layer in self.layers[:-1]:
        layer.set_weight_gradient(torch.zeros_like(layer.get_weight()))
        layer.set_bias_gradient(torch.zeros_like(layer.get_bias()))
