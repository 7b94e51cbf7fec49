"""Stores gradients that are views: of one long vector for the whole network (as optimisers like it),
filled from the back. The deltas' sum is a product with a row of ones."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    block = delta.expand(len(z_prev), -1)  # stride 0: every row is the same memory
    return z_prev[:, None] * block, block[0]

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    shapes = [tuple(layer.get_weight().shape) for layer in self.layers]
    flat = y_pred.new_zeros(sum(i * o + o for i, o in shapes))

    ones = y_pred.new_ones(1, len(y_pred))
    end = flat.numel()
    upstream = self.loss.get_gradient(y, y_pred)[:, None]
    for layer, (n_in, n_out) in zip(reversed(self.layers), reversed(shapes)):
        delta = upstream * layer.act.get_gradient(layer.last_zin)
        bias_view = flat[end - n_out : end]
        end -= n_out
        # stored as (n_out, n_in), seen as (n_in, n_out)
        weight_view = flat[end - n_in * n_out : end].view(n_out, n_in).T
        end -= n_in * n_out
        bias_view[:] = (ones @ delta)[0]
        weight_view[:] = layer.last_input.T @ delta
        layer.set_weight_gradient(weight_view)
        layer.set_bias_gradient(bias_view)
        upstream = delta @ layer.get_weight().T

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers:
        layer.linear.weight.add_(-learning_rate * layer.linear.weight_grad)
        layer.linear.bias.add_(-learning_rate * layer.linear.bias_grad)
