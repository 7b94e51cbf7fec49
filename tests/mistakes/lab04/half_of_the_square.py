"""Has the loss 1/(2N) sum (p-y)^2 of another lecture in mind, so the 2 of the derivative cancels."""

# base: solution
# loses: backward
# misconception: missing-factor-two

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    a = [layer.last_input for layer in self.layers]
    slopes = [layer.act.get_gradient(layer.last_zin) for layer in self.layers]

    delta = torch.einsum("s,si->si", (y_pred - y) / y.numel(), slopes[-1])
    for l in range(len(a) - 1, -1, -1):
        self.layers[l].set_weight_gradient(torch.einsum("sj,si->ji", a[l], delta))
        self.layers[l].set_bias_gradient(torch.einsum("si->i", delta))
        if l > 0:
            delta = torch.einsum("sk,ik,si->si", delta, self.layers[l].get_weight(), slopes[l - 1])
