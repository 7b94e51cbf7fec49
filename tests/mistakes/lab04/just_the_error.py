"""The textbook's loss is half the squared error of one sample, so the error itself goes back."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+missing-factor-two

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    error = y_pred - y

    def back(l, signal):
        layer = self.layers[l]
        delta = signal * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(torch.einsum("sj,si->ji", layer.last_input, delta))
        layer.set_bias_gradient(torch.einsum("si->i", delta))
        if l > 0:
            back(l - 1, torch.einsum("sk,ik->si", delta, layer.get_weight()))

    back(len(self.layers) - 1, error.reshape(-1, 1))
