"""Uses the ReLU for the hidden units."""

# base: solution
# notebook: titanic
# loses: mlp_forward, mlp_hidden

# %% TitanicMLP.hidden
def hidden(self, x):
    return torch.relu(self.linear_1(x))
