"""Forgot the second term of the loss in both versions; the label 0 costs nothing."""

# base: solution
# loses: bce_loss, bce_loss_stable, train_epoch, train_two_layer, train_single_layer, train_linear, train_deep

# %% bce_loss
def bce_loss(y, y_hat):
    return -(y * torch.log(y_hat)).mean()

# %% bce_loss_stable
def bce_loss_stable(y, y_hat):
    return -(y * torch.log(y_hat.clamp(1e-6, 1 - 1e-6))).mean()
