"""Takes the number of outputs where He's formula has the number of inputs."""

# base: solution
# loses: make_layer

# %% make_layer
def make_layer(d0, d1, activation):
    w = torch.randn(d0, d1, dtype=torch.float64) * (2 / d1) ** 0.5
    return w, torch.zeros(d1, dtype=torch.float64), activation

# %% linear_training
torch.manual_seed(3)
linear_layers = [make_layer(64, 32, lambda x: x), make_layer(32, 1, sigmoid)]
linear_history = fit(linear_layers, split_x, split_y, learning_rate=0.005, batch_size=20, epochs=60)
