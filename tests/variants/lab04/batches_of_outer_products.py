"""Builds the block of outer products, one matrix per sample, with `bmm` and `baddbmm`, and sums over
its first axis. The deltas go back with a batched matrix-vector product."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    return torch.bmm(z_prev[None, :, None], delta[None, None, :])[0], delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    w = weight.expand(len(deltas), *weight.shape)
    return torch.bmm(w, deltas[:, :, None])[:, :, 0] * (1 - torch.tanh(z_in).pow(2))

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    n = x.shape[0]
    delta = self.loss.get_gradient(y, y_pred).reshape(n, 1, 1)  # (N, units, 1) from here on
    above = None
    for layer in reversed(self.layers):
        if above is not None:
            delta = torch.bmm(above.get_weight().expand(n, -1, -1), delta)
        delta = delta * layer.act.get_gradient(layer.last_zin).unsqueeze(-1)
        outer = torch.bmm(layer.last_input.unsqueeze(-1), delta.transpose(1, 2))
        layer.set_weight_gradient(outer.sum(dim=0))
        layer.set_bias_gradient(delta.sum(dim=0).squeeze(-1))
        above = layer
