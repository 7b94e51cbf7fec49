"""Gives the optimiser a closure."""

# base: solution
# notebook: titanic
# loses: none

# %% training_step
def training_step(model, optimiser, x, y):
    def closure():
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy(model(x), y)
        loss.backward()
        return loss

    return optimiser.step(closure).item()

# %% TitanicMLP.forward
def forward(self, x):
    first = torch.sigmoid(self.linear_1(x))
    second = torch.sigmoid(self.linear_2(first))
    return second.reshape(len(x))
