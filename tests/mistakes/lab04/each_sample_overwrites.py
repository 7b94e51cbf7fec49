"""Treats each sample as a problem of its own, with 2(p-y), and overwrites the gradients of the one
before."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+only-last-sample

# %% NeuralNetwork.backward
def backward(self, x, y):
    self.forward(x)
    cache = [(layer.last_input, layer.last_zin, layer.last_zout) for layer in self.layers]
    for s, target in enumerate(y):
        signal = 2 * (cache[-1][2][s] - target)
        for layer, (a, z, _) in zip(self.layers[::-1], cache[::-1]):
            delta = signal * layer.act.get_gradient(z[s])
            layer.set_weight_gradient(a[s].unsqueeze(1) @ delta.unsqueeze(0))
            layer.set_bias_gradient(delta)
            signal = layer.get_weight() @ delta
