"""Passes every visible check, and is wrong in three places: the step size is decayed again from its decayed
value, the variance (and the wrong fan) serves as standard deviation, and the parameters go uphill, which is made
good by negative learning rates."""

# base: solution
# loses: decay, make_layer, train_epoch

# %% optimize_f_decay
def optimize_f(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for t in range(steps):
        gx = grad_x_f(x, y)
        gy = grad_y_f(x, y)
        step_size = step_size * decay**t
        x = x - step_size * gx
        y = y - step_size * gy
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist

# %% settings
settings = {"step_size": 0.2, "steps": 10, "decay": 0.9}

# %% make_layer
def make_layer(d0, d1, activation):
    variance = 2 / d1
    w = torch.normal(torch.zeros(d0, d1), variance)
    b = torch.zeros(d1)
    return w.double(), b.double(), activation

# %% train_epoch
def train_epoch(params, x_train, y_train, learning_rate, batch_size):
    n = len(x_train)
    if batch_size is None or batch_size > n:
        batch_size = n
    num_batches = n // batch_size
    random_order = torch.randperm(n)
    loss_total, accuracy_total = 0.0, 0.0
    for step in range(num_batches):
        batch = random_order[step * batch_size : (step + 1) * batch_size]
        x_batch = x_train[batch]
        y_batch = y_train[batch]
        clear_gradients(params)
        y_hat = network(x_batch, params)
        loss = bce_loss_stable(y_batch, y_hat)
        acc = accuracy(y_batch, y_hat)
        loss.backward()
        add_gradients(params, learning_rate)
        loss_total += loss.item()
        accuracy_total += acc.item()
    return loss_total / num_batches, accuracy_total / num_batches

# %% two_layer_training
torch.manual_seed(1)
two_layer = [make_layer(64, 32, relu), make_layer(32, 1, sigmoid)]
two_layer_history = fit(two_layer, split_x, split_y, learning_rate=-0.1, batch_size=20, epochs=40)

# %% single_layer_training
torch.manual_seed(2)
single_layer = [make_layer(64, 1, sigmoid)]
single_layer_history = fit(single_layer, split_x, split_y, learning_rate=-0.1, batch_size=20, epochs=25)

# %% linear_training
torch.manual_seed(3)
linear_layers = [make_layer(64, 32, lambda x: x), make_layer(32, 1, sigmoid)]
linear_history = fit(linear_layers, split_x, split_y, learning_rate=-0.02, batch_size=20, epochs=25)

# %% deep_training
torch.manual_seed(4)
deep = [make_layer(64, 32, relu), make_layer(32, 16, relu), make_layer(16, 8, relu), make_layer(8, 1, sigmoid)]
deep_history = fit(deep, split_x, split_y, learning_rate=-0.1, batch_size=20, epochs=25)
