"""Multiplies the loss gradient by 2 again, and hands `last_zout` to every `get_gradient`."""

# base: solution
# loses: backward
# misconception: factor-two-twice+derivative-at-z-out

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = 2 * self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in self.layers[::-1]:
        delta = grad * layer.act.get_gradient(layer.last_zout)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        grad = delta @ layer.get_weight().T
