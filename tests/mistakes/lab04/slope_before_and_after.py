"""Multiplies by the slope when the signal arrives at a layer and, having lost track, once more before
the gradients are taken."""

# base: solution
# loses: backward
# misconception: derivative-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in self.layers[::-1]:
        slope = layer.act.get_gradient(layer.last_zin)
        deltas = deltas * slope
        # equation (5)
        deltas = slope * deltas
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T
