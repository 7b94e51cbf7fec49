"""Forgets the sigmoid of logistic regression."""

# base: solution
# notebook: titanic
# loses: logistic_regression

# %% LogisticRegressionPytorch.forward
def forward(self, x):
    return self.linear(x).squeeze(1)
