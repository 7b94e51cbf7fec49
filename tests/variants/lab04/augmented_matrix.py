"""A bias is a weight on a constant input of 1: appends a column of ones to every input and a row for
the bias to every weight. The two gradients of a layer are views of one matrix and share its memory."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    both = torch.outer(torch.cat([z_prev, z_prev.new_ones(1)]), delta)
    return both[:-1], both[-1]

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    ones = torch.ones_like(y)[:, None]

    delta = self.loss.get_gradient(y, y_pred)[:, None]
    delta = delta * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i, layer in reversed(list(enumerate(self.layers))):
        theta = torch.vstack([layer.get_weight(), layer.get_bias()])
        grad = torch.hstack([layer.last_input, ones]).T @ delta
        layer.set_weight_gradient(grad[:-1])
        layer.set_bias_gradient(grad[-1])
        if i > 0:
            # the last column belongs to the constant 1, which has no layer below it
            delta = (delta @ theta.T)[:, :-1]
            delta = delta * self.layers[i - 1].act.get_gradient(self.layers[i - 1].last_zin)

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers:
        theta = torch.vstack([layer.linear.weight, layer.linear.bias])
        grad = torch.vstack([layer.linear.weight_grad, layer.linear.bias_grad])
        theta = theta - learning_rate * grad
        layer.linear.weight, layer.linear.bias = theta[:-1], theta[-1]
