"""Stores the direction in which to walk, minus the gradient, "because it is gradient descent"."""

# base: solution
# loses: backward
# misconception: sign-flipped

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    delta = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for layer, prev in zip(self.layers[::-1], self.layers[-2::-1] + [None]):
        layer.set_weight_gradient(-(layer.last_input.T @ delta))
        layer.set_bias_gradient(-delta.sum(dim=0))
        if prev is not None:
            delta = delta @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
