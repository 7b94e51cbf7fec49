"""Records the loss after each update instead of before it: the list is one step ahead, and the
loss of the untrained network is lost."""

# base: solution
# loses: train

# %% train
def train(x, y, net, epochs, lr):
    losses = []
    for epoch in range(epochs):
        net.backward(x, y)
        net.apply_gradients(lr)
        losses.append(net.get_loss(x, y))
        show_progress(epoch + 1, epochs, losses[-1])
    return net, torch.stack(losses)
