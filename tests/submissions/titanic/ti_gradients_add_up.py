"""Never clears the gradients."""

# base: solution
# notebook: titanic
# loses: training_step
# misconception: gradients-not-cleared

# %% training_step
def training_step(model, optimiser, x, y):
    loss = nn.functional.binary_cross_entropy(model(x), y)
    loss.backward()
    optimiser.step()
    return loss.item()
