"""Writes the cross-entropy out, and asks autograd for the gradients itself."""

# base: solution
# notebook: titanic
# loses: none

# %% training_step
def training_step(model, optimiser, x, y):
    y_hat = model(x)
    loss = -torch.where(y == 1, torch.log(y_hat), torch.log(1 - y_hat)).mean()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
        parameter.grad = gradient
    optimiser.step()
    return loss.item()
