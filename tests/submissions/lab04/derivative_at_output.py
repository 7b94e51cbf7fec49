"""Took `last_zout` where `last_zin` belongs: the derivative of each activation is evaluated
after the activation instead of before it."""

# base: solution
# loses: backward
# misconception: derivative-at-z-out

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    output = self.layers[-1]
    loss_grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    deltas = loss_grad * output.act.get_gradient(output.last_zout)
    for i in range(len(self.layers) - 1, -1, -1):
        current = self.layers[i]
        current.set_weight_gradient(current.last_input.T @ deltas)
        current.set_bias_gradient(deltas.sum(dim=0))
        if i > 0:
            previous = self.layers[i - 1]
            deltas = deltas @ current.get_weight().T * previous.act.get_gradient(previous.last_zout)
