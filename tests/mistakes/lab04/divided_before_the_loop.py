"""Divides the first deltas by N because "MSE has a 1/N", but `get_gradient` did so before."""

# base: solution
# loses: backward
# misconception: batch-mean-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = []
    for layer in self.layers[::-1]:
        slope = layer.act.get_gradient(layer.last_zin)
        if not deltas:
            loss_grad = self.loss.get_gradient(y, y_pred)
            deltas.insert(0, loss_grad.unsqueeze(1) / len(x) * slope)
        else:
            deltas.insert(0, deltas[0] @ above.get_weight().T * slope)
        above = layer
    for layer, delta in zip(self.layers, deltas):
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
