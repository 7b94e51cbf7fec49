"""Cuts the batch in two and adds the gradients of the halves, as one does when memory is short. The
targets' number, not that of the half, goes into the loss gradient. The sum of the products comes
from broadcasting."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
def backward(self, x, y):
    n = len(x)
    parts = []
    for half in (slice(0, n // 2), slice(n // 2, n)):
        if len(x[half]) == 0:
            continue
        y_pred = self.forward(x[half])
        grads = []
        delta = (2 * (y_pred - y[half]) / n).unsqueeze(-1)
        for layer in self.layers[::-1]:
            delta = delta * layer.act.get_gradient(layer.last_zin)
            grads.append(((layer.last_input[:, :, None] * delta[:, None, :]).sum(0), delta.sum(0)))
            delta = delta @ layer.get_weight().T
        parts.append(grads)
    for layer, *pieces in zip(self.layers[::-1], *parts):
        layer.set_weight_gradient(sum(p[0] for p in pieces))
        layer.set_bias_gradient(sum(p[1] for p in pieces))
    self.forward(x)
