"""Samples in a loop: the outer products are summed, the deltas for the biases averaged."""

# base: solution
# loses: backward
# misconception: bias-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    N = len(x)
    g = self.loss.get_gradient(y, y_pred).reshape(N, 1)
    for layer in self.layers[::-1]:
        g = g * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(sum(torch.outer(layer.last_input[s], g[s]) for s in range(N)))
        layer.set_bias_gradient(sum(g[s] for s in range(N)) / N)
        g = g @ layer.get_weight().T
