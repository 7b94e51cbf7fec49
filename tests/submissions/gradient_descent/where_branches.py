"""Chooses the branch with torch.where: the value is right, the gradient is not a number."""

# base: solution
# loses: bce_loss_stable

# %% bce_loss_stable
def bce_loss_stable(y, y_hat):
    return torch.where(y == 1, -torch.log(y_hat), -torch.log(1 - y_hat)).mean()
