"""Knows numpy better than torch: takes the arrays out of the tensors with `.numpy()`, calculates
there, and wraps the results up again. numpy keeps the dtype."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    import numpy as np

    return torch.from_numpy(np.outer(z_prev.numpy(), delta.numpy())), delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    import numpy as np

    d, w, z = deltas.numpy(), weight.numpy(), z_in.numpy()
    return torch.from_numpy(np.dot(d, w.T) * (1 - np.tanh(z) ** 2))

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    import numpy as np

    diff = self.forward(x).numpy() - y.numpy()
    return torch.as_tensor(np.mean(diff**2))

# %% NeuralNetwork.backward
def backward(self, x, y):
    import numpy as np

    p = self.forward(x).numpy()
    t = y.numpy()
    delta = (2 * (p - t) / t.size * p * (1 - p)).reshape(-1, 1)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        a = layer.last_input.numpy()
        layer.set_weight_gradient(torch.from_numpy(a.T.dot(delta)))
        layer.set_bias_gradient(torch.from_numpy(np.sum(delta, axis=0)))
        if i > 0:
            delta = delta.dot(layer.get_weight().numpy().T) * (1 - a**2)

# %% train
def train(x, y, net, epochs, lr):
    import numpy as np

    losses = np.empty(epochs, dtype=x.numpy().dtype)
    for t in range(epochs):
        losses[t] = net.get_loss(x, y)
        net.backward(x, y)
        net.apply_gradients(lr)
    return net, torch.from_numpy(losses)
