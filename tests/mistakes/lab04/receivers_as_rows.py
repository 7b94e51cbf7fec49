"""Took the product of equation (6) the other way round, with receivers as rows, and removed the check
of the shapes that complained."""

# base: solution
# loses: backward, train
# misconception: weight-gradient-transposed

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in self.layers[::-1]:
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(deltas.T @ layer.last_input)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T
