"""Stacks one gradient per sample and takes the mean over the stack. The loss gradient of the batch,
which the deltas start with, is a mean already."""

# base: solution
# loses: backward
# misconception: batch-mean-twice

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = self.loss.get_gradient(y, y_pred)[:, None] * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        # one outer product per sample, shape (N, n_in, n_out)
        per_sample = torch.einsum("sj,si->sji", layer.last_input, deltas)
        layer.set_weight_gradient(per_sample.mean(dim=0))
        layer.set_bias_gradient(deltas.mean(dim=0))
        if i > 0:
            below = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * below.act.get_gradient(below.last_zin)
