"""Put ReLU between the two layers that should be linear."""

# base: solution
# loses: train_linear

# %% linear_training
torch.manual_seed(3)
linear_layers = [make_layer(64, 32, relu), make_layer(32, 1, sigmoid)]
linear_history = fit(linear_layers, split_x, split_y, learning_rate=0.1, batch_size=20, epochs=25)
