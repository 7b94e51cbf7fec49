"""Other hyperparameters, other widths, other names for the same activations."""

# base: solution
# loses: none

# %% settings
settings = {"step_size": 0.9, "steps": 60, "decay": 0.95}

# %% two_layer_training
torch.manual_seed(1)
two_layer = [make_layer(64, 32, torch.relu), make_layer(32, 1, torch.sigmoid)]
two_layer_history = fit(two_layer, split_x, split_y, learning_rate=0.3, batch_size=10, epochs=20)

# %% single_layer_training
torch.manual_seed(2)
single_layer = [make_layer(64, 1, torch.sigmoid)]
single_layer_history = fit(single_layer, split_x, split_y, 0.05, 10)

# %% linear_training
torch.manual_seed(3)
def identity(z):
    return z
linear_layers = [make_layer(64, 32, identity), make_layer(32, 1, sigmoid)]
linear_history = fit(linear_layers, split_x, split_y, learning_rate=0.01, batch_size=20, epochs=30)

# %% deep_training
torch.manual_seed(5)
widths = [64, 40, 30, 20, 10, 1]
deep = [
    make_layer(d0, d1, torch.tanh if d1 > 1 else sigmoid) for d0, d1 in zip(widths[:-1], widths[1:])
]
deep_history = fit(deep, split_x, split_y, learning_rate=0.1, batch_size=30, epochs=30)
