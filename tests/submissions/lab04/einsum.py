"""Likes index notation and wrote every product as `torch.einsum`, so that the code reads like
the equations."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    return torch.einsum("j,i->ji", z_prev, delta), delta.clone()

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    slope = torch.cosh(z_in) ** -2
    return torch.einsum("bm,nm,bn->bn", deltas, weight, slope)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    slopes = [layer.act.get_gradient(layer.last_zin) for layer in self.layers]
    activations = [x] + [layer.last_zout for layer in self.layers]

    delta = torch.einsum("b,bo->bo", self.loss.get_gradient(y, y_pred), slopes[-1])
    for l in range(len(self.layers), 0, -1):
        layer = self.layers[l - 1]
        layer.set_weight_gradient(torch.einsum("bj,bk->jk", activations[l - 1], delta))
        layer.set_bias_gradient(torch.einsum("bk->k", delta))
        if l > 1:
            delta = torch.einsum("bk,jk,bj->bj", delta, layer.get_weight(), slopes[l - 2])
