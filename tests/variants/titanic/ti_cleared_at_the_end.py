"""Clears the gradients at the start and again after the step: then train has nothing to look at, but the step is right."""

# base: solution
# notebook: titanic
# loses: none

# %% training_step
def training_step(model, optimiser, x, y):
    for parameter in model.parameters():
        parameter.grad = None
    predictions = model(x)
    loss = torch.nn.functional.binary_cross_entropy(predictions, target=y)
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()
