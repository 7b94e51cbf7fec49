"""No loops at all: forward, backward, the update and the training are recursive or go through `map`
and `reduce`. A layer asks the layer above for what comes back to it."""

# base: solution
# loses: none

# %% NeuralNetwork.forward
def forward(self, x):
    def through(layers, z):
        return z if not layers else through(layers[1:], layers[0].forward(z))

    return through(self.layers, x).squeeze(dim=-1)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def visit(layers):
        """Store the gradients of `layers`, return the loss gradient for the first one's input."""
        if not layers:
            return self.loss.get_gradient(y, y_pred).unsqueeze(-1)
        layer, *rest = layers
        delta = visit(rest) * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        return delta @ layer.get_weight().T

    visit(self.layers)

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    def update(layers):
        if layers:
            update(layers[1:])
            linear = layers[0].linear
            linear.bias = linear.bias.add(linear.bias_grad, alpha=-learning_rate)
            linear.weight = linear.weight.add(linear.weight_grad, alpha=-learning_rate)

    update(self.layers)

# %% train
def train(x, y, net, epochs, lr):
    import functools

    def one_epoch(losses, epoch):
        losses = [*losses, net.get_loss(x, y)]
        net.backward(x, y)
        net.apply_gradients(lr)
        return losses

    return net, torch.stack(functools.reduce(one_epoch, range(epochs), []))
