"""Got as far as the loss, and ran out of time."""

# base: release
# loses: bce_loss_stable, model1, network, make_layer, evaluate, train_epoch, train_two_layer, train_single_layer, train_linear, train_deep

# %% solution-optimize_f
def optimize_f(x, y, step_size, steps):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        dx = grad_x_f(x, y)
        dy = grad_y_f(x, y)
        x, y = x - step_size * dx, y - step_size * dy
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist

# %% optimize_f_decay
def optimize_f(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        dx = grad_x_f(x, y)
        dy = grad_y_f(x, y)
        eta = step_size * decay**step
        x, y = x - eta * dx, y - eta * dy
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist

# %% settings
settings = dict(step_size=0.4, steps=20, decay=0.8)

# %% sigmoid
def sigmoid(x):
    return 1 / (1 + torch.exp(-x))

# %% relu
def relu(x):
    return torch.maximum(x, torch.zeros_like(x))

# %% bce_loss
def bce_loss(y, y_hat):
    return torch.mean(-y * torch.log(y_hat) - (1 - y) * torch.log(1 - y_hat))

# %% [markdown] first_descent
# It found a local minimum, not the global one; the gradient there is zero.
