"""Thought that the gradient of the loss should not depend on the size of the batch, and multiplied the
1/N of `get_gradient` away."""

# base: solution
# loses: backward
# misconception: missing-batch-mean

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    N = y.shape[0]

    grad = self.loss.get_gradient(y, y_pred).view(N, 1) * N
    for layer in reversed(self.layers):
        grad = grad * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T.matmul(grad))
        layer.set_bias_gradient(grad.sum(0))
        grad = grad.matmul(layer.get_weight().T)
