"""Updates in place, from the last layer to the first and biases before weights; the training
is a list comprehension around a step function that computes the gradients first and the loss
afterwards, but still before the update."""

# base: solution
# loses: none

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers[::-1]:
        layer.linear.bias -= learning_rate * layer.linear.bias_grad
        layer.linear.weight -= learning_rate * layer.linear.weight_grad

# %% train
def train(x, y, net, epochs, lr):
    def step():
        net.backward(x, y)
        loss = net.get_loss(x, y)
        net.apply_gradients(learning_rate=lr)
        return loss

    return net, torch.stack([step() for _ in range(epochs)])
