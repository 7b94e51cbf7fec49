"""Trains until the loss is exactly zero, which it never is."""

# base: solution
# loses: train

# %% train
def train(x, y, net, epochs, lr):
    losses = []
    while not losses or losses[-1] > 0:
        losses.append(net.get_loss(x, y))
        net.backward(x, y)
        net.apply_gradients(lr)
    return net, torch.stack(losses)
