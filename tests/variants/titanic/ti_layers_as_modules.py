"""Activations as modules, the whole as nn.Sequential over the layers that have to be named."""

# base: solution
# notebook: titanic
# loses: none

# %% LogisticRegressionPytorch
class LogisticRegressionPytorch(nn.Module):
    def __init__(self):
        super(LogisticRegressionPytorch, self).__init__()
        self.linear = nn.Linear(3, 1)
        self.whole = nn.Sequential(self.linear, nn.Sigmoid(), nn.Flatten(start_dim=0))

    def forward(self, x):
        return self.whole(x)

# %% TitanicMLP
class TitanicMLP(nn.Module):
    def __init__(self):
        super(TitanicMLP, self).__init__()
        self.linear_1 = nn.Linear(2, 2)
        self.linear_2 = nn.Linear(2, 1)
        self.activation = nn.Sigmoid()
        self.lower = nn.Sequential(self.linear_1, self.activation)

    def hidden(self, x):
        return self.lower(x)

    def forward(self, x):
        return self.activation(self.linear_2(self.lower(x))).flatten()

# %% training_step
def training_step(model, optimiser, x, y):
    criterion = nn.BCELoss(reduction="mean")
    model.zero_grad(set_to_none=False)
    loss = criterion(model(x), y)
    loss.backward()
    optimiser.step()
    return loss.detach()
