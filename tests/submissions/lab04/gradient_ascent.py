"""Adds the gradient instead of subtracting it, and so climbs the loss. Backward and train are
right, only the step goes the wrong way."""

# base: solution
# loses: apply_gradients

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers:
        layer.linear.weight = layer.linear.weight + learning_rate * layer.linear.weight_grad
        layer.linear.bias = layer.linear.bias + learning_rate * layer.linear.bias_grad
