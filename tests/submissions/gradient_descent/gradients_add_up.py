"""Never clears the gradients."""

# base: solution
# loses: train_epoch, train_two_layer, train_deep

# %% train_epoch
def train_epoch(params, x_train, y_train, learning_rate, batch_size):
    n = len(x_train)
    if batch_size is None or batch_size > n:
        batch_size = n
    num_batches = n // batch_size
    random_order = torch.randperm(n)
    loss_total, accuracy_total = 0.0, 0.0
    for step in range(num_batches):
        chosen = random_order[step * batch_size : (step + 1) * batch_size]
        y_hat = network(x_train[chosen], params)
        loss = bce_loss_stable(y_train[chosen], y_hat)
        loss_total += loss.item()
        accuracy_total += accuracy(y_train[chosen], y_hat).item()
        loss.backward()
        add_gradients(params, -learning_rate)
    return loss_total / num_batches, accuracy_total / num_batches
