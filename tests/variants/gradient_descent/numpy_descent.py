"""Keeps points as NumPy vectors, and the step sizes as a vector too."""

# base: solution
# loses: none

# %% solution-optimize_f
def optimize_f(x, y, step_size, steps):
    path = np.zeros((steps + 1, 2))
    path[0] = x, y
    for t in range(steps):
        path[t + 1] = path[t] - step_size * np.array([grad_x_f(*path[t]), grad_y_f(*path[t])])
    return path[-1, 0], path[-1, 1], f(*path[-1]), list(path[:, 0]), list(path[:, 1])

# %% optimize_f_decay
def optimize_f(x, y, step_size, steps, decay=1.0):
    path = np.zeros((steps + 1, 2))
    path[0] = x, y
    etas = step_size * np.power(decay, np.arange(steps))
    for t, eta in enumerate(etas):
        path[t + 1] = path[t] - eta * np.array([grad_x_f(*path[t]), grad_y_f(*path[t])])
    return path[-1, 0], path[-1, 1], f(*path[-1]), path[:, 0].tolist(), path[:, 1].tolist()

# %% sigmoid
def sigmoid(x):
    import math

    return 1 / (1 + math.e ** (-x))

# %% relu
def relu(x):
    return torch.max(x, torch.tensor(0.0, dtype=x.dtype))

# %% bce_loss
def bce_loss(y, y_hat):
    y = y.to(y_hat.dtype)
    return -(torch.dot(y, y_hat.log()) + torch.dot(1 - y, (1 - y_hat).log())) / y.numel()

# %% make_layer
def make_layer(d0, d1, activation):
    w = torch.from_numpy(np.random.normal(0, np.sqrt(2 / d0), size=(d0, d1)))
    return [w, torch.from_numpy(np.zeros(d1)), activation]
