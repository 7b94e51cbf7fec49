"""Sends the output unit through the hidden activation, too, before the sigmoid."""

# base: solution
# notebook: vanishing_gradients
# loses: deep_mlp
# misconception: output-activation-twice

# %% DeepMLP.forward
def forward(self, x):
    for layer in self.layers:
        x = self.activation(layer(x))
    return torch.sigmoid(x).squeeze(-1)
