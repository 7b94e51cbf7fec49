"""Took row 0 everywhere, as in the single-sample function of exercise 1, and never came to the other
rows."""

# base: solution
# loses: backward
# misconception: only-first-sample

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    upstream = self.loss.get_gradient(y, y_pred)[0:1]
    for layer in self.layers[::-1]:
        delta = upstream * layer.act.get_gradient(layer.last_zin[0])
        weight_grad = layer.last_input[0][:, None] * delta[None, :]
        layer.set_weight_gradient(weight_grad)
        layer.set_bias_gradient(delta)
        upstream = layer.get_weight() @ delta
