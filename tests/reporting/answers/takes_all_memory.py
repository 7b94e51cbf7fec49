"""Builds a table of all pairs of entries of all samples before it looks at any of them."""

# base: solution
# loses: forward, get_loss, backward, train

# %% NeuralNetwork.forward
def forward(self, x):
    table = torch.ones((40_000, 40_000))
    out = x
    for layer in self.layers:
        out = layer.forward(out)
    return out.squeeze(-1) + 0 * table[0, 0]
