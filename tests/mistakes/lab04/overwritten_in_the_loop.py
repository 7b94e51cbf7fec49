"""Loops over the samples and sets the gradients anew in each turn instead of adding to them, so only
the last turn counts."""

# base: solution
# loses: backward
# misconception: only-last-sample

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    loss_grad = self.loss.get_gradient(y, y_pred)
    for s in range(len(x)):
        delta = loss_grad[s].view(1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin[s])
        for l in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[l]
            layer.set_weight_gradient(torch.outer(layer.last_input[s], delta))
            layer.set_bias_gradient(delta)
            if l > 0:
                below = self.layers[l - 1]
                delta = torch.mv(layer.get_weight(), delta) * below.act.get_gradient(below.last_zin[s])
