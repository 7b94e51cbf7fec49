"""Understood everything, but trained two networks for a single epoch."""

# base: solution
# loses: train_two_layer, train_deep

# %% two_layer_training
torch.manual_seed(1)
two_layer = [make_layer(64, 32, relu), make_layer(32, 1, sigmoid)]
two_layer_history = fit(two_layer, split_x, split_y, learning_rate=0.01, batch_size=100, epochs=1)

# %% deep_training
torch.manual_seed(4)
deep = [make_layer(64, 32, relu), make_layer(32, 16, relu), make_layer(16, 8, relu), make_layer(8, 1, sigmoid)]
deep_history = fit(deep, split_x, split_y, learning_rate=0.01, batch_size=100, epochs=1)
