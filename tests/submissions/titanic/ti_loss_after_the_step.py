"""Predicts once more after the step, and returns that loss."""

# base: solution
# notebook: titanic
# loses: training_step
# misconception: loss-after-update

# %% training_step
def training_step(model, optimiser, x, y):
    optimiser.zero_grad()
    nn.functional.binary_cross_entropy(model(x), y).backward()
    optimiser.step()
    with torch.no_grad():
        return nn.functional.binary_cross_entropy(model(x), y).item()
