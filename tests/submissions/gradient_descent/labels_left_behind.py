"""Shuffles the inputs, but takes the labels in their old order."""

# base: solution
# loses: train_epoch, train_two_layer, train_single_layer, train_linear, train_deep

# %% train_epoch
def train_epoch(params, x_train, y_train, learning_rate, batch_size):
    n = len(x_train)
    if batch_size is None or batch_size > n:
        batch_size = n
    num_batches = n // batch_size
    random_order = torch.randperm(n)
    loss_total, accuracy_total = 0.0, 0.0
    for step in range(num_batches):
        start, end = step * batch_size, (step + 1) * batch_size
        x_batch, y_batch = x_train[random_order[start:end]], y_train[start:end]
        clear_gradients(params)
        y_hat = network(x_batch, params)
        loss = bce_loss_stable(y_batch, y_hat)
        loss_total += loss.item()
        accuracy_total += accuracy(y_batch, y_hat).item()
        loss.backward()
        add_gradients(params, -learning_rate)
    return loss_total / num_batches, accuracy_total / num_batches
