"""Passed the arguments of the loss gradient in the wrong order, so that all gradients point the
other way."""

# base: solution
# loses: backward
# misconception: sign-flipped

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    loss_grad = self.loss.get_gradient(y_pred, y)
    layers = self.layers
    delta = loss_grad[:, None] * layers[-1].act.get_gradient(layers[-1].last_zin)
    l = len(layers) - 1
    while True:
        layers[l].set_weight_gradient(layers[l].last_input.T @ delta)
        layers[l].set_bias_gradient(delta.sum(0))
        if l == 0:
            break
        delta = (delta @ layers[l].get_weight().T) * layers[l - 1].act.get_gradient(layers[l - 1].last_zin)
        l -= 1
