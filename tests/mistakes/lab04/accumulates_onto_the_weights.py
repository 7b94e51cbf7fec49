"""Meant to start the sum over the samples with zeros, and started it with a copy of the weights: they
end up in the gradient."""

# base: solution
# loses: backward
# misconception: weight-decay-added

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    upstream = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in reversed(self.layers):
        deltas = upstream * layer.act.get_gradient(layer.last_zin)
        grad = layer.get_weight().clone()
        for s in range(len(x)):
            grad += torch.outer(layer.last_input[s], deltas[s])
        layer.set_weight_gradient(grad)
        layer.set_bias_gradient(deltas.sum(dim=0))
        upstream = deltas @ layer.get_weight().T
