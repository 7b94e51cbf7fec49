"""Collects the slopes of all layers in a list first, from `last_zout` instead of `last_zin`."""

# base: solution
# loses: backward
# misconception: derivative-at-z-out

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    slopes = [layer.act.get_gradient(layer.last_zout) for layer in self.layers]
    delta = self.loss.get_gradient(y, y_pred)[:, None] * slopes.pop()
    for layer in self.layers[::-1]:
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(0))
        if slopes:
            delta = delta @ layer.get_weight().T * slopes.pop()
