"""Goes from one linear layer straight into the next; hidden itself is right."""

# base: solution
# notebook: titanic
# loses: mlp_forward
# misconception: hidden-activation-forgotten

# %% TitanicMLP.forward
def forward(self, x):
    return torch.sigmoid(self.linear_2(self.linear_1(x))).squeeze(1)
