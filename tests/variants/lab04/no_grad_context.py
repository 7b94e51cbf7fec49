"""Has read in a tutorial that updates belong into `torch.no_grad`, and puts it around everything,
as a context and as a decorator. There was no gradient to switch off."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
@torch.no_grad()
def backward(self, x, y):
    y_pred = self.forward(x)
    chain = self.loss.get_gradient(y, y_pred)[:, None]
    index = len(self.layers)
    while index > 0:
        index -= 1
        layer = self.layers[index]
        chain = chain * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(torch.tensordot(layer.last_input, chain, dims=([0], [0])))
        layer.set_bias_gradient(chain.sum(0))
        chain = torch.tensordot(chain, layer.get_weight(), dims=([1], [1]))

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    with torch.no_grad():
        for layer in self.layers:
            layer.linear.weight -= learning_rate * layer.linear.weight_grad
            layer.linear.bias -= learning_rate * layer.linear.bias_grad

# %% train
def train(x, y, net, epochs, lr):
    history = []
    with torch.no_grad():
        for _ in range(epochs):
            history.append(net.get_loss(x, y).reshape(1))
            net.backward(x, y)
            net.apply_gradients(lr)
    return net, torch.cat(history)
