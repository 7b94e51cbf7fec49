"""Saves memory: the deltas are multiplied in place, the gradients are written into tensors that are
made once and reused in the next call, the update is `sub_`, and the losses go into a tensor that
is there before the training begins."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    weight_grad = torch.empty(len(z_prev), len(delta), dtype=z_prev.dtype)
    torch.outer(z_prev, delta, out=weight_grad)
    return weight_grad, delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    slope = torch.tanh(z_in)
    slope.pow_(2).neg_().add_(1)
    return slope.mul_(deltas @ weight.T)

# %% NeuralNetwork.forward
def forward(self, x):
    for layer in self.layers:
        x = layer.forward(x)
    return x.flatten()

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    for layer in self.layers:
        w, b = layer.get_weight(), layer.get_bias()
        old = layer.linear.weight_grad
        if old is None or old.dtype != w.dtype or old.shape != w.shape:
            layer.set_weight_gradient(torch.empty_like(w))
            layer.set_bias_gradient(torch.empty_like(b))

    deltas = y_pred.sub(y).mul_(2).div_(y.numel()).unsqueeze_(1)
    for i in reversed(range(len(self.layers))):
        layer = self.layers[i]
        deltas.mul_(layer.act.get_gradient(layer.last_zin))
        torch.matmul(layer.last_input.T, deltas, out=layer.linear.weight_grad)
        torch.sum(deltas, dim=0, out=layer.linear.bias_grad)
        deltas = deltas @ layer.get_weight().T

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers:
        layer.get_weight().sub_(layer.linear.weight_grad, alpha=learning_rate)
        layer.get_bias().sub_(layer.linear.bias_grad, alpha=learning_rate)

# %% train
def train(x, y, net, epochs, lr):
    losses = x.new_zeros(epochs)
    for epoch in range(epochs):
        losses[epoch] = net.get_loss(x, y)
        net.backward(x, y)
        net.apply_gradients(lr)
        show_progress(epoch + 1, epochs, losses[epoch])
    return net, losses
