"""Minimises the squared error in place of the cross-entropy."""

# base: solution
# notebook: titanic
# loses: training_step

# %% training_step
def training_step(model, optimiser, x, y):
    optimiser.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    optimiser.step()
    return loss.item()
