"""Remembered the squared error with a factor 1/2 in front, as in the lecture, and lost the 2 of
this lab's loss."""

# base: solution
# loses: backward
# misconception: missing-factor-two

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    deltas = ((y_pred - y) / len(y)).unsqueeze(-1)
    deltas = deltas * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in reversed(range(len(self.layers))):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(torch.sum(deltas, dim=0))
        if i != 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
