"""Adds up the weight gradients over the samples, but sets the bias gradients anew for each, so that
the last sample's remain."""

# base: solution
# loses: backward
# misconception: bias-gradient-of-one-sample

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    loss_grad = self.loss.get_gradient(y, y_pred)
    for layer in self.layers:
        layer.set_weight_gradient(torch.zeros_like(layer.get_weight()))
    for s in range(len(y)):
        delta = loss_grad[s]
        for layer in reversed(self.layers):
            delta = delta * layer.act.get_gradient(layer.last_zin[s])
            layer.set_weight_gradient(layer.linear.weight_grad + torch.outer(layer.last_input[s], delta))
            layer.set_bias_gradient(delta)
            delta = layer.get_weight() @ delta
