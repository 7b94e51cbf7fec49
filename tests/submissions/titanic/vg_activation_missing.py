"""Stores the activation and never calls it, so that the deep network is a linear one."""

# base: solution
# notebook: vanishing_gradients
# loses: deep_mlp
# misconception: hidden-activation-forgotten

# %% DeepMLP.forward
def forward(self, x):
    for layer in self.layers:
        x = layer(x)
    return torch.sigmoid(x).squeeze(-1)
