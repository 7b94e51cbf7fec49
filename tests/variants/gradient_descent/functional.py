"""Functional style: reduce, autograd.grad, no .grad anywhere."""

# base: solution
# loses: none

# %% solution-optimize_f
def optimize_f(x, y, step_size, steps):
    from itertools import accumulate

    def step(point, _):
        return point[0] - step_size * grad_x_f(*point), point[1] - step_size * grad_y_f(*point)

    x_hist, y_hist = zip(*accumulate(range(steps), step, initial=(x, y)))
    return x_hist[-1], y_hist[-1], f(x_hist[-1], y_hist[-1]), list(x_hist), list(y_hist)

# %% relu
def relu(x):
    return torch.where(x > 0, x, torch.zeros_like(x))

# %% bce_loss
def bce_loss(y, y_hat):
    return -torch.log(torch.where(y == 1, y_hat, 1 - y_hat)).mean()

# %% bce_loss_stable
def bce_loss_stable(y, y_hat):
    return bce_loss(y, torch.clamp(y_hat, 1e-6, 1 - 1e-6))

# %% network
def network(x, params):
    from functools import reduce

    return reduce(lambda z, layer: layer[2](z @ layer[0] + layer[1]), params, x).squeeze(dim=-1)

# %% evaluate
def evaluate(params, x, y):
    y_hat = network(x, params).detach()
    return float(bce_loss_stable(y, y_hat)), float(accuracy(y, y_hat))

# %% train_epoch
def train_epoch(params, x_train, y_train, learning_rate, batch_size):
    n = len(x_train)
    if batch_size is None or batch_size > n:
        batch_size = n
    batches = torch.randperm(n)[: n - n % batch_size].reshape(-1, batch_size)
    tensors = [p for w, b, h in params for p in (w, b)]
    results = []
    for batch in batches:
        y_hat = network(x_train[batch], params)
        loss = bce_loss_stable(y_train[batch], y_hat)
        results.append((loss.item(), accuracy(y_train[batch], y_hat).item()))
        for p, g in zip(tensors, torch.autograd.grad(loss, tensors)):
            p.data -= learning_rate * g
    return tuple(float(mean) for mean in np.mean(results, axis=0))
