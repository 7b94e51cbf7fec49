"""Afraid of rounding errors: every function calculates in double precision and converts the result
back to the dtype it was given."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    weight_grad = torch.outer(z_prev.double(), delta.double())
    return weight_grad.to(z_prev.dtype), delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    d, w, z = (t.to(torch.float64) for t in (deltas, weight, z_in))
    return (d @ w.T * (1 - torch.tanh(z) ** 2)).to(z_in.dtype)

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    y_pred = self.forward(x)
    return ((y_pred.double() - y.double()) ** 2).mean().to(y_pred.dtype)

# %% NeuralNetwork.backward
def backward(self, x, y):
    dtype = x.dtype
    y_pred = self.forward(x)

    # own forward pass in double precision
    a = [x.double()]
    z = []
    for layer in self.layers:
        z.append(a[-1] @ layer.get_weight().double() + layer.get_bias().double())
        a.append(layer.act.forward(z[-1]))

    delta = self.loss.get_gradient(y.double()[:, None], a[-1]) * self.layers[-1].act.get_gradient(z[-1])
    for l in range(len(self.layers) - 1, -1, -1):
        self.layers[l].set_weight_gradient((a[l].T @ delta).to(dtype))
        self.layers[l].set_bias_gradient(delta.sum(0).to(dtype))
        if l > 0:
            delta = delta @ self.layers[l].get_weight().double().T
            delta = delta * self.layers[l - 1].act.get_gradient(z[l - 1])

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers:
        lin = layer.linear
        lin.weight = (lin.weight.double() - learning_rate * lin.weight_grad.double()).to(lin.weight.dtype)
        lin.bias = (lin.bias.double() - learning_rate * lin.bias_grad.double()).to(lin.bias.dtype)
