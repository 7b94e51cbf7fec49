"""The training is a generator that yields one loss per epoch, and the result a NamedTuple. All
calls give their arguments by keyword."""

# base: solution
# loses: none

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    return self.loss.forward(y_pred=self.forward(x=x), y_true=y)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x=x)
    upstream = self.loss.get_gradient(y_pred=y_pred, y_true=y).unsqueeze(dim=1)
    for layer in self.layers[::-1]:
        deltas = torch.mul(input=upstream, other=layer.act.get_gradient(z_in=layer.last_zin))
        layer.set_weight_gradient(grad=torch.matmul(layer.last_input.T, deltas))
        layer.set_bias_gradient(grad=torch.sum(deltas, dim=0))
        upstream = torch.matmul(deltas, layer.get_weight().T)

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for linear in (layer.linear for layer in self.layers):
        for name in ("bias", "weight"):
            step = learning_rate * getattr(linear, name + "_grad")
            setattr(linear, name, getattr(linear, name) - step)

# %% train
def train(x, y, net, epochs, lr):
    from typing import NamedTuple

    class Trained(NamedTuple):
        net: NeuralNetwork
        losses: Tensor

    def epochs_of_training():
        epoch = 0
        while True:
            epoch += 1
            net.backward(x=x, y=y)
            loss = net.get_loss(x=x, y=y)
            yield loss
            net.apply_gradients(learning_rate=lr)
            show_progress(epoch=epoch, epochs=epochs, loss=loss)
            if epoch == epochs:
                return

    return Trained(net=net, losses=torch.stack(tuple(epochs_of_training())))
