"""Remembered only one of the two factors of s(1-s) for the output layer."""

# base: solution
# loses: backward
# misconception: sigmoid-derivative-halved

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def go(l, deltas):
        layer = self.layers[l]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        if l:
            before = self.layers[l - 1]
            go(l - 1, deltas @ layer.get_weight().T * (1 - before.last_zout ** 2))

    s = self.layers[-1].last_zout
    go(len(self.layers) - 1, self.loss.get_gradient(y, y_pred)[:, None] * (1 - s))
