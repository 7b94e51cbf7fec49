"""Turned every tensor into lists of Python floats, calculated sample by sample and unit by unit as
on paper, and made tensors of the input's dtype again at the end. Exact, because Python counts in
double precision."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    zs = z_prev.tolist()
    ds = delta.tolist()
    weight_grad = [[z * d for d in ds] for z in zs]
    return torch.tensor(weight_grad, dtype=z_prev.dtype), torch.tensor(ds, dtype=delta.dtype)

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    rows = []
    for delta, z in zip(deltas.tolist(), z_in.tolist()):
        row = []
        for w, zi in zip(weight.tolist(), z):
            row.append(sum(d * wk for d, wk in zip(delta, w)) * (1 - math.tanh(zi) ** 2))
        rows.append(row)
    return torch.tensor(rows, dtype=z_in.dtype)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    n = len(y)
    weights = [layer.get_weight().tolist() for layer in self.layers]
    inputs = [layer.last_input.tolist() for layer in self.layers]
    zins = [layer.last_zin.tolist() for layer in self.layers]

    w_grads = [[[0.0 for _ in row] for row in w] for w in weights]
    b_grads = [[0.0] * len(w[0]) for w in weights]

    for s, (target, pred) in enumerate(zip(y.tolist(), y_pred.tolist())):
        p = 1 / (1 + math.exp(-zins[-1][s][0]))
        delta = [2 * (pred - target) / n * p * (1 - p)]
        l = len(weights) - 1
        while l >= 0:
            for i, d in enumerate(delta):
                b_grads[l][i] += d
                for j, a in enumerate(inputs[l][s]):
                    w_grads[l][j][i] += d * a
            if l > 0:
                new = []
                for j, z in enumerate(zins[l - 1][s]):
                    total = 0.0
                    for k, d in enumerate(delta):
                        total += d * weights[l][j][k]
                    new.append(total * (1 - math.tanh(z) ** 2))
                delta = new
            l -= 1

    for layer, wg, bg in zip(self.layers, w_grads, b_grads):
        layer.set_weight_gradient(torch.tensor(wg, dtype=layer.get_weight().dtype))
        layer.set_bias_gradient(torch.tensor(bg, dtype=layer.get_bias().dtype))

# %% train
def train(x, y, net, epochs, lr):
    losses = []
    for epoch in range(epochs):
        loss = net.get_loss(x, y)
        losses.append(float(loss))
        net.backward(x, y)
        net.apply_gradients(lr)
        show_progress(epoch + 1, epochs, loss)
    return net, torch.tensor(losses, dtype=x.dtype)
