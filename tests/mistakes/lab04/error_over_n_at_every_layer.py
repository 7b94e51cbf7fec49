"""Starts from (p-y)/N without the 2 and divides by N again whenever the deltas go back one layer."""

# base: solution
# loses: backward
# misconception: missing-factor-two+batch-mean-at-every-layer

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def go(l, delta):
        layer = self.layers[l]
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        if l > 0:
            prev = self.layers[l - 1]
            go(l - 1, delta @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin) / len(x))

    out = self.layers[-1]
    go(len(self.layers) - 1, ((y_pred - y) / len(x)).unsqueeze(-1) * out.act.get_gradient(out.last_zin))
