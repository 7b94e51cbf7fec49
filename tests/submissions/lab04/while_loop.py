"""Counts the epochs in a while loop, collects the losses as Python floats in the dtype of the
loss, and prints nothing. Writes the loss formula out in `get_loss`."""

# base: solution
# loses: none

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    difference = self.forward(x) - y
    return (difference * difference).sum() / difference.numel()

# %% train
def train(x, y, net, epochs, lr):
    losses = []
    epoch = 0
    while epoch < epochs:
        loss = net.get_loss(x, y)
        losses.append(loss.item())
        net.backward(x, y)
        net.apply_gradients(lr)
        epoch += 1
    return net, torch.tensor(losses, dtype=loss.dtype)
