"""Uses the layers only as a place for weights, and multiplies by hand."""

# base: solution
# notebook: titanic
# loses: none

# %% LogisticRegressionPytorch.forward
def forward(self, x):
    z = x @ self.linear.weight[0] + self.linear.bias
    return torch.sigmoid(z)

# %% TitanicMLP.hidden
def hidden(self, x):
    z = torch.einsum("ni,hi->nh", x, self.linear_1.weight) + self.linear_1.bias
    return 0.5 * (1 + torch.tanh(z / 2))

# %% TitanicMLP.forward
def forward(self, x):
    z = (self.hidden(x) * self.linear_2.weight).sum(dim=1) + self.linear_2.bias
    return torch.exp(nn.functional.logsigmoid(z))
