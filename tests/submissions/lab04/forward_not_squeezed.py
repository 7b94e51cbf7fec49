"""Returns predictions of shape (N, 1). Against targets of shape (N,) they broadcast to (N, N):
the loss compares every prediction with every target, and the backward pass stops with an
error, which takes the training along."""

# base: solution
# loses: forward, get_loss, backward, train

# %% NeuralNetwork.forward
def forward(self, x):
    for layer in self.layers:
        x = layer.forward(x)
    return x
