"""Wrote `squeeze()` without an axis. Nothing happens for the five points, but a batch of a
single sample loses its only axis, too. Everything else is right."""

# base: solution
# loses: forward

# %% NeuralNetwork.forward
def forward(self, x):
    for layer in self.layers:
        x = layer.forward(x)
    return x.squeeze()
