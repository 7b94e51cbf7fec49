"""Writes everything out, with while loops and running products."""

# base: solution
# loses: none

# %% solution-optimize_f
def optimize_f(x, y, step_size, steps):
    points = [(x, y)]
    while len(points) <= steps:
        px, py = points[-1]
        points.append((px - step_size * grad_x_f(px, py), py - step_size * grad_y_f(px, py)))
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return xs[-1], ys[-1], f(xs[-1], ys[-1]), xs, ys

# %% optimize_f_decay
def optimize_f(x, y, step_size, steps, decay=1.0):
    points, eta = [(x, y)], step_size
    while len(points) <= steps:
        px, py = points[-1]
        points.append((px - eta * grad_x_f(px, py), py - eta * grad_y_f(px, py)))
        eta = eta * decay
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return xs[-1], ys[-1], f(xs[-1], ys[-1]), xs, ys

# %% settings
settings = {"decay": 0.9, "steps": 25, "step_size": 0.6}

# %% sigmoid
def sigmoid(x):
    e = torch.exp(-x.abs())
    return torch.where(x >= 0, 1 / (1 + e), e / (1 + e))

# %% relu
def relu(x):
    return x * (x > 0)

# %% bce_loss
def bce_loss(y, y_hat):
    total = 0
    for label, prediction in zip(y, y_hat):
        total = total - torch.log(prediction if label == 1 else 1 - prediction)
    return total / len(y)

# %% bce_loss_stable
def bce_loss_stable(y, y_hat):
    eps = 1e-7
    return -torch.mean(y * torch.log(y_hat + eps) + (1 - y) * torch.log(1 - y_hat + eps))

# %% model1
def model1(x, w, b):
    return sigmoid(sum(xi * wi for xi, wi in zip(x, w)) + b)

# %% network
def network(x, params):
    if not params:
        return x.squeeze(dim=-1)
    w, b, h = params[0]
    return network(h(torch.einsum("ni,io->no", x, w) + b[None, :]), params[1:])

# %% make_layer
def make_layer(d0, d1, activation):
    std = (2.0 / d0) ** 0.5
    rows = [[float(torch.normal(0.0, std, ())) for _ in range(d1)] for _ in range(d0)] if d0 * d1 < 50 else None
    w = torch.tensor(rows) if rows else torch.normal(0.0, std, (d0, d1))
    return w.double(), torch.tensor([0.0] * d1).double(), activation

# %% train_epoch
def train_epoch(params, x_train, y_train, learning_rate, batch_size):
    n = len(x_train)
    if batch_size is None or batch_size > n:
        batch_size = n
    order = torch.randperm(n)
    x_mixed, y_mixed = x_train[order], y_train[order]
    losses, hits = [], []
    position = 0
    while position + batch_size <= n:
        x_batch = x_mixed[position : position + batch_size]
        y_batch = y_mixed[position : position + batch_size]
        y_hat = network(x_batch, params)
        loss = bce_loss_stable(y_batch, y_hat)
        hits.append(float(accuracy(y_batch, y_hat)))
        losses.append(float(loss.detach()))
        loss.backward()
        add_gradients(params, -learning_rate)
        clear_gradients(params)
        position += batch_size
    return sum(losses) / len(losses), sum(hits) / len(hits)
