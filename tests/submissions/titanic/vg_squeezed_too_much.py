"""`squeeze()` without an argument: a batch of one sample loses its only axis as well."""

# base: solution
# notebook: vanishing_gradients
# loses: deep_mlp
# misconception: squeezed-too-much

# %% DeepMLP.forward
def forward(self, x):
    for layer in self.layers[:-1]:
        x = self.activation(layer(x))
    return torch.sigmoid(self.layers[-1](x)).squeeze()
