"""Squeezes every axis of length one, so that one passenger gives shape ()."""

# base: solution
# notebook: titanic
# loses: logistic_regression

# %% LogisticRegressionPytorch.forward
def forward(self, x):
    return torch.sigmoid(self.linear(x)).squeeze()
