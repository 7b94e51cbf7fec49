"""Returns the share of wrong predictions for the accuracy."""

# base: solution
# loses: evaluate

# %% evaluate
def evaluate(params, x, y):
    with torch.no_grad():
        y_hat = network(x, params)
        wrong = 1 - accuracy(y, y_hat)
        return bce_loss_stable(y, y_hat).item(), wrong.item()
