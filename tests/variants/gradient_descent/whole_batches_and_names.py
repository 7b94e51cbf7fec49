"""Reads the minibatches off torch.split, keeps a smaller last one, and calls with keywords."""

# base: solution
# loses: none

# %% bce_loss_stable
def bce_loss_stable(y, y_hat):
    eps = 1e-5
    y_hat = y_hat * (1 - 2 * eps) + eps
    return (-y * y_hat.log() - (1 - y) * (1 - y_hat).log()).sum() / y.shape[0]

# %% evaluate
def evaluate(params, x, y):
    with torch.no_grad():
        y_hat = network(x=x, params=params)
        right = ((y_hat >= 0.5).double() == y).double()
    return bce_loss_stable(y=y, y_hat=y_hat).item(), right.mean().item()

# %% train_epoch
def train_epoch(params, x_train, y_train, learning_rate, batch_size):
    n = len(x_train)
    size = min(batch_size or n, n)
    losses, accuracies = [], []
    for chosen in torch.split(torch.randperm(n), size):
        clear_gradients(params)
        y_hat = network(x=x_train[chosen], params=params)
        loss = bce_loss_stable(y=y_train[chosen], y_hat=y_hat)
        loss.backward()
        losses.append(loss.item())
        accuracies.append(accuracy(y=y_train[chosen], y_hat=y_hat).item())
        add_gradients(params, -learning_rate)
    return sum(losses) / len(losses), sum(accuracies) / len(accuracies)
